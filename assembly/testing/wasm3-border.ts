// Calls across the border between wasm and its home, for the bench of wasm3-node.
import { three } from "./wasm3/host";

export function callThree(times: i32): i32 {
  let sum = 0;
  for (let i = 0; i < times; i++) sum += three(i, sum, 3);
  return sum;
}

export function emptyTurns(times: i32): i32 {
  let sum = 0;
  for (let i = 0; i < times; i++) sum += i;
  return sum;
}

export function five(a: i32, b: i32, c: i32, d: i32, e: i32): i32 {
  return a + b + c + d + e;
}
