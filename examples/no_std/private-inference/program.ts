// What is on an image, by a convolutional network in whole numbers. The owner of the network does not see the images,
// their owner does not see the network, and only the latter reads what is on them.
//
// Input: Vec<Layer>, the network:
//
//     struct Layer { side: u16, channels: u16, size: u8, stride: u8, outputs: u16, weights: Vec<u8>, biases: Vec<i32>,
//                    multipliers: Vec<i32>, shifts: Vec<u8>, zero: i8, low: i8, high: i8 }
//
// A layer takes side x side places of so many channels, and gives for every patch of size x size places, stride apart, so
// many outputs: bias + sum of weights (i8; a row of the patch's numbers for each output) times the patch, times
// multiplier / 2^shift of that output, rounded to the nearest whole number (up from the middle), plus zero, at least low
// and at most high, an i8. That is TensorFlow Lite's arithmetic for 8 bits, with the zero points of inputs inside the
// biases; vc-data makes this form of its files. Of the last layer, which has one patch, the largest output's index is the
// class, the first of equal ones. Stream item of each round: the image, side x side x channels bytes, of which each less
// 128 enters the first layer. Result: u8, the class.
// BadInput: malformed, or a network that does not fit together; StreamSourceSize: an image of another size; Generic: not
// enough memory; DataSourceCount, StreamSourceCount: not one input and one stream item.
import {
  Codec,
  decodeInput,
  encodeOutput,
  fail,
  ReturnCode,
  readStream,
  requireInputs,
  requireStreams,
  tryBytes,
} from "../../../assembly/sdk";

const MOST_LAYERS = 16;
/** Most weights of one output, and the largest bias: their sum of products stays below 2^31. */
const MOST_TERMS: u64 = 32768;
const LARGEST_BIAS: i32 = 1 << 30;
/** A sum times a multiplier, both below 2^31, plus half of 2^shift, stays below 2^63. */
const MOST_SHIFT: u8 = 62;
const MOST_OUTPUTS: u64 = 1 << 20;
/** What the first layer takes for a byte of an image is that byte less 128, which flips one bit of it. */
const SIGN_BIT: u8 = 0x80;

class Layer {
  side: u16 = 0;
  channels: u16 = 0;
  size: u8 = 0;
  stride: u8 = 0;
  outputs: u16 = 0;
  weights: Uint8Array = new Uint8Array(0);
  biases: Int32Array = new Int32Array(0);
  multipliers: Int32Array = new Int32Array(0);
  shifts: Uint8Array = new Uint8Array(0);
  zero: i8 = 0;
  low: i8 = 0;
  high: i8 = 0;

  fields(codec: Codec): void {
    this.side = codec.of(this.side);
    this.channels = codec.of(this.channels);
    this.size = codec.of(this.size);
    this.stride = codec.of(this.stride);
    this.outputs = codec.of(this.outputs);
    this.weights = codec.of(this.weights);
    this.biases = codec.of(this.biases);
    this.multipliers = codec.of(this.multipliers);
    this.shifts = codec.of(this.shifts);
    this.zero = codec.of(this.zero);
    this.low = codec.of(this.low);
    this.high = codec.of(this.high);
    if (!this.isSound()) codec.reject();
  }

  /** Numbers that go in. */
  get taken(): u64 {
    return (this.side as u64) * (this.side as u64) * (this.channels as u64);
  }

  /** Patches along one side. */
  get patches(): u32 {
    return ((this.side - this.size) as u32) / (this.stride as u32) + 1;
  }

  /** Numbers that come out. */
  get given(): u64 {
    return (this.patches as u64) * (this.patches as u64) * (this.outputs as u64);
  }

