// How many insertions, deletions and replacements of characters (Unicode scalar values) turn one string
// into the other: the Levenshtein distance.
//
// Inputs: two Strings, of one provider each. Result: u64 (Rust's usize).
// BadInput: malformed; Generic: not enough memory; DataSourceCount: not two inputs.
import {
  decodeInput,
  encodeOutput,
  fail,
  ReturnCode,
  requireInputs,
  reserve,
} from "../../../assembly/sdk";

/** The scalar values of a text, or null where there is no memory for them. */
function scalars(text: string): Uint32Array | null {
  if (!reserve((text.length as usize) * sizeof<u32>())) return null;
  const values = new Uint32Array(text.length);
  let count = 0;
  for (let i = 0; i < text.length; i++) {
    const scalar = text.codePointAt(i) as u32;
    if (scalar > 0xffff) i++;
    values[count++] = scalar;
  }
  return values.subarray(0, count);
}

/**
 * Levenshtein distance, one row of the table of prefixes' distances at a time (Wagner and Fischer).
 *
 * @param row room for `across.length` + 1 numbers
 */
function editDistance(down: Uint32Array, across: Uint32Array, row: Uint32Array): u32 {
  const width = across.length;
  for (let j = 0; j <= width; j++) row[j] = j;
  for (let i = 0; i < down.length; i++) {
    let diagonal = row[0];
    let left: u32 = i + 1;
    row[0] = left;
    for (let j = 0; j < width; j++) {
      const above = row[j + 1];
      const replaced = diagonal + (down[i] === across[j] ? 0 : 1);
      left = min<u32>(replaced, min<u32>(above, left) + 1);
      row[j + 1] = left;
      diagonal = above;
    }
  }
  return row[width];
}

export function main(): i32 {
  const count = requireInputs(2);
  if (count !== ReturnCode.Success) return fail(count);
  const first = decodeInput<string>(0);
  if (first.failed) return fail(first.code);
  const second = decodeInput<string>(1);
  if (second.failed) return fail(second.code);

  const down = scalars(first.value);
  const across = scalars(second.value);
  if (down === null || across === null) return fail(ReturnCode.Generic);
  const cells = across.length + 1;
  if (!reserve((cells as usize) * sizeof<u32>())) return fail(ReturnCode.Generic);
  return encodeOutput<u64>(editDistance(down, across, new Uint32Array(cells)));
}
