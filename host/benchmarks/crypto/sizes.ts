import { readFileSync } from "node:fs";
import { SectionId } from "../../common/wasm-sections.js";
import { cryptoWasm } from "./recording.js";

/** Reads a module from its start; offsets and lengths in bytes. */
class Reader {
  readonly #bytes: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  byte(): number {
    const byte = this.#bytes[this.at++];
    if (byte === undefined) throw new Error("the module ends early");
    return byte;
  }

  unsigned(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  }
}

/** Bytes of each function's body, in order, and of the data section. */
function sections(wasm: Uint8Array): { bodies: number[]; data: number } {
  const bodies: number[] = [];
  let data = 0;
  const reader = new Reader(wasm, 8);
  while (reader.at < wasm.length) {
    const id = reader.byte();
    const length = reader.unsigned();
    const end = reader.at + length;
    if (id === SectionId.code) {
      for (let count = reader.unsigned(); count > 0; count--) {
        const size = reader.unsigned();
        bodies.push(size);
        reader.at += size;
      }
    }
    if (id === SectionId.data) data = length;
    reader.at = end;
  }
  return { bodies, data };
}

/**
 * Bytes of WebAssembly that each source file of the primitives has come to, by the names that the
 * compiler's text output gives the functions. What was inlined counts where it went.
 */
export function sizesByFile(): ReadonlyMap<string, number> {
  const { bodies, data } = sections(new Uint8Array(readFileSync(cryptoWasm)));
  const text = readFileSync(cryptoWasm.replace(/\.wasm$/, ".wat"), "utf8");
  const names = [...text.matchAll(/^ \(func \$(\S+)/gm)].map((match) => match[1] as string);
  if (names.length !== bodies.length)
    throw new Error(`${names.length} functions in the text, ${bodies.length} in the module`);
  const sizes = new Map<string, number>();
  for (const [i, name] of names.entries()) {
    const file = /^assembly\/crypto\/([^/]+)\//.exec(name)?.[1];
    const key = file ?? (name.startsWith("~lib") ? "allocator" : "exports for tests");
    sizes.set(key, (sizes.get(key) ?? 0) + (bodies[i] ?? 0));
  }
  sizes.set("constants", data);
  return new Map([...sizes].sort(([, a], [, b]) => b - a));
}
