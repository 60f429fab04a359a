import { NO_ALERT } from "./alerts";

/**
 * Reads the presentation language of RFC 8446 §3 from raw memory, and is the one place that knows why a
 * message is refused. Reading past the end, or leaving a vector before its end, refuses it as `malformed`;
 * whoever finds another fault calls `refuse`. The first reason counts. What a refused reader returns is 0,
 * and loops that run until `atEnd` end at once. So a message may be read to its end and `finish` asked once.
 */
export class WireReader {
  position: usize = 0;
  end: usize = 0;
  /** `NO_ALERT`, or why the message is refused (`REFUSED_…`). */
  refusal: i32 = NO_ALERT;
  /** The `REFUSED_…` of bytes that do not have this message's form. Each parser names its own first. */
  malformed: i32 = NO_ALERT;

  /** Starts over with other bytes. */
  reset(position: usize, length: u32): void {
    this.position = position;
    this.end = position + length;
    this.refusal = NO_ALERT;
  }

  get failed(): bool {
    return this.refusal !== NO_ALERT;
  }

  get atEnd(): bool {
    return this.position === this.end;
  }

  get remaining(): u32 {
    return (this.end - this.position) as u32;
  }

  /** Skips `length` bytes and returns where they are. */
  bytes(length: u32): usize {
    const at = this.position;
    if (length > this.remaining) {
      this.fail();
      return at;
    }
    this.position = at + length;
    return at;
  }

  u8(): u32 {
    const at = this.bytes(1);
    return this.failed ? 0 : load<u8>(at);
  }

  u16(): u32 {
    const at = this.bytes(2);
    return this.failed ? 0 : bswap<u16>(load<u16>(at));
  }

  u24(): u32 {
    return (this.u8() << 16) | this.u16();
  }

  /**
   * Steps into a vector of `length` bytes that must be at least `minimum`. Returns what `leave` wants.
   */
  enter(length: u32, minimum: u32): usize {
    const outer = this.end;
    if (length < minimum || length > this.remaining) this.fail();
    else this.end = this.position + length;
    return outer;
  }

  /** Steps out of a vector, which must have been read to its end. */
  leave(outer: usize): void {
    if (this.failed) return;
    if (this.position !== this.end) this.fail();
    else this.end = outer;
  }

  /** Refuses what is being read, as malformed. */
  fail(): void {
    this.refuse(this.malformed);
  }

  /** Refuses what is being read for this reason (`REFUSED_…`), unless it has been refused already. */
  refuse(reason: i32): void {
    if (!this.failed) this.refusal = reason;
    this.position = this.end;
  }

  /** Ends the reading: bytes that are left over are refused. Returns `NO_ALERT`, or why not (`REFUSED_…`). */
  finish(): i32 {
    if (!this.atEnd) this.fail();
    return this.refusal;
  }
}
