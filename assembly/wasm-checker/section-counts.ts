// What the sections of a module declare, by their heads alone: for sizing memory before a module is read.

/** Reads an unsigned LEB128: its value, and in the upper half the address after it; 0 when cut short. */
function leb(at: usize, end: usize): u64 {
  let value: u64 = 0;
  for (let shift: u32 = 0; shift < 35 && at < end; shift += 7) {
    const byte = load<u8>(at++);
    value |= ((byte & 0x7f) as u64) << shift;
    if (byte < 0x80) return (value & 0xffffffff) | ((at as u64) << 32);
  }
  return 0;
}

/**
 * The count at the head of the section `wanted`, at most `limit` and at most what its bytes can hold
 * with `itemBytes` each; 0 without such a section. Looks at section heads only.
 */
export function declared(bytes: usize, length: u32, wanted: u32, itemBytes: u32, limit: u32): u32 {
  const end = bytes + length;
  for (let at = bytes + 8; at < end; ) {
    const id: u32 = load<u8>(at);
    const head = leb(at + 1, end);
    const start = (head >>> 32) as usize;
    if (start === 0) return 0;
    const size = head as u32;
    if (size > ((end - start) as u32)) return 0;
    if (id === wanted) return min(min(leb(start, start + size) as u32, size / itemBytes), limit);
    at = start + size;
  }
  return 0;
}
