// The real board's firmware is built and measured here; to run it takes the board.
import { spawnSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../../host/common/paths.js";
import { buildIsolate, isolateImages } from "../../host/mcu/emulated-isolate.js";
import { readSizes, total } from "../../host/mcu/size-report.js";
import { make, missingTools } from "../../host/mcu/toolchain.js";
import { skip } from "../support/shared.js";

const board = "nucleo-h753zi";
const FLASH_MAIN = (1024 - 128) * 1024;
const FLASH_BOOT = 128 * 1024;
const RAM = 512 * 1024;
/** Heap that a program of 16 KiB with one page takes, with room to spare. */
const PROGRAM_HEAP = 160 * 1024;

const vcMcu = (...args: string[]) =>
  spawnSync(process.execPath, [join(projectRoot, "build/js/host/mcu/cli.js"), ...args], {
    encoding: "utf8",
    env: { ...process.env, PATH: "/nonexistent" },
  });

test("flashing says what is missing: the board, or the tool", () => {
  const emulated = vcMcu("flash", "--board", "mps2-an385");
  assert.is(emulated.status, 2);
  assert.match(emulated.stderr, /mps2-an385 is emulated: use npm run mcu:run/);
  const tool = vcMcu("flash", "--board", board, "--host", "c");
  assert.is(tool.status, 1);
  assert.match(tool.stderr, /none of the flashing tools is installed: openocd/);
  assert.match(vcMcu("flash", "--board", "nonesuch").stderr, /no such board: nonesuch\. There are/);
});

const reason = missingTools();
if (reason) skip(2, reason);
else {
  test(`${board}: first stage and isolate fit into flash, and RAM leaves room for a program`, async () => {
    await buildIsolate(board, "c");
    const { boot, elf, main } = isolateImages(board, "c");
    const sizes = readSizes(readFileSync(elf.replace(/elf$/, "map"), "utf8"), statSync(main).size);
    assert.ok(statSync(main).size <= FLASH_MAIN);
    assert.ok(statSync(boot.replace(/elf$/, "bin")).size <= FLASH_BOOT);
    assert.ok(total(sizes.ram) + PROGRAM_HEAP <= RAM, `${total(sizes.ram)} bytes are reserved`);
    assert.ok((sizes.flash["trusted runtime"] ?? 0) > 50_000, "the runtime is in the image");
  });

  test(`${board}: the interpreted runtime, which does not fit, is refused by the build`, async () => {
    const error = await make({ BOARD: board, IMAGE: "isolate", HOST: "wasm3" }).then(
      () => "it was built",
      ({ message }: Error) => message,
    );
    assert.match(error, /nucleo-h753zi has RAM for HOST=c only/);
  });
}
test.run();
