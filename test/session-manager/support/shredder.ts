import { Duplex } from "node:stream";
import { Random } from "../../support/random.js";

/** A stream over another that cuts what passes, both ways, into pieces of random size. */
export class Shredder extends Duplex {
  private readonly inner: Duplex;
  private readonly random: Random;
  private readonly largest: number;
  private innerEnded = false;

  constructor(inner: Duplex, seed: number, largest: number) {
    super({ allowHalfOpen: true });
    this.inner = inner;
    this.random = new Random(seed);
    this.largest = largest;
    inner.on("data", (chunk: Buffer) => {
      let open = true;
      for (const piece of this.pieces(chunk)) open = this.push(piece);
      if (!open) inner.pause();
    });
    inner.on("end", () => this.endReading());
    inner.on("error", (error: Error) => this.destroy(error));
    // What came before the end must still be read: hence no destroy.
    inner.on("close", () => this.endReading());
  }

  private endReading(): void {
    if (this.innerEnded) return;
    this.innerEnded = true;
    this.push(null);
  }

  private *pieces(chunk: Buffer): Generator<Buffer> {
    for (let at = 0; at < chunk.length; ) {
      // Now and then a very short one, so that headers are cut, too.
      const largest = this.random.below(4) === 0 ? 7 : this.largest;
      const size = 1 + this.random.below(largest);
      yield chunk.subarray(at, at + size);
      at += size;
    }
  }

  override _read(): void {
    this.inner.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    if (!this.inner.writable) {
      done();
      return;
    }
    let open = true;
    for (const piece of this.pieces(chunk)) open = this.inner.write(piece);
    if (open) done();
    else {
      // A peer that closes while we wait for it must not leave the write hanging.
      const finish = () => {
        this.inner.off("drain", finish);
        this.inner.off("close", finish);
        done();
      };
      this.inner.on("drain", finish);
      this.inner.on("close", finish);
    }
  }

  override _final(done: (error?: Error | null) => void): void {
    this.inner.end(() => done());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.inner.destroy();
    done(error);
  }
}
