import { leb128, readU32 } from "../common/leb128.js";
import { SectionId } from "../common/wasm-sections.js";

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
  for (let offset = 8; offset < module.length; ) {
    const [length, start] = readU32(module, offset + 1);
    const end = start + length;
    if (module[offset] !== SectionId.memory) {
      offset = end;
      continue;
    }
    const [count, flagsAt] = readU32(module, start);
    if (count === 0) break;
    const hasMaximum = module[flagsAt] === 1;
    const [initial, afterInitial] = readU32(module, flagsAt + 1);
    const maximum = hasMaximum ? readU32(module, afterInitial)[0] : 65536;
    if (initial > pages) return undefined;
    const body = [1, 1, ...leb128(initial), ...leb128(Math.min(maximum, pages))];
    const section = [SectionId.memory, ...leb128(body.length), ...body];
    const result = new Uint8Array(offset + section.length + module.length - end);
    result.set(module.subarray(0, offset));
    result.set(section, offset);
    result.set(module.subarray(end), offset + section.length);
    return result;
  }
  return new Uint8Array(module);
}
