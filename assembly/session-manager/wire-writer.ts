import { ByteBuffer } from "./byte-buffer";

/**
 * Writes the presentation language of RFC 8446 §3 into a buffer. When the buffer cannot grow, the
 * writer becomes `failed`, and its bytes must not be used.
 */
export class WireWriter {
  failed: bool = false;
  private buffer: ByteBuffer;

  constructor(buffer: ByteBuffer) {
    this.buffer = buffer;
  }

  bytes(pointer: usize, length: u32): void {
    if (!this.buffer.append(pointer, length)) this.failed = true;
  }

  u8(value: u32): void {
    if (!this.buffer.reserve(1)) {
      this.failed = true;
      return;
    }
    store<u8>(this.buffer.pointer + this.buffer.length, value as u8);
    this.buffer.extend(1);
  }

  u16(value: u32): void {
    this.u8(value >> 8);
    this.u8(value);
  }

  u24(value: u32): void {
    this.u8(value >> 16);
    this.u16(value);
  }

  /** Begins a vector with a length of two bytes. Returns what `close` wants. */
  open(): u32 {
    this.u16(0);
    return this.buffer.length;
  }

  /** Ends a vector: its length becomes known. */
  close(mark: u32): void {
    if (this.failed) return;
    const length = this.buffer.length - mark;
    store<u16>(this.buffer.pointer + mark - 2, bswap<u16>(length as u16));
  }

  /** An extension's type and the beginning of its data. */
  extension(type: u32): u32 {
    this.u16(type);
    return this.open();
  }
}
