/**
 * Whether `length` bytes at `pointer` are well-formed UTF-8 (RFC 3629 §4: no overlong form, no
 * surrogate, nothing above U+10FFFF).
 */
export function isUtf8(pointer: usize, length: u32): bool {
  const end = pointer + (length as usize);
  while (pointer < end) {
    const size = utf8SequenceLength(pointer, end);
    if (size === 0) return false;
    pointer += size;
  }
  return true;
}

/**
 * Length in bytes of the UTF-8 sequence at `pointer`, which must lie before `end`; 0 when the bytes
 * there are none.
 */
export function utf8SequenceLength(pointer: usize, end: usize): usize {
  const lead = load<u8>(pointer) as u32;
  if (lead < 0x80) return 1;
  // The second byte's range excludes overlong forms (E0, F0), surrogates (ED) and what lies above
  // U+10FFFF (F4); the bytes after it are plain continuations.
  let size: usize;
  let low: u32 = 0x80;
  let high: u32 = 0xbf;
  if (lead >= 0xc2 && lead <= 0xdf) {
    size = 2;
  } else if (lead >= 0xe0 && lead <= 0xef) {
    size = 3;
    if (lead === 0xe0) low = 0xa0;
    if (lead === 0xed) high = 0x9f;
  } else if (lead >= 0xf0 && lead <= 0xf4) {
    size = 4;
    if (lead === 0xf0) low = 0x90;
    if (lead === 0xf4) high = 0x8f;
  } else {
    return 0;
  }
  if (end - pointer < size) return 0;
  const second = load<u8>(pointer, 1) as u32;
  if (second < low || second > high) return 0;
  for (let i: usize = 2; i < size; i++) {
    if ((load<u8>(pointer + i) & 0xc0) !== 0x80) return 0;
  }
  return size;
}
