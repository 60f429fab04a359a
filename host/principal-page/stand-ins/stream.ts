// What of Node's Duplex the client uses, for a browser: flowing mode, back pressure of writes, an orderly end.
import { Buffer } from "./buffer.js";
import { EventEmitter } from "./events.js";

type Done = (error?: Error | null) => void;
interface Waiting {
  chunk: Buffer;
  done: Done;
}

/** Bytes that may wait for `_write` before `write` asks to hold back. */
const HIGH_WATER = 64 * 1024;

/** A stream in both directions. */
export class Duplex extends EventEmitter {
  destroyed = false;
  writableEnded = false;
  writableFinished = false;
  readableEnded = false;
  writableLength = 0;
  private readonly incoming: (Buffer | null)[] = [];
  private readonly outgoing: Waiting[] = [];
  private flowing = false;
  private paused = false;
  private delivering = false;
  private writing = false;
  private corks = 0;
  private needDrain = false;
  private closed = false;

  constructor(_options?: object) {
    super();
  }

  _read(): void {}
  _write(_chunk: Buffer, _encoding: string, done: Done): void {
    done();
  }
  _writev?(chunks: { chunk: Buffer }[], done: Done): void;
  _final(done: Done): void {
    done();
  }
  _destroy(error: Error | null, done: Done): void {
    done(error);
  }

  get writable(): boolean {
    return !this.destroyed && !this.writableEnded;
  }

  override on(event: string, run: (...values: never[]) => void): this {
    super.on(event, run);
    if (event === "data" && !this.paused) this.resume();
    return this;
  }

  push(chunk: Uint8Array | null): boolean {
    if (this.destroyed || this.readableEnded) return false;
    this.incoming.push(chunk === null ? null : Buffer.from(chunk as unknown as ArrayLike<number>));
    this.deliverSoon();
    return this.flowing && !this.paused;
  }

  pause(): this {
    this.paused = true;
    return this;
  }

  resume(): this {
    this.paused = false;
    this.flowing = true;
    this.deliverSoon();
    return this;
  }

  isPaused(): boolean {
    return this.paused;
  }

  setTimeout(): this {
    return this;
  }

  private deliverSoon(): void {
    if (this.delivering) return;
    this.delivering = true;
    queueMicrotask(() => {
      this.delivering = false;
      while (this.flowing && !this.paused && !this.destroyed) {
        const chunk = this.incoming.shift();
        if (chunk === undefined) break;
        if (chunk === null) {
          this.readableEnded = true;
          this.emit("end");
          this.closeWhenDone();
        } else this.emit("data", chunk);
      }
      if (this.flowing && !this.paused && !this.destroyed && !this.readableEnded) this._read();
    });
  }

  cork(): void {
    this.corks++;
  }

  uncork(): void {
    if (this.corks > 0) this.corks--;
    this.writeNext();
  }

  write(chunk: Uint8Array, second?: unknown, third?: unknown): boolean {
    const done = (typeof second === "function" ? second : third) as Done | undefined;
    if (!this.writable) {
      done?.(new Error("write after end"));
      return false;
    }
    const bytes = new Buffer(chunk.buffer as ArrayBuffer, chunk.byteOffset, chunk.byteLength);
    this.writableLength += bytes.length;
    this.outgoing.push({ chunk: bytes, done: done ?? (() => undefined) });
    this.writeNext();
    const full = this.writableLength >= HIGH_WATER;
    this.needDrain ||= full;
    return !full;
  }

  end(chunk?: Uint8Array): this {
    if (chunk !== undefined && chunk.length > 0 && this.writable) this.write(chunk);
    this.writableEnded = true;
    this.corks = 0;
    this.writeNext();
    return this;
  }

  private writeNext(): void {
    if (this.writing || this.corks > 0 || this.destroyed) return;
    const batch = this._writev === undefined ? this.outgoing.splice(0, 1) : this.outgoing.splice(0);
    if (batch.length === 0) {
      if (this.writableEnded && !this.writableFinished) this.finish();
      return;
    }
    this.writing = true;
    const written: Done = (error) => {
      this.writing = false;
      this.writableLength -= batch.reduce((sum, { chunk }) => sum + chunk.length, 0);
      for (const { done } of batch) done(error);
      if (error) {
        this.destroy(error);
        return;
      }
      if (this.needDrain && this.writableLength < HIGH_WATER) {
        this.needDrain = false;
        queueMicrotask(() => this.emit("drain"));
      }
      this.writeNext();
    };
    if (this._writev !== undefined && batch.length > 1) this._writev(batch, written);
    else this._write((batch[0] as Waiting).chunk, "buffer", written);
  }

  private finish(): void {
    this.writing = true;
    this._final((error) => {
      this.writing = false;
      if (error) {
        this.destroy(error);
        return;
      }
      this.writableFinished = true;
      this.emit("finish");
      this.closeWhenDone();
    });
  }

  private closeWhenDone(): void {
    if (this.readableEnded && this.writableFinished) this.destroy();
  }

  destroy(error?: Error | null): this {
    if (this.destroyed) return this;
    this.destroyed = true;
    this._destroy(error ?? null, (reason) => {
      queueMicrotask(() => {
        if (this.closed) return;
        this.closed = true;
        if (reason) this.emit("error", reason);
        this.emit("close");
      });
    });
    return this;
  }
}
