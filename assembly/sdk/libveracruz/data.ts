import {
  __veracruz_hcall_has_previous_result,
  __veracruz_hcall_input_count,
  __veracruz_hcall_input_size,
  __veracruz_hcall_previous_result_size,
  __veracruz_hcall_read_input,
  __veracruz_hcall_read_previous_result,
  __veracruz_hcall_read_stream,
  __veracruz_hcall_stream_count,
  __veracruz_hcall_stream_size,
  __veracruz_hcall_write_output,
} from "../veracruz_rt/env";
import { tryBytes } from "../veracruz_rt/memory";
import { Result } from "./result";
import { codeFromHost, ReturnCode } from "./return-code";

/**
 * Where hosts store an integer. Twice as long as needed: one early host stored 8 bytes as the length of
 * the previous result.
 */
function outParameter(): usize {
  return memory.data(8, 8);
}

/** The integer that a call with this code stored, or the failure. */
function stored(code: i32): Result<u32> {
  return code === 0
    ? Result.success<u32>(load<u32>(outParameter()))
    : Result.failure<u32>(codeFromHost(code));
}

/** How many inputs the run has. */
export function inputCount(): Result<u32> {
  return stored(__veracruz_hcall_input_count(outParameter()));
}

/** Length in bytes of the input `index` (from 0); `BadInput` if there is none. */
export function inputSize(index: u32): Result<u32> {
  return stored(__veracruz_hcall_input_size(index, outParameter()));
}

/**
 * Copies the input `index`, whole, to the beginning of `buffer`, and answers its length in bytes.
 * `BadInput` if there is none; `DataSourceSize` if it is longer than `buffer`, which is left as it was.
 */
export function readInputInto(index: u32, buffer: Uint8Array): Result<u32> {
  const code = __veracruz_hcall_read_input(index, buffer.dataStart, buffer.length);
  return code === 0 ? inputSize(index) : Result.failure<u32>(codeFromHost(code));
}

/** The input `index`; `BadInput` if there is none, `Generic` if there is no memory for it. */
export function readInput(index: u32): Result<Uint8Array> {
  const size = inputSize(index);
  if (size.failed) return Result.failure<Uint8Array>(size.code);
  const bytes = tryBytes(size.value);
  if (bytes === null) return Result.failure<Uint8Array>(ReturnCode.Generic);
  return filled(__veracruz_hcall_read_input(index, bytes.dataStart, bytes.length), bytes);
}

/** `Success` if the run has exactly `count` inputs, else `DataSourceCount`. */
export function requireInputs(count: u32): ReturnCode {
  const present = inputCount();
  if (present.failed) return present.code;
  return present.value === count ? ReturnCode.Success : ReturnCode.DataSourceCount;
}

/** How many stream items this round has. */
export function streamCount(): Result<u32> {
  return stored(__veracruz_hcall_stream_count(outParameter()));
}

/** Length in bytes of the stream item `index` (from 0); `BadStream` if there is none. */
export function streamSize(index: u32): Result<u32> {
  return stored(__veracruz_hcall_stream_size(index, outParameter()));
}

/** As `readInputInto`, for a stream item: `BadStream`, `StreamSourceSize`. */
export function readStreamInto(index: u32, buffer: Uint8Array): Result<u32> {
  const code = __veracruz_hcall_read_stream(index, buffer.dataStart, buffer.length);
  return code === 0 ? streamSize(index) : Result.failure<u32>(codeFromHost(code));
}

/** The stream item `index`; `BadStream` if there is none, `Generic` if there is no memory for it. */
export function readStream(index: u32): Result<Uint8Array> {
  const size = streamSize(index);
  if (size.failed) return Result.failure<Uint8Array>(size.code);
  const bytes = tryBytes(size.value);
  if (bytes === null) return Result.failure<Uint8Array>(ReturnCode.Generic);
  return filled(__veracruz_hcall_read_stream(index, bytes.dataStart, bytes.length), bytes);
}

/** `Success` if this round has exactly `count` stream items, else `StreamSourceCount`. */
export function requireStreams(count: u32): ReturnCode {
  const present = streamCount();
  if (present.failed) return present.code;
  return present.value === count ? ReturnCode.Success : ReturnCode.StreamSourceCount;
}

/** Whether the previous round left a result (which may be empty). */
export function hasPreviousResult(): Result<bool> {
  const answer = stored(__veracruz_hcall_has_previous_result(outParameter()));
  return answer.failed
    ? Result.failure<bool>(answer.code)
    : Result.success<bool>(answer.value !== 0);
}

/** Length in bytes of the previous result; 0 if there is none. */
export function previousResultSize(): Result<u32> {
  return stored(__veracruz_hcall_previous_result_size(outParameter()));
}

/** The previous result; empty if there is none. `Generic` if there is no memory for it. */
export function readPreviousResult(): Result<Uint8Array> {
  const size = previousResultSize();
  if (size.failed) return Result.failure<Uint8Array>(size.code);
  const bytes = tryBytes(size.value);
  if (bytes === null) return Result.failure<Uint8Array>(ReturnCode.Generic);
  return filled(__veracruz_hcall_read_previous_result(bytes.dataStart, bytes.length), bytes);
}

/** Gives the host this run's result; `ResultAlreadyWritten` the second time. */
export function writeOutput(bytes: Uint8Array): ReturnCode {
  return codeFromHost(__veracruz_hcall_write_output(bytes.dataStart, bytes.length));
}

/** `bytes` if the call that was to fill them returned 0, else the failure. */
function filled(code: i32, bytes: Uint8Array): Result<Uint8Array> {
  return code === 0
    ? Result.success<Uint8Array>(bytes)
    : Result.failure<Uint8Array>(codeFromHost(code));
}
