/**
 * Reads the presentation language of RFC 8446 §3 from raw memory. Reading past the end, or leaving a
 * vector before its end, makes the reader `failed` for good; what it then returns is 0, and loops that
 * run until `atEnd` end at once. So a message may be read to its end and `failed` asked once.
 */
export class WireReader {
  position: usize = 0;
  end: usize = 0;
  failed: bool = false;

  /** Starts over with other bytes. */
  reset(position: usize, length: u32): void {
    this.position = position;
    this.end = position + length;
    this.failed = false;
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

  /** Refuses what is being read. */
  fail(): void {
    this.failed = true;
    this.position = this.end;
  }
}
