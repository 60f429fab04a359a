// The scripts at the top level, as a user runs them: both computations on emulated devices, with the isolate
// as a process and as emulated firmware, in the default host and in another.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../../host/common/paths.js";
import { missingTools } from "../../host/mcu/toolchain.js";
import { hostsInTurn } from "../mcu-client/rotation.js";
import { skip } from "../support/shared.js";

const folder = mkdtempSync(join(tmpdir(), "vc-mcu-demo-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));
const server = ["--address", "127.0.0.1", "--pas-port", "0", "--server-port", "0"];

/** Runs a script to its end. */
function script(name: string, ...args: string[]): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve) => {
    const command = [...args, "--folder", folder, "--no-install", "--wait", "600"];
    const child = spawn(join(projectRoot, name), command, { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    const take = (chunk: Buffer) => {
      output += chunk;
    };
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    child.on("close", (code) => resolve({ code, output }));
  });
}

/** Whether both results are there, and right. */
function checkResults(output: string): void {
  assert.match(output, /using 127\.0\.0\.1, an address of this machine/);
  assert.match(
    output,
    /the clap was at \(1\.2\d+, 1\.7\d+\) m; its true place is \(1\.250, 1\.750\)/,
  );
  assert.match(output, /the secret is "The magic words are squeamish ossifrage"/);
  assert.is(output.match(/controller +the result is right/g)?.length, 2, output);
  assert.match(output, /\n2 passed, 0 failed\n/);
}

/** Whether every device took part in both computations, with an isolate of this kind. */
function checkDevices(output: string, kind: "linux" | "mcu"): void {
  for (const device of ["device-0", "device-1", "device-2"]) {
    assert.is(output.match(new RegExp(`${device} +sent input-`, "g"))?.length, 2, output);
    const attested = new RegExp(`${device} +vc: isolate attested: kind ${kind},`, "g");
    assert.is(output.match(attested)?.length, 2, output);
    const hybrid = new RegExp(`${device} +vc: key exchange X25519MLKEM768$`, "gm");
    assert.is(output.match(hybrid)?.length, 2, output);
  }
}

const missing = missingTools();
if (missing) skip(3, missing);
else {
  for (const [isolate, kind] of [
    ["process", "linux"],
    ["qemu:mps2-an505", "mcu"],
  ] as const) {
    test(`both computations, three devices each, isolate ${isolate}`, async () => {
      const args = [...server, "--isolate", isolate];
      const { code, output } = await script("run_mcu_test_server.sh", ...args);
      assert.is(code, 0, output);
      checkResults(output);
      checkDevices(output, kind);
    });
  }

  const other = `qemu:mps2-an505:${hostsInTurn()[1]}`;
  test(`both computations, servers and devices by a script each, isolate ${other}`, async () => {
    // Nothing of the computations before may be taken for this one's.
    rmSync(folder, { recursive: true });
    const [servers, devices] = await Promise.all([
      script("run_mcu_test_server.sh", ...[...server, "--isolate", other, "--no-devices"]),
      script("mcu-client/run_mcu_test_client.sh"),
    ]);
    assert.is(servers.code, 0, servers.output);
    assert.is(devices.code, 0, devices.output);
    checkResults(servers.output);
    checkDevices(devices.output, "mcu");
  });
}

test.run();
