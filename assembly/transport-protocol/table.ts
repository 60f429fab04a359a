/** Look-ups in the table of messages. */
import { FIELDS, MESSAGES } from "./messages";

/** Kind of a field (`KIND_…`). */
export function fieldKind(field: u32): u32 {
  return load<u32>(FIELDS + (field as usize) * 12);
}

/** Least value, or length in bytes, of a field. */
export function fieldLow(field: u32): u32 {
  return load<u32>(FIELDS + (field as usize) * 12, 4);
}

/** Greatest value, or length in bytes, of a field. */
export function fieldHigh(field: u32): u32 {
  return load<u32>(FIELDS + (field as usize) * 12, 8);
}

/**
 * Where the row of a message is: a byte with its number of fields, then a byte for each field. 0 when
 * there is no such message.
 */
export function messageRow(type: u32): usize {
  let row = MESSAGES;
  let at = load<u8>(row) as u32;
  while (at !== type && at !== 0) {
    row += 2 + (load<u8>(row, 1) as usize);
    at = load<u8>(row) as u32;
  }
  return at === 0 ? 0 : row + 1;
}
