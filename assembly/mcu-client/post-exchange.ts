import { Base64Reader, base64Length, encodeBase64 } from "./base64";
import { E_CLOSED, E_HTTP, E_SERVER } from "./codes";
import { HTTP_BAD, HTTP_BODY, HttpAnswer } from "./http-answer";

/** TLS bytes that one POST carries, at most. */
const MAX_TLS: u32 = 1536;
/** Request line, headers, session number: always shorter than this and the host's name. */
const MAX_HEAD: u32 = 192;
const MAX_HOST: i32 = 64;
/** TLS bytes that are handed over at once. */
const CHUNK: i32 = 192;
const MAX_REASON: i32 = 96;
const SPACE: u32 = 0x20;
const MAX_SESSION: u64 = 0x7fffffff;

/** What `receive` found. */
export const EXCHANGE_MORE: u32 = 0;
/** `chunk` holds TLS bytes: to be used before the next call. */
export const EXCHANGE_CHUNK: u32 = 1;
/** The answer is whole. */
export const EXCHANGE_DONE: u32 = 2;
/** See `fault`. */
export const EXCHANGE_FAILED: u32 = 3;

/**
 * One POST after the other to `/runtime_manager`: `"<session> <base64>"` out,
 * `"<session> <base64> <base64> …"` in. All its memory is taken when it is made.
 */
export class PostExchange {
  /** What went wrong: `E_HTTP`, `E_SERVER` or `E_CLOSED`, with the HTTP status. */
  fault: i32 = 0;
  /** TLS bytes out of the answer. */
  chunkLength: i32 = 0;
  /** Of the request that is under way: bytes that the server has not got yet. */
  unsent: u32 = 0;
  /** Whether an answer is due. */
  awaiting: bool = false;
  /** What the server said when it refused: printable ASCII. */
  reasonLength: i32 = 0;

  private answer: HttpAnswer = new HttpAnswer();
  private base64: Base64Reader = new Base64Reader();
  private session: u64 = 0;
  private request: StaticArray<u8> = new StaticArray<u8>(
    (MAX_HEAD as i32) + MAX_HOST + (base64Length(MAX_TLS) as i32),
  );
  private end: usize = 0;
  private host: StaticArray<u8> = new StaticArray<u8>(MAX_HOST);
  private hostLength: i32 = 0;
  private bytes: StaticArray<u8> = new StaticArray<u8>(CHUNK + 3);
  private reasonBytes: StaticArray<u8> = new StaticArray<u8>(MAX_REASON);
  /** The session number in the body so far; the pieces follow it. */
  private number: u64 = 0;
  private digits: i32 = 0;
  private inPieces: bool = false;
  private anyBody: bool = false;

  /** The server's name, as it goes into `Host`. False when it is too long. */
  setHost(name: usize, length: u32): bool {
    if (length === 0 || length > (MAX_HOST as u32)) return false;
    memory.copy(changetype<usize>(this.host), name, length);
    this.hostLength = length as i32;
    return true;
  }

  /** Starts with a new session of the server. */
  begin(): void {
    this.session = 0;
    this.fault = 0;
    this.unsent = 0;
    this.awaiting = false;
    this.reasonLength = 0;
  }

  /** Whether the server has given a number to the session. */
  get hasSession(): bool {
    return this.session !== 0;
  }

  /** Makes the last request one that is still to be sent, from its beginning. */
  repeat(): void {
    this.unsent = (this.end - changetype<usize>(this.request)) as u32;
    this.awaiting = true;
    this.answer.begin();
  }

  /** Where the unsent bytes are. */
  get output(): usize {
    return this.end - (this.unsent as usize);
  }

  get chunk(): usize {
    return changetype<usize>(this.bytes);
  }

  get reason(): usize {
    return changetype<usize>(this.reasonBytes);
  }

  /** HTTP status of the last answer. */
  get status(): u32 {
    return this.answer.status;
  }

  /** Whether the server closes the connection. */
  get closes(): bool {
    return this.answer.closes;
  }

