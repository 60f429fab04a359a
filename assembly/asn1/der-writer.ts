import { TAG_BIT_STRING, TAG_INTEGER } from "./der-reader";

/**
 * Writes DER from its end to its start, so that every length is known when its header is written: the
 * last element goes first, and a constructed element's header is put before what was written since.
 *
 * A writer that ran out of room stays `full`, writes nothing more, and its output is void.
 */
export class DerWriter {
  /** The first byte written so far. */
  position: usize;
  /** The address after the last byte of the room. */
  end: usize;
  full: bool = false;
  private start: usize;

  /** The room: `capacity` bytes at `start`. What is written ends at the room's end. */
  constructor(start: usize, capacity: u32) {
    this.start = start;
    this.end = start + capacity;
    this.position = this.end;
  }

  /** Bytes written so far. */
  get length(): u32 {
    return (this.end - this.position) as u32;
  }

  /** Prepends raw bytes. */
  bytes(pointer: usize, length: u32): void {
    if (this.full || this.position - this.start < length) {
      this.full = true;
      return;
    }
    this.position -= length;
    memory.copy(this.position, pointer, length);
  }

  /** Prepends one byte. */
  byte(value: u32): void {
    if (this.full || this.position === this.start) {
      this.full = true;
      return;
    }
    this.position -= 1;
    store<u8>(this.position, value as u8);
  }

  /** Puts a header before what was written since `mark`, a former `position`. */
  header(tag: u32, mark: usize): void {
    const length = (mark - this.position) as u32;
    if (length >= 0x80) {
      let rest = length;
      let bytes: u32 = 0;
      for (; rest !== 0; rest >>= 8) {
        this.byte(rest & 0xff);
        bytes += 1;
      }
      this.byte(0x80 | bytes);
    } else {
      this.byte(length);
    }
    this.byte(tag);
  }

  /** A whole primitive element. */
  element(tag: u32, pointer: usize, length: u32): void {
    const mark = this.position;
    this.bytes(pointer, length);
    this.header(tag, mark);
  }

  /** A BIT STRING of whole bytes. */
  octetBitString(pointer: usize, length: u32): void {
    const mark = this.position;
    this.bytes(pointer, length);
    this.byte(0);
    this.header(TAG_BIT_STRING, mark);
  }

  /** An INTEGER from 0 to 127. */
  smallInteger(value: u32): void {
    const mark = this.position;
    this.byte(value);
    this.header(TAG_INTEGER, mark);
  }
}
