// When to buy and when to sell, by the moving average convergence divergence (MACD; G. Appel) of a
// security's prices: the owner of the prices learns the decisions of somebody else's program, and neither
// shows the other what it has. Weighted moving averages over 12, 26 and 9 steps are taken, as in the
// measurements of homomorphic encryption that this computation is known from.
//
// Input (one): Vec<f64>, prices in the order of time, 35 at least.
// Result: Divergence.
// BadInput: malformed, fewer prices, or one that is not finite (or so large that a difference is not);
// Generic: not enough memory; DataSourceCount: not one input.
import {
  Codec,
  decodeInput,
  encodeOutput,
  fail,
  ReturnCode,
  requireInputs,
  reserve,
} from "../../../assembly/sdk";

const SHORT = 12;
const LONG = 26;
const SIGNAL = 9;

class Divergence {
  /** Short average less long one, from price 26 on. */
  macd: Float64Array = new Float64Array(0);
  /** Average of `macd`, from price 34 on. */
  signal: Float64Array = new Float64Array(0);
  /** From price 35 on: 1 buy, where `macd` rises above `signal`; -1 sell, where it falls below; else 0. */
  decisions: Int8Array = new Int8Array(0);

  fields(codec: Codec): void {
    this.macd = codec.of(this.macd);
    this.signal = codec.of(this.signal);
    this.decisions = codec.of(this.decisions);
  }
}

/** The weighted moving average of `width` values up to and with the one at `last`: weights 1 … width. */
function average(values: Float64Array, last: i32, width: i32): f64 {
  let sum: f64 = 0;
  for (let weight = 1; weight <= width; weight++) {
    sum += (weight as f64) * unchecked(values[last - width + weight]);
  }
  return (sum / ((width * (width + 1)) as f64)) * 2;
}

export function main(): i32 {
  const count = requireInputs(1);
  if (count !== ReturnCode.Success) return fail(count);
  const decoded = decodeInput<Float64Array>(0);
  if (decoded.failed) return fail(decoded.code);
  const prices = decoded.value;
  const steps = prices.length - (LONG - 1);
  const decisions = steps - SIGNAL;
  if (decisions < 1) return fail(ReturnCode.BadInput);
  if (!reserve((steps as usize) * (2 * sizeof<f64>() + 1))) return fail(ReturnCode.Generic);

  const result = new Divergence();
  result.macd = new Float64Array(steps);
  result.signal = new Float64Array(decisions + 1);
  result.decisions = new Int8Array(decisions);
  for (let i = 0; i < steps; i++) {
    const last = i + LONG - 1;
    const macd = average(prices, last, SHORT) - average(prices, last, LONG);
    if (!isFinite(macd)) return fail(ReturnCode.BadInput);
    result.macd[i] = macd;
  }
  for (let i = 0; i <= decisions; i++) {
    const signal = average(result.macd, i + SIGNAL - 1, SIGNAL);
    if (!isFinite(signal)) return fail(ReturnCode.BadInput);
    result.signal[i] = signal;
  }
  let before = result.macd[SIGNAL - 1] - result.signal[0];
  for (let i = 0; i < decisions; i++) {
    const now = result.macd[i + SIGNAL] - result.signal[i + 1];
    result.decisions[i] = before <= 0 && now > 0 ? 1 : before >= 0 && now < 0 ? -1 : 0;
    before = now;
  }
  return encodeOutput<Divergence>(result);
}
