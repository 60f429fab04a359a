/** No version: less than every version. */
export const NO_VERSION: u64 = 0;
/** Four numbers of five digits do not fit: not all bits of a version are 1, and one can be added. */
const MAX_VERSION_BYTES: u32 = 16;

/**
 * The version of a component in text: one to four decimal numbers up to 65535, without leading zeros, with dots
 * between them. Returns its numbers, 16 bits each and the first one highest, plus 1, so that versions compare as these
 * do; or `NO_VERSION`.
 */
export function readVersion(text: usize, length: u32): u64 {
  if (length > MAX_VERSION_BYTES) return NO_VERSION;
  let version: u64 = 0;
  let numbers: u32 = 0;
  let digits: u32 = 0;
  let value: u32 = 0;
  // A dot behind the last number, too.
  for (let i: u32 = 0; i <= length; i++) {
    const byte: u32 = i < length ? load<u8>(text + i) : 0x2e;
    if (byte === 0x2e) {
      if (digits === 0 || ++numbers > 4) return NO_VERSION;
      version = (version << 16) | (value as u64);
      digits = 0;
      value = 0;
    } else {
      const leadingZero = digits > 0 && value === 0;
      value = value * 10 + (byte - 0x30);
      digits++;
      if (byte - 0x30 > 9 || leadingZero || value > 65535) return NO_VERSION;
    }
  }
  for (; numbers < 4; numbers++) version <<= 16;
  return version + 1;
}
