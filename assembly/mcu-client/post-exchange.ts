import { Base64Reader, base64Length, decodeGroups, encodeBase64 } from "./base64";
import { VC_E_CLOSED, VC_E_HTTP, VC_E_SERVER } from "./codes";
import { HTTP_BAD, HTTP_BODY, HttpAnswer } from "./http-answer";
import { RequestSigner, SIGNATURE_HEADERS } from "./signed-request";
import { putText } from "./text";

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
  /** What went wrong: `VC_E_HTTP`, `VC_E_SERVER` or `VC_E_CLOSED`, with the HTTP status. */
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
    (MAX_HEAD as i32) + 2 * MAX_HOST + (SIGNATURE_HEADERS as i32) + (base64Length(MAX_TLS) as i32),
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
  /** The text that the key's owner is to sign before the request can go; 0: none is. */
  toSign: usize = 0;
  toSignLength: u32 = 0;
  private bodyLength: u32 = 0;
  /** Whether the request under way is that of the server's nonce. */
  private asksNonce: bool = false;

  constructor(private signer: RequestSigner) {}

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
    this.asksNonce = false;
    this.toSign = 0;
    this.signer.nonceLength = 0;
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

  /** Makes a request of the server's nonce, with which the first request of TLS bytes is signed. */
  askNonce(): void {
    const at = this.putHead("GET /healthz/nonce HTTP/1.1\r\nHost: ");
    this.end = putText(at, "\r\n\r\n");
    this.signer.nonceLength = 0;
    this.await();
    this.asksNonce = true;
  }

  /** Writes the beginning of a request and the host. */
  private putHead(beginning: string): usize {
    const at = putText(changetype<usize>(this.request), beginning);
    memory.copy(at, changetype<usize>(this.host), this.hostLength as usize);
    return at + (this.hostLength as usize);
  }

  /** The request is there: its answer is due. */
  private await(): void {
    this.unsent = (this.end - changetype<usize>(this.request)) as u32;
    this.awaiting = true;
    this.asksNonce = false;
    this.answer.begin();
    this.base64.begin();
    this.number = 0;
    this.digits = 0;
    this.inPieces = false;
    this.anyBody = false;
    this.chunkLength = 0;
  }

  /**
   * Makes a request of TLS bytes; answers how many of them it takes. Where `toSign` is set then, the request waits for
   * `signed`.
   */
  post(tls: usize, length: u32): u32 {
    const taken = min(length, MAX_TLS);
    // The body first, at the end of the room that there is: its headers may have to cover it.
    const bodyLength = decimalDigits(this.session) + 1 + base64Length(taken);
    const body = changetype<usize>(this.request) + (this.request.length as usize) - bodyLength;
    let at = putNumber(body, this.session);
    store<u8>(at++, SPACE as u8);
    encodeBase64(at, tls, taken);
    at = this.putHead("POST /runtime_manager HTTP/1.1\r\nHost: ");
    at = putText(at, "\r\nContent-Type: text/plain\r\nContent-Length: ");
    at = putNumber(at, bodyLength as u64);
    const room = body - at;
    const host = changetype<usize>(this.host);
    if (this.session === 0 && room >= SIGNATURE_HEADERS + MAX_HOST + 4) {
      const end = this.signer.prepare(at, host, this.hostLength as u32, body, bodyLength);
      if (end !== at) {
        this.toSign = at;
        this.toSignLength = (end - at) as u32;
        this.bodyLength = bodyLength;
        return taken;
      }
    }
    this.finishRequest(at, bodyLength);
    return taken;
  }

  /** Takes the signature that the key's owner has made, 64 bytes; 0: the request goes without one. */
  signed(signature: usize): void {
    let at = this.toSign;
    this.toSign = 0;
    if (signature !== 0) {
      memory.copy(this.signer.signature, signature, 64);
      at = this.signer.putHeaders(at);
    }
    this.finishRequest(at, this.bodyLength);
  }

  /** Ends the head at `at` and puts the body behind it, which lies at the end of the room. */
  private finishRequest(at: usize, bodyLength: u32): void {
    const body = changetype<usize>(this.request) + (this.request.length as usize) - bodyLength;
    const start = putText(at, "\r\n\r\n");
    memory.copy(start, body, bodyLength);
    this.end = start + (bodyLength as usize);
    this.await();
  }

  /**
   * Takes what of the answer goes without questions, at most `length` bytes: whole groups of base64 that fill no chunk.
   * Answers how many; `receive` takes the byte behind them.
   */
  receiveText(bytes: usize, length: u32): u32 {
    const inText = this.awaiting && this.inPieces && this.base64.expectsGroup;
    if (!inText || this.chunkLength >= CHUNK - 3) return 0;
    const room = <u32>((CHUNK - 3 - this.chunkLength) / 3) * 4;
    const most = min(min(length, room), this.answer.skippable);
    const taken = decodeGroups(this.chunk + <usize>this.chunkLength, bytes, most);
    this.chunkLength += <i32>(taken / 4) * 3;
    this.answer.skip(taken);
    return taken;
  }

  /** Takes a byte of the answer: `EXCHANGE_…`. */
  receive(byte: u32): u32 {
    if (!this.awaiting) return this.fail(VC_E_HTTP); // nobody asked
    if (this.chunkLength >= CHUNK) this.chunkLength = 0;
    const what = this.answer.take(byte);
    if (what === HTTP_BAD) return this.fail(VC_E_HTTP);
    if (what === HTTP_BODY && !this.takeBody(byte)) return this.fail(VC_E_HTTP);
    if (this.answer.done) return this.finish();
    return this.chunkLength >= CHUNK ? EXCHANGE_CHUNK : EXCHANGE_MORE;
  }

  /** The connection has ended: `EXCHANGE_DONE` when that was the end of the answer, too. */
  ended(): u32 {
    return this.awaiting && this.answer.ended() ? this.finish() : EXCHANGE_MORE;
  }

  private fail(fault: i32): u32 {
    this.fault = fault;
    this.awaiting = false;
    return EXCHANGE_FAILED;
  }

  private takeBody(byte: u32): bool {
    if (this.asksNonce) {
      this.signer.takeNonce(byte);
      return true;
    }
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
    if (this.asksNonce) {
      // A server that gives none takes requests that are not signed.
      if (this.answer.status !== 200) this.signer.nonceLength = 0;
      this.awaiting = false;
      return EXCHANGE_DONE;
    }
    if (this.answer.status !== 200) {
      const ended = this.answer.status === 404 || this.answer.status === 410;
      return this.fail(ended ? VC_E_CLOSED : VC_E_SERVER);
    }
    const whole = this.inPieces
      ? this.base64.atBoundary
      : !this.anyBody
        ? this.session !== 0
        : this.isOurs();
    if (!whole) return this.fail(VC_E_HTTP);
    this.awaiting = false;
    return EXCHANGE_DONE;
  }
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
