/**
 * Whether `length` bytes at `pointer` are UTF-8: no overlong form, no surrogate, nothing above
 * U+10FFFF (Unicode standard, table 3-7).
 */
export function isUtf8(pointer: usize, length: u32): bool {
  const end = pointer + length;
  while (pointer < end) {
    const lead: u32 = load<u8>(pointer++);
    if (lead < 0x80) continue;
    // The second byte's range depends on the lead; further ones are always 0x80 to 0xbf.
    let further: u32 = 0;
    let lowest: u32 = 0x80;
    let highest: u32 = 0xbf;
    if (lead < 0xc2) return false;
    if (lead < 0xe0) further = 1;
    else if (lead < 0xf0) {
      further = 2;
      if (lead === 0xe0) lowest = 0xa0;
      else if (lead === 0xed) highest = 0x9f;
    } else if (lead < 0xf5) {
      further = 3;
      if (lead === 0xf0) lowest = 0x90;
      else if (lead === 0xf4) highest = 0x8f;
    } else return false;
    if (further > ((end - pointer) as u32)) return false;
    for (; further > 0; further--) {
      const byte: u32 = load<u8>(pointer++);
      if (byte < lowest || byte > highest) return false;
      lowest = 0x80;
      highest = 0xbf;
    }
  }
  return true;
}
