// A logistic model of all providers' records together, by gradient descent from zero: 50 steps over all records.
//
// Inputs (one or more): Vec<(bool, Vec<f64>)>, one provider's records: what to foresee, and the factors, as many in every
// record. Result: Vec<f64>, the constant and a weight for each factor. The sigmoid is 0.5 + 0.197 x - 0.004 x^3, which
// needs no exponential function; factors should lie between -1 and 1.
// BadInput: malformed, no records, records without factors or of different lengths, or a model that is not finite;
// Generic: not enough memory; DataSourceCount: no input.
import {
  Codec,
  decodeInput,
  encodeOutput,
  fail,
  inputCount,
  ReturnCode,
  tryBytes,
} from "../../../assembly/sdk";

const STEPS = 50;

class Sample {
  label: bool = false;
  factors: Float64Array = new Float64Array(0);

  fields(codec: Codec): void {
    this.label = codec.of(this.label);
    this.factors = codec.of(this.factors);
  }
}

/** A polynomial in place of 1 / (1 + e^-x). */
function sigmoid(x: f64): f64 {
  return 0.5 + 0.197 * x - 0.004 * x * x * x;
}

/** A list of zeros, or null where there is no memory for it. */
function zeros(length: i32): Float64Array | null {
  const bytes = tryBytes((length as usize) << 3);
  return bytes === null ? null : Float64Array.wrap(bytes.buffer);
}

export function main(): i32 {
  const count = inputCount();
  if (count.failed) return fail(count.code);
  if (count.value === 0) return fail(ReturnCode.DataSourceCount);
  const providers: Array<Sample>[] = [];
  let samples: f64 = 0;
  let width = -1;
  for (let index: u32 = 0; index < count.value; index++) {
    const read = decodeInput<Array<Sample>>(index);
    if (read.failed) return fail(read.code);
    const list = read.value;
    for (let i = 0; i < list.length; i++) {
      const length = list[i].factors.length;
      if (width < 0) width = length;
      if (length === 0 || length !== width) return fail(ReturnCode.BadInput);
    }
    samples += list.length as f64;
    providers.push(list);
  }
  if (samples === 0) return fail(ReturnCode.BadInput);

  const model = zeros(width + 1);
  const slope = zeros(width + 1);
  if (model === null || slope === null) return fail(ReturnCode.Generic);
  for (let step = 0; step < STEPS; step++) {
    slope.fill(0);
    for (let index = 0; index < providers.length; index++) {
      const list = providers[index];
      for (let i = 0; i < list.length; i++) {
        const factors = list[i].factors;
        let sum = model[0];
        for (let j = 0; j < width; j++) sum += model[j + 1] * factors[j];
        const miss = (list[i].label ? 1.0 : 0.0) - sigmoid(sum);
        slope[0] += miss;
        for (let j = 0; j < width; j++) slope[j + 1] += miss * factors[j];
      }
    }
    for (let j = 0; j <= width; j++) model[j] += (0.5 * slope[j]) / samples;
  }
  for (let j = 0; j <= width; j++) {
    if (!isFinite(model[j])) return fail(ReturnCode.BadInput);
  }
  return encodeOutput<Float64Array>(model);
}
