/**
 * An HTTP/1.1 answer (RFC 9112), one byte after the other, as a recipient must take it: interim answers
 * are passed over, the body comes with its length, in chunks, or until the connection ends. Nothing is kept
 * of it but the beginning of one token.
 */

/** Longer tokens are told apart by nothing here: the longest known one is `transfer-encoding`. */
const TOKEN_BYTES: i32 = 20;
/** Bytes of a head, of all interim answers before it, or of the sizes and trailers of chunks, at most. */
const MAX_HEAD: u32 = 4096;
const MAX_BODY: u32 = 65536;

const HTAB: u32 = 0x09;
const LF: u32 = 0x0a;
const CR: u32 = 0x0d;
const SPACE: u32 = 0x20;
const COMMA: u32 = 0x2c;
const COLON: u32 = 0x3a;
const SEMICOLON: u32 = 0x3b;

const STATE_STATUS: u32 = 0;
const STATE_NAME: u32 = 1;
const STATE_VALUE: u32 = 2;
const STATE_BODY: u32 = 3;
const STATE_CHUNK_SIZE: u32 = 4;
const STATE_CHUNK_EXTENSION: u32 = 5;
const STATE_CHUNK_END: u32 = 6;
const STATE_TRAILER: u32 = 7;
const STATE_DONE: u32 = 8;
const STATE_FAILED: u32 = 9;

/** Fields whose values matter. */
const FIELD_OTHER: u32 = 0;
const FIELD_LENGTH: u32 = 1;
const FIELD_ENCODING: u32 = 2;
const FIELD_CONNECTION: u32 = 3;

const NO_LENGTH: u32 = 0xffffffff;

/** What `take` made of a byte. */
export const HTTP_HEAD: u32 = 0;
export const HTTP_BODY: u32 = 1;
export const HTTP_BAD: u32 = 2;

/** Reads the head of an HTTP answer, and its body as the head frames it (RFC 9112). */
export class HttpAnswer {
  status: u32 = 0;
  /** Whether the server closes the connection after this answer. */
  closes: bool = false;

  private state: u32 = STATE_STATUS;
  private field: u32 = FIELD_OTHER;
  /** The token that is being read, in lower case, and its length, which may exceed what is kept. */
  private token: StaticArray<u8> = new StaticArray<u8>(TOKEN_BYTES);
  private tokenLength: i32 = 0;
  /** Whether white space came after the token: nothing but a comma or the end may follow. */
  private tokenEnded: bool = false;
  /** Bytes of the line before this one, without its end: 0 after a head's last line. */
  private lineLength: u32 = 0;
  private headBytes: u32 = 0;
  private bodyBytes: u32 = 0;
  /** What is left of the body, or of the chunk. */
  private left: u32 = NO_LENGTH;
  private chunked: bool = false;
  private saidClose: bool = false;

  /** Starts on another answer. */
  begin(): void {
    this.headBytes = 0;
    this.beginHead();
  }

  private beginHead(): void {
    this.status = 0;
    this.closes = false;
    this.state = STATE_STATUS;
    this.field = FIELD_OTHER;
    this.tokenLength = 0;
    this.tokenEnded = false;
    this.lineLength = 0;
    this.bodyBytes = 0;
    this.left = NO_LENGTH;
    this.chunked = false;
    this.saidClose = false;
  }

  get done(): bool {
    return this.state === STATE_DONE;
  }

  /**
   * The connection has ended: the end of a body that came without a length (RFC 9112 §6.3 rule 8). Answers whether
   * the answer is whole.
   */
  ended(): bool {
    if (this.state === STATE_BODY && this.left === NO_LENGTH) this.state = STATE_DONE;
    return this.done;
  }

  /** How many bytes of the body may be taken by `skip`: the last of the body, or of a chunk, goes through `take`. */
  get skippable(): u32 {
    if (this.state !== STATE_BODY) return 0;
    const room = MAX_BODY - this.bodyBytes;
    return this.left === NO_LENGTH ? room : min(room, this.left - 1);
  }

