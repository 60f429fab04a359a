// The sum of one party's numbers over those whom all parties know. Nobody learns who they are.
//
// Inputs (two or more): Vec<(u64, u64)>, the first party's numbers, each with the id to which it belongs; Vec<u64>, the
// ids that each other party knows. Result: (u64, u64): how many of the first party's entries count, and their sum.
// A repeated id of the first party counts each time. BadInput: malformed; InvariantFailed: the sum exceeds 64 bits;
// Generic: not enough memory; DataSourceCount: fewer than two inputs.
import {
  decodeInput,
  encodeOutput,
  fail,
  inputCount,
  Pair,
  ReturnCode,
  reserve,
} from "../../../assembly/sdk";

/** Whether the ordered ids hold this one. */
function holds(ids: Uint64Array, id: u64): bool {
  let low = 0;
  let high = ids.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ids[middle] < id) low = middle + 1;
    else high = middle;
  }
  return low < ids.length && ids[low] === id;
}

export function main(): i32 {
  const count = inputCount();
  if (count.failed) return fail(count.code);
  if (count.value < 2) return fail(ReturnCode.DataSourceCount);
  const read = decodeInput<Array<Pair<u64, u64>>>(0);
  if (read.failed) return fail(read.code);
  const entries = read.value;
  let left = entries.length;
  for (let index: u32 = 1; index < count.value; index++) {
    const others = decodeInput<Uint64Array>(index);
    if (others.failed) return fail(others.code);
    // Sorting needs room for as many ids again.
    if (!reserve((others.value.length as usize) << 3)) return fail(ReturnCode.Generic);
    others.value.sort();
    let kept = 0;
    for (let i = 0; i < left; i++) {
      if (holds(others.value, entries[i].first)) entries[kept++] = entries[i];
    }
    left = kept;
  }
  let sum: u64 = 0;
  for (let i = 0; i < left; i++) {
    const value = entries[i].second;
    if (value > u64.MAX_VALUE - sum) return fail(ReturnCode.InvariantFailed);
    sum += value;
  }
  return encodeOutput<Pair<u64, u64>>(new Pair<u64, u64>(left, sum));
}
