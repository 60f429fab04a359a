// MCU_CLIENT_INSTRUCTIONS.md works as it stands: every shell block of it is run, in order, in one shell;
// its table of codes is complete.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import * as clientCodes from "../../assembly/mcu-client/codes.js";
import { projectRoot } from "../../host/common/paths.js";
import { missingTools } from "../../host/mcu/toolchain.js";
import { skip } from "../support/shared.js";

const text = readFileSync(join(projectRoot, "MCU_CLIENT_INSTRUCTIONS.md"), "utf8");

test("the table of codes names every code of the client", () => {
  const codes = Object.entries(clientCodes)
    .sort(([, a], [, b]) => b - a)
    .map(([name, code]) => [String(code), name.slice("VC_E_".length)]);
  const rows = [...text.matchAll(/^\| +(-\d+) +\| `(\w+)`/gm)].map((m) => [m[1], m[2]]);
  assert.is(codes.length, 35);
  assert.equal(rows, codes);
});

test("the program that is printed is the sample that `new` makes a project of", () => {
  const sample = readFileSync(
    join(projectRoot, "mcu-client/library/examples/bare-metal/main.c"),
    "utf8",
  );
  assert.ok(text.includes(`\`\`\`c\n${sample}\`\`\`\n`));
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
      timeout: 1_200_000,
    });
    assert.is(run.status, 0, `${run.stdout}\n${run.stderr}`);
    assert.match(run.stdout, /the result is right/);
    assert.match(run.stdout, /flash [\d.]+ KiB, RAM [\d.]+ KiB/);
    assert.match(run.stdout, /bytes, with the device's private key/);
    assert.match(run.stdout, /my-sample\.elf$/m);
    assert.match(run.stdout, /sample: sent 1 files/);
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