  /** Takes `length` bytes of the body at once. */
  skip(length: u32): void {
    this.bodyBytes += length;
    if (this.left !== NO_LENGTH) this.left -= length;
  }

  /** Takes a byte: one of the head, of the body, or one that may not come (nothing may follow then). */
  take(byte: u32): u32 {
    if (this.state === STATE_BODY) return this.takeBody();
    if (this.state >= STATE_DONE || ++this.headBytes > MAX_HEAD) return this.fail();
    const good =
      this.state === STATE_STATUS
        ? this.takeStatus(byte)
        : this.state >= STATE_CHUNK_SIZE
          ? this.takeChunkLine(byte)
          : this.takeField(byte);
    return good ? HTTP_HEAD : this.fail();
  }

  private fail(): u32 {
    this.state = STATE_FAILED;
    return HTTP_BAD;
  }

  private takeBody(): u32 {
    if (++this.bodyBytes > MAX_BODY) return this.fail();
    if (this.left !== NO_LENGTH && --this.left === 0)
      this.state = this.chunked ? STATE_CHUNK_END : STATE_DONE;
    return HTTP_BODY;
  }

  /** `HTTP/1.1 200 …`, of either version (§4); what follows the code is for people. */
  private takeStatus(byte: u32): bool {
    const at = this.lineLength++;
    if (byte === LF) {
      if (at < 12 || this.status < 100) return false;
      this.beginField();
      return true;
    }
    if (at < 7) return byte === ("HTTP/1.".charCodeAt(at as i32) as u32);
    if (at === 7) {
      // Where a server of version 1.0 wants to keep the connection, it says so.
      this.closes = byte === 0x30;
      return byte === 0x30 || byte === 0x31;
    }
    if (at === 8) return byte === SPACE;
    if (at > 11) return at > 12 || byte === SPACE || byte === CR;
    const digit = byte - 0x30;
    this.status = this.status * 10 + digit;
    return digit <= 9;
  }

  /** A field line begins. */
  private beginField(): void {
    this.state = STATE_NAME;
    this.lineLength = 0;
    this.tokenLength = 0;
    this.tokenEnded = false;
  }

  private takeField(byte: u32): bool {
    if (this.state === STATE_VALUE) {
      if (byte !== LF) return this.takeValue(byte);
      // The value may go on in the next line (obs-fold, §5.2): it is over when that begins with a name.
      this.state = STATE_NAME;
      this.lineLength = 0;
      return true;
    }
    if (this.lineLength === 0 && (byte === SPACE || byte === HTAB)) {
      this.state = STATE_VALUE;
      return this.takeValue(SPACE);
    }
    if (this.lineLength === 0 && !this.endValue()) return false;
    if (byte === LF) return this.lineLength === 0 && this.endHead();
    if (byte === CR) return this.lineLength === 0;
    this.lineLength++;
    if (byte === COLON) {
      this.field = this.tokenIs("content-length")
        ? FIELD_LENGTH
        : this.tokenIs("transfer-encoding")
          ? FIELD_ENCODING
          : this.tokenIs("connection")
            ? FIELD_CONNECTION
            : FIELD_OTHER;
      const named = this.tokenLength > 0;
      this.state = STATE_VALUE;
      this.tokenLength = 0;
      return named;
    }
    this.keep(byte);
    // No white space between a name and its colon (§5.1).
    return byte > SPACE;
  }

  private keep(byte: u32): void {
    const lower = byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
    if (this.tokenLength < TOKEN_BYTES) this.token[this.tokenLength] = lower as u8;
    this.tokenLength++;
  }

  /** A list of tokens, with optional white space around commas (RFC 9110 §5.6.1). */
  private takeValue(byte: u32): bool {
    if (byte === SPACE || byte === HTAB || byte === CR) {
      this.tokenEnded = this.tokenLength > 0;
      return true;
    }
    if (this.field === FIELD_OTHER) return true;
    if (byte === COMMA) return this.endToken();
    // Two words where one belongs: a number with a blank in it, or an unknown thing in a list.
    if (this.tokenEnded) this.tokenLength = TOKEN_BYTES + 1;
    this.keep(byte);
    return true;
  }

