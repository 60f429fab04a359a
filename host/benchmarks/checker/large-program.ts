import { leb128, readU32 } from "../../common/leb128.js";
import { SectionId } from "../../common/wasm-sections.js";

/**
 * A program of many functions, made of a module that imports nothing: its functions `times` times over
 * (a copy calls what the original calls), its export `main` renamed, of type () -> i32, and its memory.
 *
 * @param main the export that becomes `main`
 */
export function enlarge(module: Uint8Array, main: string, times: number): Uint8Array {
  const parts: Uint8Array[] = [module.subarray(0, 8)];
  const section = (id: number, ...content: Uint8Array[]): void => {
    const length = content.reduce((sum, piece) => sum + piece.length, 0);
    parts.push(Uint8Array.from([id, ...leb128(length)]), ...content);
  };
  for (let at = 8; at < module.length; ) {
    const id = module[at] as number;
    const [size, start] = readU32(module, at + 1);
    const content = module.subarray(start, start + size);
    const [count, items] = readU32(content, 0);
    if (id === SectionId.function || id === SectionId.code) {
      const copies = Array<Uint8Array>(times).fill(content.subarray(items));
      section(id, Uint8Array.from(leb128(count * times)), ...copies);
    } else if (id === SectionId.export) {
      let next = items;
      for (let left = count; left > 0; left--) {
        const [length, text] = readU32(content, next);
        const title = Buffer.from(content.subarray(text, text + length)).toString();
        const [index, after] = readU32(content, text + length + 1);
        if (title === main) {
          const name = (text: string) => [text.length, ...Buffer.from(text)];
          section(
            7,
            Uint8Array.from([2, ...name("memory"), 2, 0, ...name("main"), 0, ...leb128(index)]),
          );
        }
        next = after;
      }
    } else section(id, content);
    at = start + size;
  }
  return new Uint8Array(Buffer.concat(parts));
}