  private isSound(): bool {
    if (this.size === 0 || this.stride === 0 || this.channels === 0 || this.outputs === 0)
      return false;
    if ((this.size as u16) > this.side || this.low > this.high) return false;
    const terms = (this.size as u64) * (this.size as u64) * (this.channels as u64);
    if (terms > MOST_TERMS || terms * (this.outputs as u64) !== (this.weights.length as u64))
      return false;
    const outputs = this.outputs as i32;
    if (outputs !== this.biases.length || outputs !== this.multipliers.length) return false;
    if (outputs !== this.shifts.length || this.given > MOST_OUTPUTS) return false;
    for (let i = 0; i < outputs; i++) {
      if (this.biases[i] > LARGEST_BIAS || this.biases[i] < -LARGEST_BIAS) return false;
      if (this.multipliers[i] < 0 || this.shifts[i] > MOST_SHIFT) return false;
    }
    return true;
  }

  /** One output of the patch at `patch`; every address is within bounds by `isSound`. */
  private output(output: i32, patch: usize): i8 {
    const row = (this.size as usize) * (this.channels as usize);
    const line = (this.side as usize) * (this.channels as usize);
    let weight = this.weights.dataStart + (output as usize) * (this.size as usize) * row;
    let total = this.biases[output];
    let from = patch;
    for (let i: u32 = 0; i < (this.size as u32); i++) {
      const end = weight + row;
      for (let at = from; weight < end; at++)
        total += (load<i8>(weight++) as i32) * (load<i8>(at) as i32);
      from += line;
    }
    const shift = this.shifts[output] as i64;
    const half: i64 = shift === 0 ? 0 : (1 as i64) << (shift - 1);
    const scaled = ((total as i64) * (this.multipliers[output] as i64) + half) >> shift;
    const whole = scaled + (this.zero as i64);
    return max<i64>(this.low as i64, min<i64>(this.high as i64, whole)) as i8;
  }

  /** Computes all outputs from the numbers at `input`, to `output`. */
  run(input: usize, output: usize): void {
    const patches = this.patches;
    for (let y: u32 = 0; y < patches; y++) {
      for (let x: u32 = 0; x < patches; x++) {
        const place = (y * (this.side as u32) + x) * (this.stride as u32);
        const patch = input + (place as usize) * (this.channels as usize);
        for (let o = 0; o < (this.outputs as i32); o++) {
          store<i8>(output++, this.output(o, patch));
        }
      }
    }
  }
}

/** The index of the largest of some numbers, the first of equal ones. */
function largest(scores: Uint8Array): u8 {
  let best = 0;
  for (let i = 1; i < scores.length; i++) {
    if ((scores[i] as i8) > (scores[best] as i8)) best = i;
  }
  return best as u8;
}

/** Whether each layer takes what the one before it gives, and the last gives the scores of some classes. */
function fits(layers: Array<Layer>): bool {
  if (layers.length === 0 || layers.length > MOST_LAYERS) return false;
  for (let i = 1; i < layers.length; i++) {
    if (layers[i].taken !== layers[i - 1].given) return false;
  }
  const last = layers[layers.length - 1];
  return last.patches === 1 && last.outputs <= 256;
}

export function main(): i32 {
  let count = requireInputs(1);
  if (count !== ReturnCode.Success) return fail(count);
  count = requireStreams(1);
  if (count !== ReturnCode.Success) return fail(count);
  const network = decodeInput<Array<Layer>>(0);
  if (network.failed) return fail(network.code);
  const layers = network.value;
  if (!fits(layers)) return fail(ReturnCode.BadInput);
  const read = readStream(0);
  if (read.failed) return fail(read.code);
  const image = read.value;
  if ((image.length as u64) !== layers[0].taken) return fail(ReturnCode.StreamSourceSize);
  for (let i = 0; i < image.length; i++) image[i] ^= SIGN_BIT;

  let numbers = image;
  for (let i = 0; i < layers.length; i++) {
    const next = tryBytes(layers[i].given as usize);
    if (next === null) return fail(ReturnCode.Generic);
    layers[i].run(numbers.dataStart, next.dataStart);
    numbers = next;
  }
  return encodeOutput<u8>(largest(numbers));
}