  /** Makes a request of TLS bytes; answers how many of them it takes. */
  post(tls: usize, length: u32): u32 {
    const taken = min(length, MAX_TLS);
    const start = changetype<usize>(this.request);
    let at = putText(start, "POST /runtime_manager HTTP/1.1\r\nHost: ");
    memory.copy(at, changetype<usize>(this.host), this.hostLength as usize);
    at += this.hostLength as usize;
    at = putText(at, "\r\nContent-Type: text/plain\r\nContent-Length: ");
    const body = base64Length(taken);
    at = putNumber(at, ((decimalDigits(this.session) + 1) as u64) + (body as u64));
    at = putText(at, "\r\n\r\n");
    at = putNumber(at, this.session);
    store<u8>(at++, SPACE as u8);
    encodeBase64(at, tls, taken);
    this.end = at + (body as usize);
    this.unsent = (this.end - start) as u32;
    this.awaiting = true;
    this.answer.begin();
    this.base64.begin();
    this.number = 0;
    this.digits = 0;
    this.inPieces = false;
    this.anyBody = false;
    this.chunkLength = 0;
    return taken;
  }

  /** Takes a byte of the answer: `EXCHANGE_…`. */
  receive(byte: u32): u32 {
    if (!this.awaiting) return this.fail(E_HTTP); // nobody asked
    if (this.chunkLength >= CHUNK) this.chunkLength = 0;
    const what = this.answer.take(byte);
    if (what === HTTP_BAD) return this.fail(E_HTTP);
    if (what === HTTP_BODY && !this.takeBody(byte)) return this.fail(E_HTTP);
    if (this.answer.done) return this.finish();
    return this.chunkLength >= CHUNK ? EXCHANGE_CHUNK : EXCHANGE_MORE;
  }

  private fail(fault: i32): u32 {
    this.fault = fault;
    this.awaiting = false;
    return EXCHANGE_FAILED;
  }

  private takeBody(byte: u32): bool {
    if (this.answer.status !== 200) {
      const shown = byte >= 0x20 && byte < 0x7f;
      if (shown && this.reasonLength < MAX_REASON)
        this.reasonBytes[this.reasonLength++] = byte as u8;
      return true;
    }
    this.anyBody = true;
    if (!this.inPieces) {
      const digit = byte - 0x30;
      if (digit > 9) {
        this.inPieces = byte === SPACE;
        return this.inPieces && this.isOurs();
      }
      this.number = this.number * 10 + (digit as u64);
      return ++this.digits <= 10;
    }
    if (byte === SPACE) {
      const whole = this.base64.atBoundary;
      this.base64.begin();
      return whole;
    }
    const count = this.base64.take(byte);
    for (let i = 0; i < count; i++)
      this.bytes[this.chunkLength++] = (this.base64.bits >> (16 - 8 * i)) as u8;
    return count >= 0;
  }

  private isOurs(): bool {
    if (this.digits === 0 || this.number === 0 || this.number > MAX_SESSION) return false;
    if (this.session !== 0) return this.number === this.session;
    this.session = this.number;
    return true;
  }

  private finish(): u32 {
    if (this.answer.status !== 200) {
      const ended = this.answer.status === 404 || this.answer.status === 410;
      return this.fail(ended ? E_CLOSED : E_SERVER);
    }
    const whole = this.inPieces
      ? this.base64.atBoundary
      : !this.anyBody
        ? this.session !== 0
        : this.isOurs();
    if (!whole) return this.fail(E_HTTP);
    this.awaiting = false;
    return EXCHANGE_DONE;
  }
}

function putText(at: usize, text: string): usize {
  for (let i = 0; i < text.length; i++) store<u8>(at++, text.charCodeAt(i) as u8);
  return at;
}

function decimalDigits(value: u64): u32 {
  let digits: u32 = 1;
  for (let rest = value; rest > 9; rest /= 10) digits++;
  return digits;
}

function putNumber(at: usize, value: u64): usize {
  const end = at + (decimalDigits(value) as usize);
  let rest = value;
  for (let digit = end; digit > at; rest /= 10) store<u8>(--digit, (0x30 + (rest % 10)) as u8);
  return end;
}
