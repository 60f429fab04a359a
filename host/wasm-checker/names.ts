/** Reads an unsigned LEB128 of up to 32 bits: its value and the offset behind it. */
function readU32(bytes: Uint8Array, offset: number, end: number): [value: number, next: number] {
  let value = 0;
  for (let at = offset, scale = 1; at < end && at < offset + 5; at++, scale *= 128) {
    const byte = bytes[at] as number;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return [value, at + 1];
  }
  throw new RangeError("integer cut short");
}

/** Content of the custom section `name`, as a range of the module. */
function nameSection(bytes: Uint8Array): [start: number, end: number] | undefined {
  for (let at = 8; at < bytes.length; ) {
    const id = bytes[at];
    const [size, start] = readU32(bytes, at + 1, bytes.length);
    const end = start + size;
    if (end > bytes.length) throw new RangeError("section cut short");
    if (id === 0) {
      const [length, text] = readU32(bytes, start, end);
      const title = Buffer.from(bytes.subarray(text, text + length)).toString("latin1");
      if (title === "name") return [text + length, end];
    }
    at = end;
  }
  return undefined;
}

/**
 * Name of a function by the module's `name` section (core specification, appendix), where there is
 * one. Such names are for people only: a section that makes no sense gives none.
 *
 * @param index function index, imports count
 */
export function functionName(bytes: Uint8Array, index: number): string | undefined {
  const functionNames = 1;
  try {
    const [start, end] = nameSection(bytes) ?? [0, 0];
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
            const name = Buffer.from(bytes.subarray(text, text + Math.min(length, 200)));
            return name.toString("utf8").replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "�");
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
