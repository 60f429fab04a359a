/** Listings of compiled programs: each instruction of the program above those of the core. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as layout from "../../assembly/thumb2-compiler/layout.js";
import { systemTool } from "../common/system-tools.js";
import type { CompiledProgram } from "./compiler.js";

const DISASSEMBLER = "arm-none-eabi-objdump";

/** The text of each instruction, by its offset. */
function disassemble(code: Uint8Array, start: number): Map<number, string> {
  const folder = mkdtempSync(join(tmpdir(), "listing-"));
  try {
    const path = join(folder, "code");
    writeFileSync(path, code);
    const output = execFileSync(
      DISASSEMBLER,
      ["-b", "binary", "-m", "arm", "-M", "force-thumb", "-D", `--adjust-vma=${start}`, path],
      { encoding: "utf8", maxBuffer: 1 << 28 },
    );
    const lines = [...output.matchAll(/^\s*([0-9a-f]+):\t([0-9a-f ]+)\t(.*)$/gm)];
    return new Map(
      lines.map(([, at = "", bytes = "", text = ""]) => [
        Number.parseInt(at, 16),
        `${bytes.trim().padEnd(10)} ${text.replace(/\t/g, " ")}`,
      ]),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * The lines of a program that was compiled with `places`: the module's bytes of each instruction, with their offset,
 * and below them what they became.
 *
 * @throws Error when there is no disassembler
 */
export function* listing(wasm: Uint8Array, compiled: CompiledProgram): Generator<string> {
  if (!systemTool(DISASSEMBLER)) {
    throw new Error(`a listing needs ${DISASSEMBLER} (Debian: binutils-arm-none-eabi)`);
  }
  const start = layout.HEAD_SIZE;
  const code = compiled.bytes.subarray(start, start + compiled.codeBytes);
  const texts = disassemble(code, start);
  const hex = (value: number) => value.toString(16).padStart(6, "0");
  let at = start;
  const upTo = function* (end: number): Generator<string> {
    for (; at < end; at += 2) {
      const text = texts.get(at);
      if (text !== undefined) yield `            ${hex(at)}  ${text}`;
    }
  };
  for (const [index, place] of compiled.places.entries()) {
    yield* upTo(place.code);
    const next = compiled.places[index + 1]?.wasm ?? place.wasm + 1;
    const bytes = Buffer.from(wasm.subarray(place.wasm, Math.min(next, place.wasm + 12)));
    yield `${hex(place.wasm)}  ${bytes.toString("hex")}`;
  }
  yield* upTo(start + code.length);
}
