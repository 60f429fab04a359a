import { TransportError } from "./errors.js";

/** Bytes before each frame: its length as a big-endian u32. */
export const FRAME_HEADER_BYTES = 4;

/** A message with its length before it. */
export function frame(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(FRAME_HEADER_BYTES + message.length);
  framed.writeUInt32BE(message.length);
  framed.set(message, FRAME_HEADER_BYTES);
  return framed;
}

/** Cuts a byte stream into frames. */
export class FrameReader {
  private readonly header = Buffer.alloc(FRAME_HEADER_BYTES);
  private headerFilled = 0;
  private body: Buffer | undefined;
  private bodyFilled = 0;

  /** @param limit largest frame in bytes, its header apart */
  constructor(private readonly limit: number) {}

  /** Whether the stream so far ends between two frames. */
  get atBoundary(): boolean {
    return this.headerFilled === 0;
  }

  /**
   * Takes the next bytes of the stream and returns the frames that they complete, which may be views
   * into the chunk.
   *
   * @throws TransportError when a frame is empty or larger than the limit; no memory was taken for it,
   *   and the stream cannot be read any further
   */
  push(chunk: Uint8Array): Buffer[] {
    const frames: Buffer[] = [];
    let rest = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    while (rest.length > 0) {
      if (this.body === undefined) {
        const taken = rest.copy(this.header, this.headerFilled);
        this.headerFilled += taken;
        rest = rest.subarray(taken);
        if (this.headerFilled < FRAME_HEADER_BYTES) break;
        const length = this.header.readUInt32BE();
        if (length === 0 || length > this.limit) {
          throw new TransportError(`frame of ${length} bytes, allowed are 1 … ${this.limit}`);
        }
        if (rest.length >= length) {
          // The whole frame is in the chunk: no copy.
          frames.push(rest.subarray(0, length));
          rest = rest.subarray(length);
          this.headerFilled = 0;
          continue;
        }
        this.body = Buffer.allocUnsafeSlow(length);
        this.bodyFilled = 0;
      }
      const taken = rest.copy(this.body, this.bodyFilled);
      this.bodyFilled += taken;
      rest = rest.subarray(taken);
      if (this.bodyFilled < this.body.length) break;
      frames.push(this.body);
      this.body = undefined;
      this.headerFilled = 0;
    }
    return frames;
  }
}
