/** The classic data encoding: from bytes to values and back, as one call each. */
import { readInput, readPreviousResult, readStream, writeOutput } from "../libveracruz/data";
import { Result } from "../libveracruz/result";
import { ReturnCode } from "../libveracruz/return-code";
import { reserve } from "../veracruz_rt/memory";
import { Codec, initial } from "./codec";

export { Codec } from "./codec";
export { Option, Pair } from "./types";
export { compareTexts } from "./utf8";

/**
 * The value of type `T` that `bytes` begin with. The failure's code is `malformed` where they begin with
 * none, `Generic` if there is no memory for it.
 */
export function decode<T>(
  bytes: Uint8Array,
  malformed: ReturnCode = ReturnCode.BadInput,
): Result<T> {
  if (!reserve(0)) return Result.failure<T>(ReturnCode.Generic);
  const codec = Codec.reader(bytes);
  const value = codec.of<T>(initial<T>());
  if (codec.exhausted) return Result.failure<T>(ReturnCode.Generic);
  return codec.failed ? Result.failure<T>(malformed) : Result.success<T>(value);
}

/** The encoding of `value`; `Generic` if there is no memory for it. */
export function encode<T>(value: T): Result<Uint8Array> {
  if (!reserve(0)) return Result.failure<Uint8Array>(ReturnCode.Generic);
  const codec = Codec.writer();
  codec.of<T>(value);
  return codec.failed
    ? Result.failure<Uint8Array>(ReturnCode.Generic)
    : Result.success<Uint8Array>(codec.written);
}

/** The value of type `T` in the input `index`: `BadInput` if there is none or it is malformed. */
export function decodeInput<T>(index: u32): Result<T> {
  const bytes = readInput(index);
  return bytes.failed ? Result.failure<T>(bytes.code) : decode<T>(bytes.value);
}

/** The value of type `T` in the stream item `index`: `BadStream` if there is none or it is malformed. */
export function decodeStream<T>(index: u32): Result<T> {
  const bytes = readStream(index);
  return bytes.failed
    ? Result.failure<T>(bytes.code)
    : decode<T>(bytes.value, ReturnCode.BadStream);
}

/** The value of type `T` in the previous result: `PreviousResultSize` if it holds none. */
export function decodePreviousResult<T>(): Result<T> {
  const bytes = readPreviousResult();
  return bytes.failed
    ? Result.failure<T>(bytes.code)
    : decode<T>(bytes.value, ReturnCode.PreviousResultSize);
}

/** Writes `value`, encoded, as this run's result. */
export function encodeOutput<T>(value: T): ReturnCode {
  const bytes = encode<T>(value);
  return bytes.failed ? bytes.code : writeOutput(bytes.value);
}
