/** Random bytes from the platform's trusted source, one H-call each time. */
import { Result } from "../libveracruz/result";
import { codeFromHost, ReturnCode } from "../libveracruz/return-code";
import { __veracruz_hcall_getrandom } from "../veracruz_rt/env";

/** Fills `buffer`. `ServiceUnavailable` or `Generic` where the source gives nothing: do not use it then. */
export function getrandom(buffer: Uint8Array): ReturnCode {
  return codeFromHost(__veracruz_hcall_getrandom(buffer.dataStart, buffer.length));
}

/** A number of type `T`, each bit random. */
function randomBits<T>(): Result<T> {
  const bits: usize = memory.data(8, 8);
  const code = __veracruz_hcall_getrandom(bits, sizeof<T>());
  return code === 0 ? Result.success<T>(load<T>(bits)) : Result.failure<T>(codeFromHost(code));
}

/** 32 random bits. */
export function getrandomU32(): Result<u32> {
  return randomBits<u32>();
}

/** 64 random bits. */
export function getrandomU64(): Result<u64> {
  return randomBits<u64>();
}
