/** Reads an unsigned LEB128 number: its value and the offset behind it. */
function readLeb(bytes: Uint8Array, offset: number): [value: number, end: number] {
  let value = 0;
  let scale = 1;
  for (let at = offset; ; at++) {
    const byte = bytes[at];
    if (byte === undefined) throw new RangeError(`number at byte ${offset} is cut short`);
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return [value, at + 1];
    scale *= 128;
  }
}

function leb(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; ) {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    if (rest === 0) return [...bytes, low];
    bytes.push(low | 0x80);
  }
}

/**
 * A valid module with the maximum of its memory lowered to `pages` (64 KiB each), so that an engine
 * without a memory limit of its own refuses to grow beyond: `memory.grow` then answers -1.
 *
 * Returns undefined when the module's initial memory is larger than that.
 */
export function withMemoryMaximum(
  module: Uint8Array,
  pages: number,
): Uint8Array<ArrayBuffer> | undefined {
  const memorySection = 5;
  for (let offset = 8; offset < module.length; ) {
    const [length, start] = readLeb(module, offset + 1);
    const end = start + length;
    if (module[offset] !== memorySection) {
      offset = end;
      continue;
    }
    const [count, flagsAt] = readLeb(module, start);
    if (count === 0) break;
    const hasMaximum = module[flagsAt] === 1;
    const [initial, afterInitial] = readLeb(module, flagsAt + 1);
    const maximum = hasMaximum ? readLeb(module, afterInitial)[0] : 65536;
    if (initial > pages) return undefined;
    const body = [1, 1, ...leb(initial), ...leb(Math.min(maximum, pages))];
    const section = [memorySection, ...leb(body.length), ...body];
    const result = new Uint8Array(offset + section.length + module.length - end);
    result.set(module.subarray(0, offset));
    result.set(section, offset);
    result.set(module.subarray(end), offset + section.length);
    return result;
  }
  return new Uint8Array(module);
}