  /** The value of the field before is over. */
  private endValue(): bool {
    const good = this.endToken();
    this.field = FIELD_OTHER;
    return good;
  }

  private endToken(): bool {
    let good: bool = true;
    if (this.tokenLength > 0) {
      if (this.field === FIELD_LENGTH) good = this.readLength();
      else if (this.field === FIELD_ENCODING) {
        // Chunked, once and alone: no other coding was asked for (§6.1).
        good = this.tokenIs("chunked") && !this.chunked;
        this.chunked = true;
      } else if (this.field === FIELD_CONNECTION) {
        // `close` counts wherever it stands (§9.3).
        if (this.tokenIs("close")) this.saidClose = true;
        else if (this.tokenIs("keep-alive")) this.closes = false;
      }
    }
    this.tokenLength = 0;
    this.tokenEnded = false;
    return good;
  }

  /** A length, which may stand several times when it is the same each time (§6.3 rule 5). */
  private readLength(): bool {
    let value: u32 = 0;
    if (this.tokenLength > TOKEN_BYTES) return false;
    for (let i = 0; i < this.tokenLength; i++) {
      const digit = (this.token[i] as u32) - 0x30;
      if (digit > 9) return false;
      value = value * 10 + digit;
      if (value > MAX_BODY) return false;
    }
    const same = this.left === NO_LENGTH || this.left === value;
    this.left = value;
    return same;
  }

  private tokenIs(text: string): bool {
    if (this.tokenLength !== text.length) return false;
    for (let i = 0; i < text.length; i++)
      if ((this.token[i] as i32) !== text.charCodeAt(i)) return false;
    return true;
  }

  /** The empty line after the fields: what the body is (§6.3). */
  private endHead(): bool {
    if (this.status < 200) {
      // An interim answer; nobody asked to switch protocols.
      const interim = this.status !== 101;
      this.beginHead();
      return interim;
    }
    this.headBytes = 0;
    this.tokenLength = 0;
    this.lineLength = 0;
    if (this.saidClose) this.closes = true;
    if (this.status === 204 || this.status === 304) this.state = STATE_DONE;
    else if (this.chunked) {
      // Both a length and chunks: chunks count, and the connection is not used again (§6.1).
      if (this.left !== NO_LENGTH) this.closes = true;
      this.left = 0;
      this.state = STATE_CHUNK_SIZE;
    } else {
      if (this.left === NO_LENGTH) this.closes = true;
      this.state = this.left === 0 ? STATE_DONE : STATE_BODY;
    }
    return true;
  }

  /** The lines around chunks (§7.1): a size in hexadecimal with extensions, the line end after it, trailer fields. */
  private takeChunkLine(byte: u32): bool {
    if (byte === LF) return this.endChunkLine();
    if (byte === CR) return true;
    if (this.state === STATE_CHUNK_END) return false;
    this.lineLength++;
    if (this.state !== STATE_CHUNK_SIZE) return true;
    if (byte === SEMICOLON || byte === SPACE || byte === HTAB) {
      this.state = STATE_CHUNK_EXTENSION;
      return this.tokenLength > 0;
    }
    const letter = (byte | 0x20) - 0x61;
    const digit = byte - 0x30 <= 9 ? byte - 0x30 : letter < 6 ? letter + 10 : 16;
    this.tokenLength++;
    this.left = (this.left << 4) | digit;
    return digit < 16 && this.left <= MAX_BODY;
  }

  private endChunkLine(): bool {
    const length = this.lineLength;
    this.lineLength = 0;
    if (this.state === STATE_TRAILER) {
      if (length === 0) this.state = STATE_DONE;
      return true;
    }
    if (this.state === STATE_CHUNK_END) {
      this.state = STATE_CHUNK_SIZE;
      return true;
    }
    const sized = this.tokenLength > 0;
    this.tokenLength = 0;
    this.state = this.left === 0 ? STATE_TRAILER : STATE_BODY;
    return sized;
  }
}
