// The scripts at the top level, as a user runs them: both computations on emulated devices.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../../host/common/paths.js";
import { missingTools } from "../../host/mcu/toolchain.js";
import { skip } from "../support/shared.js";

const folder = mkdtempSync(join(tmpdir(), "vc-mcu-demo-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a script to its end. */
function script(name: string, ...args: string[]): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(join(projectRoot, name), args, { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    const take = (chunk: Buffer) => {
      output += chunk;
    };
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    child.on("close", (code) => resolve({ code, output }));
  });
}

test("every script explains itself and refuses what it does not know", async () => {
  for (const name of [
    "run_mcu_demo_server.sh",
    "run_mcu_test_server.sh",
    "mcu-client/run_mcu_demo_client.sh",
    "mcu-client/run_mcu_test_client.sh",
  ]) {
    const { code, output } = await script(name, "--help");
    assert.is(code, 0, output);
    assert.match(output, /^Usage: [\s\S]*--folder DIR[\s\S]*Exit codes:/, name);
  }
});

const missing = missingTools();
if (missing) skip(1, missing);
else {
  test("the test server: both computations, three devices each, results checked", async () => {
    const { code, output } = await script(
      "run_mcu_test_server.sh",
      ...["--address", "127.0.0.1", "--pas-port", "0", "--server-port", "0"],
      ...["--folder", folder, "--no-install"],
    );
    assert.is(code, 0, output);
    assert.match(output, /using 127\.0\.0\.1, an address of this machine/);
    assert.match(
      output,
      /the clap was at \(1\.2\d+, 1\.7\d+\) m; its true place is \(1\.250, 1\.750\)/,
    );
    assert.match(output, /the secret is "The magic words are squeamish ossifrage"/);
    for (const device of ["device-0", "device-1", "device-2"]) {
      assert.is(output.match(new RegExp(`${device} +sent input-`, "g"))?.length, 2, output);
    }
    assert.match(output, /\n2 passed, 0 failed\n/);
  });
}

test.run();
