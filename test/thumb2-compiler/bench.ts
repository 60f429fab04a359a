// Eleven kernels: by the C compiler for the core, by the Thumb-2 compiler, and in wasm3: `npm run bench:compiled`.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { Command, Option } from "commander";
import { CliError, EXIT_USAGE, runCommand } from "../../host/common/cli.js";
import { projectRoot } from "../../host/common/paths.js";
import { systemTool } from "../../host/common/system-tools.js";
import { emulatorArguments } from "../../host/mcu/emulator.js";
import {
  type EmulatedBoard,
  emulatedBoards,
  make,
  mcuBuildFolder,
  runCommand as run,
} from "../../host/mcu/toolchain.js";
import { Thumb2Compiler } from "../../host/thumb2-compiler/compiler.js";
import { hasFloats, runInWasm3, runOnBoard } from "./boards.js";

/** The most that compiled code may take, as multiples of the C compiler's. */
const BARS = { mean: 2.0, worst: 3.0 };
const PAGES = 3;
/** Where tools are looked for: clang would run this project's own `wasm-opt`, if it found it. */
const PATH = (process.env.PATH ?? "")
  .split(delimiter)
  .filter((folder) => !folder.includes("node_modules"))
  .join(delimiter);
const FUEL = 2n ** 62n;

interface Native {
  readonly name: string;
  readonly result: number;
  readonly instructions: number;
}

/** The kernels as the C compiler makes them for the board. */
async function native(board: EmulatedBoard): Promise<Native[]> {
  await make({ BOARD: board, IMAGE: "kernels" });
  const image = join(mcuBuildFolder, board, "kernels", "kernels.elf");
  const output = await run("qemu-system-arm", emulatorArguments({ board, image, exact: true }), {
    timeoutMs: 120_000,
  });
  return [...output.matchAll(/^kernel (\w+) (\w+) (\d+)/gm)].map(
    ([, name = "", result = "", count]) => ({
      name,
      result: Number.parseInt(result, 16) | 0,
      instructions: Number(count),
    }),
  );
}

/** A kernel as a program. */
function program(name: string, folder: string): Uint8Array {
  const out = join(folder, `${name}.wasm`);
  execFileSync(
    "clang",
    [
      ...[
        "--target=wasm32",
        "-O2",
        "-nostdlib",
        "-ffreestanding",
        "-fno-builtin",
        "-mbulk-memory",
        "-msign-ext",
      ],
      ...[
        "-mnontrapping-fptoint",
        `-DKERNEL_NAME=kernel_${name}`,
        "-Wl,--no-entry",
        "-Wl,--stack-first",
      ],
      ...["-Wl,-z,stack-size=8192", "-Wl,--strip-debug", "-Wl,--gc-sections"],
      ...[`-Wl,--initial-memory=${PAGES * 65536}`, `-Wl,--max-memory=${PAGES * 65536}`],
      ...[join(projectRoot, "mcu-client/images/kernels/kernels.c"), "-o", out],
    ],
    { env: { ...process.env, PATH } },
  );
  return readFileSync(out);
}

async function bench(board: EmulatedBoard): Promise<boolean> {
  if (!systemTool("clang") || !systemTool("wasm-ld")) {
    throw new CliError("the kernels need clang and wasm-ld (Debian: clang lld)", EXIT_USAGE);
  }
  const kernels = await native(board);
  const folder = mkdtempSync(join(tmpdir(), "kernels-"));
  try {
    const compiler = new Thumb2Compiler();
    const programs = kernels.map(({ name }) => program(name, folder));
    const compiled = programs.map((wasm) => compiler.compile(wasm, { floats: hasFloats(board) }));
    const cases = programs.map((wasm, index) => ({
      wasm,
      compiled: compiled[index]?.bytes as Uint8Array,
      fuel: FUEL,
      pages: PAGES,
    }));
    const endings = await runOnBoard(board, cases, { exact: true });
    let logarithms = 0;
    let worst = 0;
    let right = true;
    console.log(
      `${board}: instructions of the C compiler's code, of compiled programs, and their ratio; bytes of code a byte of program`,
    );
    for (const [index, kernel] of kernels.entries()) {
      const wasm = programs[index] as Uint8Array;
      const ending = endings[index];
      const count = ending?.instructions ?? 0;
      const wasm3 = runInWasm3(wasm, FUEL, PAGES);
      const same =
        ending?.result === kernel.result &&
        wasm3.result === kernel.result &&
        wasm3.fuel === ending.fuel;
      const ratio = count / kernel.instructions;
      logarithms += Math.log(ratio);
      worst = Math.max(worst, ratio);
      right &&= same;
      const size = (compiled[index]?.codeBytes ?? 0) / wasm.length;
      console.log(
        `  ${kernel.name.padEnd(12)} ${String(kernel.instructions).padStart(9)} ${String(count).padStart(9)} ${ratio.toFixed(2).padStart(6)} ${size.toFixed(2).padStart(6)}${same ? "" : "  wrong"}`,
      );
    }
    const mean = Math.exp(logarithms / kernels.length);
    console.log(
      `geometric mean ${mean.toFixed(2)} (bar ${BARS.mean}), worst ${worst.toFixed(2)} (bar ${BARS.worst})`,
    );
    return right && kernels.length > 0;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

await runCommand(
  new Command("bench:compiled")
    .description("Measures compiled kernels against the C compiler's code on an emulated board.")
    .addOption(
      new Option("--board <name>", "the board").choices([...emulatedBoards]).default("mps2-an505"),
    )
    .action(async ({ board }: { board: EmulatedBoard }) => {
      if (!(await bench(board))) process.exitCode = 1;
    }),
);
