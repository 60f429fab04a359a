// Adds up streams of numbers, round by round: each round's stream items are added to what the round
// before left, and the first round starts from the input.
//
// Inputs: one f64. Streams: one or more, an f64 each. Previous result and result: f64.
// DataSourceCount: not one input; StreamSourceCount: no stream item; BadInput, BadStream,
// PreviousResultSize: no finite f64 in the input, a stream item, the previous result.
import {
  decodeInput,
  decodePreviousResult,
  decodeStream,
  encodeOutput,
  fail,
  hasPreviousResult,
  ReturnCode,
  requireInputs,
  streamCount,
} from "../../../assembly/sdk";

export function main(): i32 {
  const inputs = requireInputs(1);
  if (inputs !== ReturnCode.Success) return fail(inputs);
  const streams = streamCount();
  if (streams.failed) return fail(streams.code);
  if (streams.value === 0) return fail(ReturnCode.StreamSourceCount);
  const carried = hasPreviousResult();
  if (carried.failed) return fail(carried.code);

  const start = carried.value ? decodePreviousResult<f64>() : decodeInput<f64>(0);
  if (start.failed) return fail(start.code);
  let sum = start.value;
  if (!isFinite(sum)) {
    return fail(carried.value ? ReturnCode.PreviousResultSize : ReturnCode.BadInput);
  }
  for (let index: u32 = 0; index < streams.value; index++) {
    const item = decodeStream<f64>(index);
    if (item.failed) return fail(item.code);
    if (!isFinite(item.value)) return fail(ReturnCode.BadStream);
    sum += item.value;
  }
  return encodeOutput<f64>(sum);
}
