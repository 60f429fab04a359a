import { readU32 } from "../common/leb128.js";
import { displayUtf8 } from "../common/text.js";
import { SectionId, sectionsOf } from "../common/wasm-sections.js";

/**
 * Name of a function by the module's `name` section (core specification, appendix), where there is
 * one. Such names are for people only: a section that makes no sense gives none.
 *
 * @param index function index, imports count
 */
export function functionName(bytes: Uint8Array, index: number): string | undefined {
  const functionNames = 1;
  try {
    const section = [...sectionsOf(bytes)].find(
      ({ id, name }) => id === SectionId.custom && name === "name",
    );
    const { start, end } = section ?? { start: 0, end: 0 };
    for (let at = start; at < end; ) {
      const id = bytes[at];
      const [size, content] = readU32(bytes, at + 1, end);
      if (content + size > end) return undefined;
      if (id === functionNames) {
        let [left, next] = readU32(bytes, content, content + size);
        for (; left > 0; left--) {
          const [of, afterIndex] = readU32(bytes, next, content + size);
          const [length, text] = readU32(bytes, afterIndex, content + size);
          if (text + length > content + size) return undefined;
          if (of === index) {
            const name = bytes.subarray(text, text + Math.min(length, 200));
            return displayUtf8(name).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "�");
          }
          next = text + length;
        }
      }
      at = content + size;
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return undefined;
}
