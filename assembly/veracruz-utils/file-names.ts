import { equalsAscii, startsWithAscii } from "./json";

/** What a file is; its name says so, except for programs, which are whatever `programs` names. */
export const FILE_PROGRAM: u32 = 0;
/** `input-N`: written once, read by programs as input number N. */
export const FILE_INPUT: u32 = 1;
/** `stream-N`: one item a round, read by programs as stream number N. */
export const FILE_STREAM: u32 = 2;
/** `output`: what a program writes. */
export const FILE_OUTPUT: u32 = 3;

/** `fileNumber` of a name that is neither an input nor a stream. */
export const NO_NUMBER: u32 = 0xffff_ffff;

function isNameByte(byte: u32): bool {
  return (
    (byte >= 0x30 && byte <= 0x39) ||
    (byte >= 0x41 && byte <= 0x5a) ||
    (byte >= 0x61 && byte <= 0x7a) ||
    byte === 0x2d ||
    byte === 0x2e ||
    byte === 0x2f ||
    byte === 0x5f
  );
}

/**
 * Whether a name of 1 to 64 bytes is a plain file name: letters, digits, `-`, `_`, `.` and `/`, no
 * empty part, no part `.` or `..`.
 */
export function isFileName(name: usize, length: u32): bool {
  let part = 0;
  let dots = 0;
  for (let i: u32 = 0; i < length; i++) {
    const byte = load<u8>(name + (i as usize)) as u32;
    if (!isNameByte(byte)) return false;
    if (byte === 0x2f) {
      if (part === dots && part <= 2) return false;
      part = 0;
      dots = 0;
    } else {
      part++;
      if (byte === 0x2e) dots++;
    }
  }
  return part !== dots || part > 2;
}

/** The number after a prefix, in decimal without leading zeros, below 10,000; else `NO_NUMBER`. */
function numberAfter(name: usize, length: u32, prefix: string): u32 {
  const size = prefix.length as u32;
  if (length <= size || length > size + 4 || !startsWithAscii(name, prefix)) return NO_NUMBER;
  let number: u32 = 0;
  for (let i = size; i < length; i++) {
    const digit = (load<u8>(name + (i as usize)) as u32) - 0x30;
    if (digit > 9 || (digit === 0 && i === size && length > size + 1)) return NO_NUMBER;
    number = number * 10 + digit;
  }
  return number;
}

/** What a file of this name is: `FILE_…`. */
export function fileKind(name: usize, length: u32): u32 {
  if (equalsAscii(name, length, "output")) return FILE_OUTPUT;
  if (numberAfter(name, length, "input-") !== NO_NUMBER) return FILE_INPUT;
  if (numberAfter(name, length, "stream-") !== NO_NUMBER) return FILE_STREAM;
  return FILE_PROGRAM;
}

/** N of `input-N` and `stream-N`; `NO_NUMBER` for other names. */
export function fileNumber(name: usize, length: u32): u32 {
  const input = numberAfter(name, length, "input-");
  return input !== NO_NUMBER ? input : numberAfter(name, length, "stream-");
}
