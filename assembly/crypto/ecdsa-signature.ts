/** ECDSA signatures over P-256: DER (`Ecdsa-Sig-Value`, RFC 3279 §2.2.3) and raw (r ‖ s, 64 bytes). */

/** Most bytes that a DER signature takes. */
const ECDSA_DER_MAX: i32 = 72;

/** Appends the integer of 32 big-endian bytes at `raw`; returns where it ends. */
function writeInteger(der: usize, raw: usize): usize {
  let skipped: usize = 0;
  while (skipped < 31 && load<u8>(raw + skipped) === 0) skipped++;
  // A set highest bit would read as a sign.
  const padding: usize = <usize>(load<u8>(raw + skipped) >> 7);
  const length: usize = 32 - skipped;
  store<u8>(der, 0x02, 0);
  store<u8>(der, <u8>(length + padding), 1);
  store<u8>(der, 0, 2);
  memory.copy(der + 2 + padding, raw + skipped, length);
  return der + 2 + padding + length;
}

/** Writes the 64 bytes at `raw` as DER at `der` (room for 72 bytes); returns its length. */
export function ecdsaSignatureToDer(raw: usize, der: usize): i32 {
  const end = writeInteger(writeInteger(der + 2, raw), raw + 32);
  const length = <i32>(end - der);
  store<u8>(der, 0x30, 0);
  store<u8>(der, <u8>(length - 2), 1);
  return length;
}

/**
 * Reads one INTEGER, positive and minimal, of at most 32 bytes, from `der` up to `end`.
 *
 * @returns where it ends, or 0
 */
function readInteger(der: usize, end: usize, raw: usize): usize {
  if (end - der < 3 || load<u8>(der) !== 0x02) return 0;
  let length = <usize>load<u8>(der, 1);
  // One byte of length is enough for what is acceptable; 0x80 and more would be the long form.
  if (length === 0 || length > 33 || length > end - der - 2) return 0;
  let first = der + 2;
  const after = first + length;
  if ((load<u8>(first) & 0x80) !== 0) return 0;
  if (load<u8>(first) === 0 && length > 1) {
    if ((load<u8>(first, 1) & 0x80) === 0) return 0;
    first++;
    length--;
  }
  if (length > 32) return 0;
  memory.fill(raw, 0, 32 - length);
  memory.copy(raw + 32 - length, first, length);
  return after;
}

/**
 * Reads `length` bytes of DER at `der` into 64 bytes at `raw`: a SEQUENCE of two positive INTEGERs below
 * 2^256, definite and minimal lengths, nothing after it. False for anything else; `raw` is then undefined.
 */
export function ecdsaSignatureFromDer(der: usize, length: usize, raw: usize): bool {
  if (length < 8 || length > <usize>ECDSA_DER_MAX) return false;
  if (load<u8>(der, 0) !== 0x30 || <usize>load<u8>(der, 1) !== length - 2) return false;
  const end = der + length;
  const second = readInteger(der + 2, end, raw);
  if (second === 0) return false;
  return readInteger(second, end, raw + 32) === end;
}
