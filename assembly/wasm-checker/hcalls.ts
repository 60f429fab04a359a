// The H-calls that a program may import: `../../host/isolate/hcalls.ts` holds the same list with
// numbers, and a test compares the two.

import { TYPE_I32 } from "./opcodes";
import { CheckState, parameterCount, parameterType, resultType } from "./state";

const PREFIX = "__veracruz_hcall_";
/** What follows the prefix, and behind it the number of i32 parameters. */
const NAMES: StaticArray<string> = [
  "input_count1",
  "input_size2",
  "read_input3",
  "stream_count1",
  "stream_size2",
  "read_stream3",
  "has_previous_result1",
  "previous_result_size1",
  "read_previous_result2",
  "write_output2",
  "getrandom2",
];

/** Whether the `length` bytes of ASCII at `pointer` are the characters of `text` from `from` on. */
export function equals(pointer: usize, length: u32, text: string): bool {
  if ((text.length as u32) !== length) return false;
  return startsWith(pointer, length, text);
}

/** Whether the bytes at `pointer` are the first `length` characters of `text`. */
function startsWith(pointer: usize, length: u32, text: string): bool {
  for (let i: u32 = 0; i < length; i++) {
    if ((load<u8>(pointer + i) as i32) !== text.charCodeAt(i as i32)) return false;
  }
  return true;
}

/** Parameters of the H-call with this name, or 0 when there is none. */
export function hcallParameters(pointer: usize, length: u32): u32 {
  const prefix = PREFIX.length as u32;
  if (length <= prefix || !startsWith(pointer, prefix, PREFIX)) return 0;
  for (let i = 0; i < NAMES.length; i++) {
    const name = unchecked(NAMES[i]);
    const rest = (name.length - 1) as u32;
    if (length - prefix === rest && startsWith(pointer + prefix, rest, name)) {
      return name.charCodeAt(rest as i32) - 0x30;
    }
  }
  return 0;
}

/** Whether the type at `entry` takes `parameters` i32s and returns one. */
export function isI32Function(state: CheckState, entry: usize, parameters: u32): bool {
  if (parameterCount(entry) !== parameters || resultType(entry) !== TYPE_I32) return false;
  for (let i: u32 = 0; i < parameters; i++) {
    if (parameterType(state, entry, i) !== TYPE_I32) return false;
  }
  return true;
}
