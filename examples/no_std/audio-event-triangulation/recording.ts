// A recording as devices provide it: a WAV file (RIFF, one channel, 16-bit PCM) with one more chunk,
// `vcev`: where the microphone stands and when the recording begins, as three f64: x and y in metres,
// seconds on the clock that all devices share. Players skip chunks that they do not know.
import { ReturnCode, readInput } from "../../../assembly/sdk";

const RIFF: u32 = 0x46464952;
const WAVE: u32 = 0x45564157;
const CHUNK_FORMAT: u32 = 0x20746d66;
const CHUNK_DATA: u32 = 0x61746164;
const CHUNK_EVENT: u32 = 0x76656376;

const FORMAT_BYTES: u32 = 16;
const EVENT_BYTES: u32 = 24;
/** PCM in the low half, one channel in the high one. */
const PCM_MONO: u32 = 0x00010001;
const BITS_PER_SAMPLE: u32 = 16;

/** Samples per second that are taken. */
const MIN_RATE: u32 = 4000;
const MAX_RATE: u32 = 192000;
/** Longest recording in samples: the sums below stay exact. */
const MAX_SAMPLES: i32 = 1 << 20;

export class Recording {
  x: f64 = 0;
  y: f64 = 0;
  start: f64 = 0;
  rate: u32 = 0;
  private file: Uint8Array = new Uint8Array(0);
  private data: u32 = 0;
  length: i32 = 0;

  /** Sample `index`, which must be within the recording. */
  at(index: i32): i32 {
    const at = (this.data as i32) + 2 * index;
    return (((this.file[at] as i32) | ((this.file[at + 1] as i32) << 8)) << 16) >> 16;
  }

  /** The sum of squares of `count` samples from `index` on. */
  energy(index: i32, count: i32): f64 {
    let sum: f64 = 0;
    for (let i = index; i < index + count; i++) {
      const sample = this.at(i) as f64;
      sum += sample * sample;
    }
    return sum;
  }

  /** Reads input `index`: `ReturnCode.Success`, or why it is no recording. */
  read(index: u32): ReturnCode {
    const read = readInput(index);
    if (read.failed) return read.code;
    const file = read.value;
    this.file = file;
    const size = file.length as u32;
    if (size < 12 || u32At(file, 0) !== RIFF || u32At(file, 8) !== WAVE) return ReturnCode.BadInput;
    if (u32At(file, 4) !== size - 8) return ReturnCode.BadInput;
    let placed = false;
    for (let at: u32 = 12; at < size; ) {
      if (size - at < 8) return ReturnCode.BadInput;
      const chunk = u32At(file, at);
      const length = u32At(file, at + 4);
      at += 8;
      if (length > size - at) return ReturnCode.BadInput;
      if (chunk === CHUNK_FORMAT && !this.readFormat(at, length)) return ReturnCode.BadInput;
      if (chunk === CHUNK_EVENT) {
        if (placed || length !== EVENT_BYTES) return ReturnCode.BadInput;
        placed = true;
        this.x = f64At(file, at);
        this.y = f64At(file, at + 8);
        this.start = f64At(file, at + 16);
      }
      if (chunk === CHUNK_DATA) {
        if (this.data !== 0 || (length & 1) !== 0) return ReturnCode.BadInput;
        this.data = at;
        this.length = (length / 2) as i32;
      }
      // Chunks begin at even offsets; the last one may lack its padding.
      at += min(length + (length & 1), size - at);
    }
    const sane = placed && this.rate !== 0 && this.length > 0 && this.length <= MAX_SAMPLES;
    // An infinity or a NaN in any of the three makes the difference a NaN.
    const sum = this.x + this.y + this.start;
    const finite = sum - sum === 0;
    return sane && finite ? ReturnCode.Success : ReturnCode.BadInput;
  }

  private readFormat(at: u32, length: u32): bool {
    if (this.rate !== 0 || length < FORMAT_BYTES || u32At(this.file, at) !== PCM_MONO) return false;
    if (u32At(this.file, at + 12) >> 16 !== BITS_PER_SAMPLE) return false;
    this.rate = u32At(this.file, at + 4);
    return this.rate >= MIN_RATE && this.rate <= MAX_RATE;
  }
}

function u32At(file: Uint8Array, at: u32): u32 {
  const i = at as i32;
  return (
    (file[i] as u32) |
    ((file[i + 1] as u32) << 8) |
    ((file[i + 2] as u32) << 16) |
    ((file[i + 3] as u32) << 24)
  );
}

function f64At(file: Uint8Array, at: u32): f64 {
  const bits = (u32At(file, at) as u64) | ((u32At(file, at + 4) as u64) << 32);
  return reinterpret<f64>(bits);
}
