// The H-calls that a program may import: `../../host/isolate/hcalls.ts` holds the same list with
// numbers, and a test compares the two.

import { TYPE_I32 } from "./opcodes";
import { CheckState, parameterCount, parameterType, resultType } from "./state";

const PREFIX = "__veracruz_hcall_";
/**
 * What follows the prefix, and behind each name the number of its i32 parameters: one string, since each
 * string of its own takes 28 bytes more.
 */
const NAMES =
  "input_count1input_size2read_input3stream_count1stream_size2read_stream3has_previous_result1" +
  "previous_result_size1read_previous_result2write_output2getrandom2";

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
  let at = prefix;
  let same = true;
  for (let i = 0; i < NAMES.length; i++) {
    const character = NAMES.charCodeAt(i);
    if (character < 0x3a) {
      // A digit: the end of one of the names.
      if (same && at === length) return character - 0x30;
      at = prefix;
      same = true;
    } else {
      same = same && at < length && (load<u8>(pointer + at) as i32) === character;
      at++;
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
