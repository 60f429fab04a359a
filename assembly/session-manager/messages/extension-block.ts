import { REFUSED_EXTENSION_TWICE, REFUSED_EXTENSIONS_MALFORMED } from "../alerts";
import { WireReader } from "../wire-reader";

/**
 * Checks the block of extensions that the reader stands before, without moving it: every extension lies
 * within the block, and none comes twice (RFC 8446 §4.2). Refuses the message otherwise.
 */
export function checkExtensionBlock(message: WireReader): void {
  const start = message.position;
  const end = message.end;
  const malformed = message.malformed;
  message.malformed = REFUSED_EXTENSIONS_MALFORMED;
  message.enter(message.u16(), 0);
  const first = message.position;
  while (!message.atEnd) {
    message.u16();
    message.bytes(message.u16());
  }
  message.malformed = malformed;
  if (message.failed) return;
  const isRepeated = hasNumberTwice(first, message.position);
  message.position = start;
  message.end = end;
  if (isRepeated) message.refuse(REFUSED_EXTENSION_TWICE);
}

/** Numbers that one pass of `hasNumberTwice` looks at: what its bitmap holds. */
const NUMBERS_SHIFT: u32 = 12;
const BITMAP_LENGTH: usize = 512;

/**
 * Whether two of the well-formed entries in `[first, end)` have the same number: each is a number of two
 * bytes, a length of two bytes, and so many bytes. Its time grows with their count, not with its square:
 * a peer may send thousands.
 */
export function hasNumberTwice(first: usize, end: usize): bool {
  // Freed at once: garbage would stay until the caller collects it, and a device has no room for that.
  const seen = heap.alloc(BITMAP_LENGTH);
  let isTwice = false;
  for (let pass: u32 = 0; pass < 1 << (16 - NUMBERS_SHIFT) && !isTwice; pass++) {
    memory.fill(seen, 0, BITMAP_LENGTH);
    for (let at = first; at < end; at += 4 + bswap<u16>(load<u16>(at, 2))) {
      const number: u32 = bswap<u16>(load<u16>(at));
      if (number >> NUMBERS_SHIFT !== pass) continue;
      const byte = seen + ((number & ((1 << NUMBERS_SHIFT) - 1)) >> 3);
      const bit: u32 = 1 << (number & 7);
      if ((load<u8>(byte) & bit) !== 0) isTwice = true;
      store<u8>(byte, (load<u8>(byte) | bit) as u8);
    }
  }
  heap.free(seen);
  return isTwice;
}
