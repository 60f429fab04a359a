// The H-calls that a program may import.

import { HCALL_NAMES, HCALL_PREFIX } from "../abi/hcalls";
import { TYPE_I32 } from "./opcodes";
import { CheckState, parameterCount, parameterType, resultType } from "./state";

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
  return hcallOf(pointer, length) & 0xff;
}

/** Of the H-call with this name, its number · 256 + its parameters, or 0 when there is none. */
export function hcallOf(pointer: usize, length: u32): u32 {
  const prefix = HCALL_PREFIX.length as u32;
  if (length <= prefix || !startsWith(pointer, prefix, HCALL_PREFIX)) return 0;
  let at = prefix;
  let same = true;
  let number: u32 = 0;
  for (let i = 0; i < HCALL_NAMES.length; i++) {
    const character = HCALL_NAMES.charCodeAt(i);
    if (character < 0x3a) {
      // A digit: the end of one of the names.
      if (same && at === length) return (number << 8) | (character - 0x30);
      number++;
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
