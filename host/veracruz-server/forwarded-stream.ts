import type { Socket } from "node:net";
import { Duplex, Transform, type TransformCallback } from "node:stream";

/**
 * What the server that has a computation sends on a stream that another server forwards: pieces, each behind its length
 * in four bytes, most significant first. A length of 0 says that the peer is a principal of the policy: the other
 * server, which has no means to check that, then takes its connection for no stranger's.
 */
const LENGTH_BYTES = 4;
/** Longest piece. What is no length at all, as the text of a server that sends no pieces, is longer. */
const MAX_PIECE = 2 ** 24 - 1;

type Written = { chunk: Buffer };

/** The stream of a peer that comes by way of another server, as the server sees it that has the computation. */
export class ForwardedStream extends Duplex {
  private isKnown = false;

  constructor(private readonly socket: Socket) {
    super();
    // What HTTP had to say about time is over.
    socket.setTimeout(0);
    socket.on("data", (chunk) => {
      if (!this.push(chunk)) socket.pause();
    });
    socket.once("end", () => this.push(null));
    socket.on("error", (error) => this.destroy(error));
    socket.once("close", () => this.destroy());
  }

  /** Tells the other server that the peer is a principal of the policy. */
  known(): void {
    if (this.isKnown || !this.socket.writable) return;
    this.isKnown = true;
    this.socket.write(Buffer.alloc(LENGTH_BYTES));
  }

  private writePiece(piece: Buffer): void {
    const length = Buffer.alloc(LENGTH_BYTES);
    length.writeUInt32BE(piece.length);
    this.socket.write(length);
    this.socket.write(piece);
  }

  override _read(): void {
    this.socket.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this._writev([{ chunk }], done);
  }

  override _writev(written: readonly Written[], done: (error?: Error | null) => void): void {
    const { socket } = this;
    socket.cork();
    for (const { chunk } of written)
      for (let at = 0; at < chunk.length; at += MAX_PIECE)
        this.writePiece(chunk.subarray(at, at + MAX_PIECE));
    socket.write("", done);
    socket.uncork();
  }

  override _final(done: () => void): void {
    this.socket.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.socket.destroy();
    done(error);
  }
}

/** Takes such a stream apart, on the server that forwards it: what comes out is the peer's. */
export class ForwardedAnswers extends Transform {
  private readonly length = Buffer.alloc(LENGTH_BYTES);
  private lengthBytes = 0;
  /** Bytes of the piece that are still to come. */
  private left = 0;

  /** @param known told when the other server has said that the peer is a principal */
  constructor(private readonly known: () => void) {
    super();
  }

  override _transform(chunk: Buffer, _encoding: string, done: TransformCallback): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.left > 0) {
        const piece = chunk.subarray(at, at + this.left);
        at += piece.length;
        this.left -= piece.length;
        this.push(piece);
        continue;
      }
      const missing = LENGTH_BYTES - this.lengthBytes;
      const copied = chunk.copy(this.length, this.lengthBytes, at, at + missing);
      at += copied;
      this.lengthBytes += copied;
      if (this.lengthBytes < LENGTH_BYTES) break;
      this.lengthBytes = 0;
      this.left = this.length.readUInt32BE(0);
      if (this.left > MAX_PIECE) {
        done(new Error("its answer is of another form: servers of a registry are of one version"));
        return;
      }
      if (this.left === 0) this.known();
    }
    done();
  }
}
