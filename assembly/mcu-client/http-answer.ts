/**
 * The head of an HTTP/1.1 answer (RFC 9112), one byte after the other; nothing is kept of it but a line,
 * and of a line only its beginning. The body must come with its length.
 */

const LINE_BYTES: i32 = 40;
/** Bytes of all header lines together, at most. */
const MAX_HEAD: u32 = 4096;
const MAX_BODY: u32 = 65536;

const CR: u32 = 0x0d;
const LF: u32 = 0x0a;

const STATE_STATUS: u32 = 0;
const STATE_HEADERS: u32 = 1;
const STATE_BODY: u32 = 2;
const STATE_DONE: u32 = 3;
const STATE_FAILED: u32 = 4;

/** What `take` made of a byte. */
export const HTTP_HEAD: u32 = 0;
export const HTTP_BODY: u32 = 1;
export const HTTP_BAD: u32 = 2;

export class HttpAnswer {
  status: u32 = 0;
  /** Whether the server closes the connection after this answer. */
  closes: bool = false;

  private state: u32 = STATE_STATUS;
  private line: StaticArray<u8> = new StaticArray<u8>(LINE_BYTES);
  private lineLength: i32 = 0;
  private headBytes: u32 = 0;
  private hasLength: bool = false;
  private bodyLeft: u32 = 0;

  /** Starts on another answer. */
  begin(): void {
    this.status = 0;
    this.closes = false;
    this.state = STATE_STATUS;
    this.lineLength = 0;
    this.headBytes = 0;
    this.hasLength = false;
    this.bodyLeft = 0;
  }

  get done(): bool {
    return this.state === STATE_DONE;
  }

  /** Takes a byte: one of the head, of the body, or one that may not come (nothing may follow then). */
  take(byte: u32): u32 {
    if (this.state === STATE_BODY) {
      if (--this.bodyLeft === 0) this.state = STATE_DONE;
      return HTTP_BODY;
    }
    if (this.state > STATE_BODY || ++this.headBytes > MAX_HEAD) return this.fail();
    if (byte !== LF) {
      if (this.lineLength < LINE_BYTES) this.line[this.lineLength] = byte as u8;
      this.lineLength++;
      return HTTP_HEAD;
    }
    return this.endLine() ? HTTP_HEAD : this.fail();
  }

  private fail(): u32 {
    this.state = STATE_FAILED;
    return HTTP_BAD;
  }

  private endLine(): bool {
    let length = this.lineLength;
    if (length > 0 && length <= LINE_BYTES && this.line[length - 1] === (CR as u8)) length--;
    this.lineLength = 0;
    if (this.state === STATE_STATUS) return this.readStatus(length);
    if (length === 0) {
      if (!this.hasLength) return false;
      this.state = this.bodyLeft > 0 ? STATE_BODY : STATE_DONE;
      return true;
    }
    return this.readHeader(length);
  }

  /** `HTTP/1.1 200 …` */
  private readStatus(length: i32): bool {
    if (length < 12 || !this.lineHas(0, "HTTP/1.") || this.line[8] !== 0x20) return false;
    let status: u32 = 0;
    for (let i = 9; i < 12; i++) {
      const digit = (this.line[i] as u32) - 0x30;
      if (digit > 9) return false;
      status = status * 10 + digit;
    }
    this.status = status;
    this.state = STATE_HEADERS;
    return status >= 200;
  }

  private readHeader(length: i32): bool {
    if (this.lineHas(0, "transfer-encoding:")) return false;
    if (this.lineHas(0, "connection:")) {
      const at = this.skipSpace(11);
      if (this.lineHas(at, "close")) this.closes = true;
    }
    if (!this.lineHas(0, "content-length:")) return true;
    if (this.hasLength || length > LINE_BYTES) return false;
    this.hasLength = true;
    const first = this.skipSpace(15);
    if (first === length) return false;
    let value: u32 = 0;
    for (let i = first; i < length; i++) {
      const digit = (this.line[i] as u32) - 0x30;
      if (digit > 9) return false;
      value = value * 10 + digit;
      if (value > MAX_BODY) return false;
    }
    this.bodyLeft = value;
    return true;
  }

  private skipSpace(at: i32): i32 {
    while (at < LINE_BYTES && this.line[at] === 0x20) at++;
    return at;
  }

  /** Whether the line has this text (lower case, where it has letters but in HTTP) at `at`. */
  private lineHas(at: i32, text: string): bool {
    if (at + text.length > LINE_BYTES) return false;
    for (let i = 0; i < text.length; i++) {
      const wanted = text.charCodeAt(i);
      const found = this.line[at + i] as i32;
      const lower = found >= 0x41 && found <= 0x5a ? found + 0x20 : found;
      if (found !== wanted && lower !== wanted) return false;
    }
    return true;
  }
}
