import { randomBytes } from "node:crypto";
import { Duplex } from "node:stream";
import { crc32 } from "node:zlib";
import { SERIAL_CHECK, SERIAL_HEADER, SERIAL_PAYLOAD, serialPackets } from "./serial-packets.js";

const { HELLO, WELCOME, DATA, ACK, BYE, ALIVE } = serialPackets;

/** After so long without an answer a packet is sent again, so often. */
const RESEND_MS = 250;
const RESEND_LIMIT = 40;
/** The board gives a line up that is silent for 15 seconds. */
const ALIVE_MS = 4000;

/** COBS: the bytes without zeros, and a zero as their end. */
export function cobsEncode(bytes: Uint8Array): Buffer {
  const out: number[] = [];
  let at = 0;
  for (;;) {
    let end = at;
    while (end < bytes.length && end - at < 254 && bytes[end] !== 0) end++;
    out.push(end - at + 1, ...bytes.subarray(at, end));
    const full = end - at === 254;
    at = end;
    if (at === bytes.length) break;
    if (!full) at++;
  }
  out.push(0);
  return Buffer.from(out);
}

/** The packet that COBS made these bytes of (its end left out), or undefined when they are no packet. */
export function cobsDecode(encoded: Uint8Array): Buffer | undefined {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < encoded.length; ) {
    const code = encoded[at] ?? 0;
    if (code === 0 || at + code > encoded.length) return undefined;
    parts.push(encoded.subarray(at + 1, at + code));
    at += code;
    if (code !== 255 && at < encoded.length) parts.push(Uint8Array.of(0));
  }
  return Buffer.concat(parts);
}

/**
 * A reliable byte stream to a board over its serial line: the computer's end of the protocol in
 * `mcu-client/link/serial-link.h`. One packet at a time is under way; it is sent again until it is
 * acknowledged.
 */
export class SerialLink extends Duplex {
  readonly #line: Duplex;
  readonly #id = randomBytes(4);
  #open = false;
  /** Encoded bytes since the last packet's end. */
  #received: Buffer[] = [];
  #expected = 0;
  #sent = 0;
  /** Pieces not yet acknowledged, the first one under way, and what to call after the last of a write. */
  #pieces: { bytes: Uint8Array; done?: (error?: Error | null) => void }[] = [];
  #tries = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #alive: NodeJS.Timeout;
  /** Packets sent again so far. */
  resent = 0;

  /** @param line the raw line: a socket to the emulator, or an opened serial device */
  constructor(line: Duplex) {
    super({ allowHalfOpen: false });
    this.#line = line;
    line.on("data", (chunk: Buffer) => this.#take(chunk));
    line.on("error", (error) => this.destroy(error));
    line.on("close", () => this.destroy());
    this.#alive = setInterval(() => {
      if (this.#open) this.#send(ALIVE, 0);
    }, ALIVE_MS);
    this.#transmit();
  }

  #send(type: number, number: number, payload: Uint8Array = Buffer.alloc(0)): void {
    const packet = Buffer.alloc(SERIAL_HEADER + payload.length + SERIAL_CHECK);
    packet[0] = type;
    packet[1] = number;
    packet.set(payload, SERIAL_HEADER);
    packet.writeUInt32LE(crc32(packet.subarray(0, -SERIAL_CHECK)), packet.length - SERIAL_CHECK);
    this.#line.write(cobsEncode(packet));
  }

  /** Sends what the peer must acknowledge next: the greeting, or the first piece. */
  #transmit(): void {
    clearTimeout(this.#timer);
    const piece = this.#pieces[0];
    if (!this.#open) this.#send(HELLO, 0, this.#id);
    else if (piece) this.#send(DATA, this.#sent, piece.bytes);
    else return;
    this.#timer = setTimeout(() => {
      if (++this.#tries === RESEND_LIMIT) this.destroy(new Error("the board does not answer"));
      else {
        this.resent++;
        this.#transmit();
      }
    }, RESEND_MS);
  }

  #acknowledged(): void {
    clearTimeout(this.#timer);
    this.#tries = 0;
  }

  #take(chunk: Buffer): void {
    let start = 0;
    for (let end = chunk.indexOf(0); end >= 0; end = chunk.indexOf(0, start)) {
      const encoded = Buffer.concat([...this.#received, chunk.subarray(start, end)]);
      this.#received = [];
      start = end + 1;
      const packet = cobsDecode(encoded);
      if (!packet || packet.length < SERIAL_HEADER + SERIAL_CHECK) continue;
      const content = packet.subarray(0, -SERIAL_CHECK);
      if (crc32(content) !== packet.readUInt32LE(content.length)) continue;
      this.#handle(content[0] ?? 0, content[1] ?? 0, content.subarray(SERIAL_HEADER));
    }
    this.#received.push(Buffer.from(chunk.subarray(start)));
  }

  #handle(type: number, number: number, payload: Buffer): void {
    if (!this.#open) {
      if (type === WELCOME && payload.equals(this.#id)) {
        this.#open = true;
        this.#acknowledged();
        this.emit("connect");
        this.#transmit();
      }
      return;
    }
    if (type === ACK && number === this.#sent && this.#pieces.length > 0) {
      this.#acknowledged();
      this.#sent = (this.#sent + 1) & 0xff;
      this.#pieces.shift()?.done?.();
      this.#transmit();
    } else if (type === DATA) {
      if (number === this.#expected) {
        this.#expected = (this.#expected + 1) & 0xff;
        this.push(payload);
        this.#send(ACK, number);
      } else if (number === ((this.#expected - 1) & 0xff)) this.#send(ACK, number);
    } else if (type === BYE) this.destroy();
  }

  override _write(
    chunk: Buffer,
    _encoding: BufferEncoding,
    done: (error?: Error | null) => void,
  ): void {
    const idle = this.#pieces.length === 0;
    for (let at = 0; at < chunk.length; at += SERIAL_PAYLOAD)
      this.#pieces.push({ bytes: chunk.subarray(at, at + SERIAL_PAYLOAD) });
    const last = this.#pieces.at(-1);
    if (chunk.length === 0 || !last) done();
    else last.done = done;
    if (idle && this.#open) this.#transmit();
  }

  override _read(): void {
    // The board's data is pushed as it comes; acknowledging late holds the board back.
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.#open) this.#send(BYE, 0);
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearTimeout(this.#timer);
    clearInterval(this.#alive);
    if (this.#open && !this.writableFinished && !this.#line.destroyed) this.#send(BYE, 0);
    this.#line.end();
    for (const { done: waiting } of this.#pieces) waiting?.(error ?? new Error("link closed"));
    this.#pieces = [];
    done(error);
  }
}
