// MCU_CLIENT_INSTRUCTIONS.md works as it stands: every shell block of it is run, in order, in one shell;
// its table of codes is complete.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../../host/common/paths.js";
import { missingTools } from "../../host/mcu/toolchain.js";
import { skip } from "../support/shared.js";

const text = readFileSync(join(projectRoot, "MCU_CLIENT_INSTRUCTIONS.md"), "utf8");

test("the table of codes names every code of the header", () => {
  const header = readFileSync(join(projectRoot, "mcu-client/client/veracruz-client.h"), "utf8");
  const codes = [...header.matchAll(/^ {2}VC_E_(\w+) = (-\d+),/gm)].map((m) => [m[2], m[1]]);
  const rows = [...text.matchAll(/^\| +(-\d+) +\| `(\w+)`/gm)].map((m) => [m[1], m[2]]);
  assert.is(codes.length, 27);
  assert.equal(rows, codes);
});

const missing = missingTools();
if (missing) skip(1, missing);
else {
  test("every shell block runs", () => {
    const blocks = [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map((match) => match[1] as string);
    assert.ok(blocks.length >= 6);
    const folder = join(projectRoot, "mcu-quickstart");
    assert.not.ok(existsSync(folder), "there is a folder mcu-quickstart/ already");
    const script = `set -eu\ntrap 'rm -rf mcu-quickstart' EXIT\n${blocks.join("\n")}`;
    const run = spawnSync("bash", ["-c", script], {
      cwd: projectRoot,
      encoding: "utf8",
      timeout: 540_000,
    });
    assert.is(run.status, 0, `${run.stdout}\n${run.stderr}`);
    assert.match(run.stdout, /the result is right/);
    assert.match(run.stdout, /flash [\d.]+ KiB, RAM [\d.]+ KiB/);
    assert.match(run.stdout, /bytes, with the device's private key/);
    assert.match(run.stdout, /openocd .*audio-event-triangulation\.bin.*page\.bin/);
    assert.not.ok(existsSync(folder));
  });
}

test.run();
