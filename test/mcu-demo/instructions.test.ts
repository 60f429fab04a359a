// MCU_CLIENT_INSTRUCTIONS.md works as it stands: every shell block of it is run, in order, in one shell;
// its table of codes is complete.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
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
  test("every shell block runs; those for a connected board, as far as they go without one", () => {
    const blocks = [...text.matchAll(/^```sh( board)?\n(.*?)^```$/gms)].map(
      ([, board, block = ""]) => (board === undefined ? block : withoutBoard(block)),
    );
    assert.ok(blocks.length >= 7);
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
    if (!hasProbe()) assert.match(run.stdout, /finds no debug probe|openocd is not installed/);
    assert.not.ok(existsSync(folder));
  });
}

/** Whether an ST-LINK is connected to this computer: then nothing is written to it. */
function hasProbe(): boolean {
  const devices = "/sys/bus/usb/devices";
  if (!existsSync(devices)) return false;
  return readdirSync(devices).some((name) => {
    const vendor = join(devices, name, "idVendor");
    return existsSync(vendor) && readFileSync(vendor, "utf8").trim() === "0483";
  });
}

/** A block that must fail for want of a board. */
function withoutBoard(block: string): string {
  if (hasProbe()) return "";
  return `if (\n${block}) 2>&1; then echo "there is no board, but it went well"; exit 1; fi`;
}

test.run();
