// Writes 32 bytes from the platform's trusted random source as its result. Takes no input.
import { fail, getrandom, ReturnCode, requireInputs, writeOutput } from "../../../assembly/sdk";

const RANDOM_BYTES: i32 = 32;

export function main(): i32 {
  const count = requireInputs(0);
  if (count !== ReturnCode.Success) return fail(count);
  const bytes = new Uint8Array(RANDOM_BYTES);
  const drawn = getrandom(bytes);
  if (drawn !== ReturnCode.Success) return fail(drawn);
  return writeOutput(bytes);
}
