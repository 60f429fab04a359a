/** Bytes of a frame's header, at most: two, the length in eight, the mask in four (RFC 6455 §5.2). */
const MAX_HEADER_BYTES = 14;
const MASK_BYTES = 4;
const IS_MASKED = 0x80;
const LENGTH_BITS = 0x7f;
/** Values of those bits that say that the length follows, in two bytes or in eight. */
const LENGTH_IN_2 = 126;
const LENGTH_IN_8 = 127;

/**
 * Takes the mask off a WebSocket's frames (RFC 6455 §5.3) before `ws` reads them. That package does it byte by byte,
 * which costs more than all else that the server does with them; here it is done in words.
 *
 * Bytes are changed where they lie, and the mask becomes zero, so that `ws` finds the same frames. Nothing is judged:
 * what is wrong with a frame stays for `ws` to see.
 */
export class FrameUnmasker {
  private readonly header = new Uint8Array(MAX_HEADER_BYTES);
  private filled = 0;
  /** Bytes of the payload that are still to come. */
  private left = 0;
  /** The mask of this frame, turned so that it begins with the payload's next byte. */
  private readonly mask = new Uint8Array(MASK_BYTES);

  /** Takes the next bytes of the stream, and changes them in place. */
  take(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.left === 0) {
        this.takeHeaderByte(chunk, at++);
        continue;
      }
      const end = at + Math.min(this.left, chunk.length - at);
      this.unmask(chunk, at, end);
      this.left -= end - at;
      at = end;
    }
  }

  private takeHeaderByte(chunk: Uint8Array, at: number): void {
    const { header } = this;
    header[this.filled++] = chunk[at] as number;
    if (this.filled < 2) return;
    const second = header[1] as number;
    const short = second & LENGTH_BITS;
    const extended = short === LENGTH_IN_2 ? 2 : short === LENGTH_IN_8 ? 8 : 0;
    const maskAt = 2 + extended;
    const end = maskAt + ((second & IS_MASKED) === 0 ? 0 : MASK_BYTES);
    if (this.filled > maskAt) chunk[at] = 0;
    if (this.filled < end) return;
    this.left = extended === 0 ? short : 0;
    for (let i = 2; i < maskAt; i++) this.left = this.left * 256 + (header[i] as number);
    this.mask.fill(0);
    this.mask.set(header.subarray(maskAt, end));
    this.filled = 0;
  }

  private unmask(chunk: Uint8Array, from: number, to: number): void {
    const { mask } = this;
    let at = from;
    for (; at < to && (chunk.byteOffset + at) % 4 !== 0; at++) this.unmaskByte(chunk, at);
    const count = (to - at) >>> 2;
    if (count > 0) {
      const words = new Int32Array(chunk.buffer, chunk.byteOffset + at, count);
      const word = new Int32Array(mask.buffer)[0] as number;
      for (let i = 0; i < count; i++) words[i] = (words[i] as number) ^ word;
    }
    for (at += 4 * count; at < to; at++) this.unmaskByte(chunk, at);
  }

  private unmaskByte(chunk: Uint8Array, at: number): void {
    const { mask } = this;
    const first = mask[0] as number;
    chunk[at] = (chunk[at] as number) ^ first;
    mask.copyWithin(0, 1);
    mask[MASK_BYTES - 1] = first;
  }
}
