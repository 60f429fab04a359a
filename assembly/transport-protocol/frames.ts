import { canAllocate } from "../platform-services/heap";

/** Bytes before each frame: its length as a big-endian u32. */
export const FRAME_HEADER_BYTES: u32 = 4;

/** Nothing whole yet: more bytes are needed. */
export const FRAME_MORE: i32 = 0;
/** A frame is whole, see `FrameReader.pointer` and `FrameReader.length`. */
export const FRAME_WHOLE: i32 = 1;
/** A frame is empty or larger than the limit; the stream cannot be read any further. */
export const FRAME_E_LENGTH: i32 = -1;
/** There is no memory for the frame; the stream cannot be read any further. */
export const FRAME_E_MEMORY: i32 = -2;

/** Stores the header of a frame of `length` bytes at `destination`. */
export function writeFrameHeader(destination: usize, length: u32): void {
  store<u32>(destination, bswap<u32>(length));
}

/**
 * Cuts a byte stream into frames. Takes memory only for a frame that comes in parts, and only once its
 * length is known and within the limit; gives it back as soon as the frame was used.
 *
 * Use: for each chunk call `push(pointer, length)`, then `next()` until it answers `FRAME_MORE`.
 */
export class FrameReader {
  /** Where the frame lies, after `FRAME_WHOLE`: good until the next call. */
  pointer: usize = 0;
  /** Its length in bytes. */
  length: u32 = 0;

  private chunk: usize = 0;
  private chunkEnd: usize = 0;
  /** The bytes of the header read so far, as a number. */
  private header: u32 = 0;
  private headerFilled: u32 = 0;
  /** Memory of a frame that comes in parts; 0 when there is none. */
  private body: usize = 0;
  private bodyFilled: u32 = 0;
  private failed: i32 = 0;

  /** @param limit largest frame in bytes, its header apart */
  constructor(private limit: u32) {}

  /** Whether the stream so far ends between two frames. */
  get atBoundary(): bool {
    return this.headerFilled === 0 && this.chunk === this.chunkEnd;
  }

  /** Takes the next bytes of the stream; they must stay in place until `next` answers `FRAME_MORE`. */
  push(pointer: usize, length: u32): void {
    this.chunk = pointer;
    this.chunkEnd = pointer + (length as usize);
  }

  /** The next frame: `FRAME_WHOLE`, `FRAME_MORE`, or why there is none (`FRAME_E_…`). */
  next(): i32 {
    if (this.failed !== 0) return this.failed;
    if (this.pointer !== 0) this.release();
    while (this.headerFilled < FRAME_HEADER_BYTES) {
      if (this.chunk === this.chunkEnd) return FRAME_MORE;
      this.header = (this.header << 8) | (load<u8>(this.chunk++) as u32);
      this.headerFilled++;
    }
    const size = this.header;
    if (size === 0 || size > this.limit) return this.fail(FRAME_E_LENGTH);
    const there = (this.chunkEnd - this.chunk) as u32;
    if (this.body === 0) {
      if (there >= size) {
        // The whole frame is in the chunk: no copy.
        this.pointer = this.chunk;
        this.length = size;
        this.chunk += size as usize;
        return FRAME_WHOLE;
      }
      if (!canAllocate(size)) return this.fail(FRAME_E_MEMORY);
      this.body = heap.alloc(size as usize);
      this.bodyFilled = 0;
    }
    const taken = min(there, size - this.bodyFilled);
    memory.copy(this.body + (this.bodyFilled as usize), this.chunk, taken as usize);
    this.bodyFilled += taken;
    this.chunk += taken as usize;
    if (this.bodyFilled < size) return FRAME_MORE;
    this.pointer = this.body;
    this.length = size;
    return FRAME_WHOLE;
  }

  private fail(error: i32): i32 {
    this.failed = error;
    return error;
  }

  /** Wipes and frees what was kept of the stream. To be called when the stream ends. */
  release(): void {
    if (this.body !== 0) {
      memory.fill(this.body, 0, this.header as usize);
      heap.free(this.body);
      this.body = 0;
    }
    this.pointer = 0;
    this.length = 0;
    this.header = 0;
    this.headerFilled = 0;
    this.bodyFilled = 0;
  }

  /** Forgets the stream, for another one to be read. */
  restart(): void {
    this.release();
    this.chunk = 0;
    this.chunkEnd = 0;
    this.failed = 0;
  }
}
