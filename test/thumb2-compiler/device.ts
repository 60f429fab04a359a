// Compiles modules on an emulated board, with the compiler that its firmware carries.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { emulatorArguments } from "../../host/mcu/emulator.js";
import { type EmulatedBoard, make, mcuBuildFolder, runCommand } from "../../host/mcu/toolchain.js";

/** What a board made of a module. */
export interface DeviceResult {
  /** The compiler's own code, 0 when it has compiled. */
  readonly answer: number;
  /** That compiling took, on a run that counts exactly. */
  readonly instructions: number;
  /** Of the result. */
  readonly bytes: number;
  /** SHA-256 of the result, in hexadecimal. */
  readonly sha256: string;
}

/**
 * Compiles modules, which the checker must have accepted, on a board.
 *
 * @param pages the most pages of memory that programs may have there
 * @param native modules that firmware is made of instead, whose memory has so many pages
 * @throws Error with the board's output when it ends before the last
 */
export async function compileOnBoard(
  board: EmulatedBoard,
  modules: readonly Uint8Array[],
  pages: number,
  native = false,
): Promise<DeviceResult[]> {
  await make({ BOARD: board, IMAGE: "compiler", ...(native && { NATIVE: "1" }) });
  const folder = mkdtempSync(join(tmpdir(), "compiler-"));
  try {
    const path = join(folder, "modules");
    const parts = modules.flatMap((wasm) => [
      new Uint8Array(Uint32Array.of(wasm.length, pages).buffer),
      wasm,
    ]);
    writeFileSync(path, Buffer.concat(parts));
    const image = join(mcuBuildFolder, board, `compiler${native ? "-native" : ""}`, "compiler.elf");
    const output = await runCommand(
      "qemu-system-arm",
      emulatorArguments({ board, image, commandLine: path, exact: true }),
      { timeoutMs: 600_000 },
    );
    const results = [...output.matchAll(/^compiled (\d+) (\d+) (\d+) ([0-9a-f]{64})/gm)].map(
      ([, answer, instructions, bytes, sha256 = ""]) => ({
        answer: Number(answer),
        instructions: Number(instructions),
        bytes: Number(bytes),
        sha256,
      }),
    );
    if (results.length !== modules.length) throw new Error(output.slice(-600));
    return results;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
