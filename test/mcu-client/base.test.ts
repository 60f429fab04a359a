import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { emulatorArguments } from "../../host/mcu/emulator.js";
import {
  type EmulatedBoard,
  emulatedBoards,
  make,
  mcuBuildFolder,
  missingTools,
  runCommand,
} from "../../host/mcu/toolchain.js";
import { skip } from "../support/shared.js";

/** Runs the self-test image: its console output, whatever its exit code. */
async function selftest(board: EmulatedBoard, commandLine: string): Promise<string> {
  const image = join(mcuBuildFolder, board, "selftest", "selftest.elf");
  return runCommand("qemu-system-arm", emulatorArguments({ board, image, commandLine }), {
    timeoutMs: 60_000,
  }).catch((error: Error) => error.message);
}

const reason = missingTools();
if (reason) skip(emulatedBoards.length, reason);
else {
  for (const board of emulatedBoards) {
    test(`${board}: console, entropy, clock, heap; faults are reported and end the firmware`, async () => {
      await make({ BOARD: board, IMAGE: "selftest" });

      const [, first, second] =
        (await selftest(board, "entropy")).match(/^entropy ([0-9a-f]{8}) ([0-9a-f]{8})$/m) ?? [];
      assert.ok(first && second, "entropy is printed");
      assert.is.not(first, second);
      assert.not.match(await selftest(board, "entropy"), `entropy ${first}`);

      assert.match(await selftest(board, "clock"), /^20 ms passed\r?\nend$/m);
      assert.match(await selftest(board, "heap"), /^heap of [1-9]\d+ blocks\r?\nend$/m);
      assert.match(
        await selftest(board, "stack-overflow"),
        /ended with 100[\s\S]*^fault: stack overflow/m,
      );
      assert.match(
        await selftest(board, "execute-data"),
        /ended with 100[\s\S]*^fault: memory prot/m,
      );
      assert.match(await selftest(board, "bus-fault"), /ended with 100[\s\S]*^fault: bus/m);
      assert.match(await selftest(board, "within-array"), /^8 was written\r?\nend$/m);
      assert.match(
        await selftest(board, "beyond-array"),
        /ended with 100[\s\S]*^fault: the stack was overwritten/m,
      );
      assert.match(await selftest(board, "abort"), /ended with 101[\s\S]*^abort$/m);
    });
  }
}
test.run();
