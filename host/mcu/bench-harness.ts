/**
 * Exact instruction counts of WebAssembly functions on an emulated Cortex-M: interpreted by wasm3,
 * compiled through wasm2c or by the Thumb-2 compiler, and plain C beside them.
 *
 * The image in `mcu-client/images/bench/` holds the module in both forms; QEMU runs it with
 * `-icount shift=0`, so the counts repeat exactly and depend on nothing but the code.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { projectRoot } from "../common/paths.js";
import { Thumb2Compiler } from "../thumb2-compiler/compiler.js";
import { benchTable, nativeBenchTable } from "./bench-table.js";
import { emulatorArguments } from "./emulator.js";
import { hcallDefinitions } from "./hcall-definitions.js";
import { type EmulatedBoard, make, mcuBuildFolder, runCommand } from "./toolchain.js";
import { readInterface } from "./wasm-interface.js";

/**
 * How the functions run: by wasm3 as the firmware has it, by wasm3 as its authors published it,
 * as C made by wasm2c, as code of the Thumb-2 compiler, or as the plain C of `mcu-client/images/bench/native.c`.
 */
export type BenchHost = "wasm3" | "wasm3-bare" | "c" | "thumb2" | "native";

/** An exported function, and how it is called. */
export interface BenchCall {
  /** An export of the module; for the host `native`, a function of `native.c`. */
  readonly name: string;
  readonly arguments?: readonly (number | bigint)[];
}

/** What a call cost. */
export interface BenchCount {
  /** From calling the function to its return, without the harness's own instructions. */
  readonly instructions: number;
  /** The result's bits, unsigned; 0 where the function has none. */
  readonly result: bigint;
}

/** The module, how it is hosted, and the calls to count. */
export interface BenchOptions {
  /**
   * Path of the module. It may import `platform.random`, answered by a fixed sequence of bytes that
   * is the same in every host, and `platform.debug`; a call of any other import is a trap.
   */
  readonly wasm: string;
  readonly host: BenchHost;
  /** Made in this order, in one instance; before them `_initialize`, if the module exports it. */
  readonly calls: readonly BenchCall[];
  /** Paths of a program's inputs, for its H-calls (`wasm3` and `wasm3-bare` only). */
  readonly inputs?: readonly string[];
  /** Default: mps2-an385, a Cortex-M3. */
  readonly board?: EmulatedBoard;
  /** The compiled module optimised for size, as the client's is; `smallest`: as the token module is. */
  readonly small?: boolean | "smallest";
  /** Bytes that back the compiled module's memory. Default: 1 MiB, or its initial pages if more. */
  readonly memoryBytes?: number;
  /** Real time after which the emulator is ended. Default: 10 minutes. */
  readonly timeoutMs?: number;
}

/** Writes a file unless it already holds just that, so that make sees what changed. */
function update(path: string, content: string | Uint8Array): void {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  if (existsSync(path) && readFileSync(path).equals(bytes)) return;
  writeFileSync(path, bytes);
}

/** An argument's raw bits, in hexadecimal; negative numbers as two's complement. */
function bits(argument: number | bigint): string {
  return BigInt.asUintN(64, BigInt(argument)).toString(16);
}

/**
 * Builds the bench image for a module, if it is not up to date, runs the calls and counts.
 *
 * @returns one count for each call, in order
 * @throws Error when a call traps, names an export that does not exist, or takes longer than `timeoutMs`
 */
export async function countInstructions(options: BenchOptions): Promise<BenchCount[]> {
  const { host, calls, board = "mps2-an385", small = false } = options;
  const wasm = new Uint8Array(readFileSync(options.wasm));
  const wasm3 = host === "wasm3-bare" ? "wasm3-bare" : "wasm3";
  const name = relative(join(projectRoot, "build", "wasm"), options.wasm)
    .replace(/\.wasm$/, "")
    .replaceAll(/[^\w-]+/g, "-");
  const thumb2 = host === "thumb2";
  const suffix = thumb2 ? "-thumb2" : small === "smallest" ? "-smallest" : small ? "-small" : "";
  const folder = join(mcuBuildFolder, board, "bench", `${name}-${wasm3}${suffix}`);
  mkdirSync(folder, { recursive: true });
  update(join(folder, "module.wasm"), wasm);
  update(join(folder, "..", "hcall-definitions.h"), hcallDefinitions());
  const pages = Math.max(16, readInterface(wasm).memoryPages);
  const memoryBytes = options.memoryBytes ?? pages * 65536;
  if (thumb2) {
    const { bytes } = new Thumb2Compiler().compile(wasm, { nativeBytes: memoryBytes });
    update(join(folder, "program.bin"), bytes);
    update(join(folder, "exports.c"), nativeBenchTable(wasm, bytes, memoryBytes));
  } else update(join(folder, "exports.c"), benchTable(wasm));
  await make({
    BOARD: board,
    IMAGE: "bench",
    MODULE: folder,
    MEMORY_BYTES: String(memoryBytes),
    WASM3_KIND: wasm3,
    ...(thumb2 && { THUMB2: "1" }),
    ...(small && !thumb2 && { MODULE_OPTIMIZE: small === "smallest" ? "$(SMALLEST)" : "-Os" }),
  });

  const script = [
    ...(options.inputs ?? []).map((path) => `input ${path}`),
    `host ${host === "c" || thumb2 ? "compiled" : host === "wasm3-bare" ? "wasm3" : host}`,
    ...calls.map((call) => [call.name, ...(call.arguments ?? []).map(bits)].join(" ")),
  ];
  const scriptPath = join(folder, `calls-${process.pid}`);
  writeFileSync(scriptPath, `${script.join("\n")}\n`);
  const emulator = emulatorArguments({
    board,
    image: join(folder, "bench.elf"),
    commandLine: scriptPath,
    exact: true,
  });
  const output = await runCommand("qemu-system-arm", emulator, {
    timeoutMs: options.timeoutMs ?? 600_000,
  }).finally(() => rmSync(scriptPath));
  return readCounts(output, calls);
}

/** Reads the lines that the image prints (`mcu-client/images/bench/main.c`). */
function readCounts(output: string, calls: readonly BenchCall[]): BenchCount[] {
  const counts: BenchCount[] = [];
  for (const line of output.split(/\r?\n/)) {
    const [kind, index, ...rest] = line.split(" ");
    if (kind === "count")
      counts.push({ instructions: Number(rest[0]), result: BigInt(`0x${rest[1]}`) });
    else if (kind === "trap")
      throw new Error(`${calls[Number(index)]?.name} trapped: ${rest.join(" ")}`);
  }
  if (counts.length !== calls.length) throw new Error(`the bench ended early:\n${output}`);
  return counts;
}
