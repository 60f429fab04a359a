// Programs for test/sdk/libveracruz.test.ts. Each export is an entry point that makes one call of the
// library, writes what it gave as the result, and returns the call's code. Input 0 holds the argument,
// an u32, where a call takes an index.
import {
  fail,
  getrandom,
  getrandomU32,
  getrandomU64,
  hasPreviousResult,
  inputCount,
  inputSize,
  mark,
  previousResultSize,
  Random,
  Result,
  ReturnCode,
  readInput,
  readInputInto,
  readPreviousResult,
  readStream,
  readStreamInto,
  release,
  requireInputs,
  requireStreams,
  reserve,
  streamCount,
  streamSize,
  tryBytes,
  writeOutput,
} from "../sdk";

function argument(): u32 {
  const read = readInput(0);
  return read.failed || read.value.length < 4 ? 0 : load<u32>(read.value.dataStart);
}

function show<T>(result: Result<T>): i32 {
  if (result.failed) return fail(result.code);
  const bytes = new Uint8Array(sizeof<T>());
  store<T>(bytes.dataStart, result.value);
  return writeOutput(bytes);
}

function showBytes(result: Result<Uint8Array>): i32 {
  return result.failed ? fail(result.code) : writeOutput(result.value);
}

/** Eight bytes of 0xaa for calls that fill a buffer of the caller's. */
function markedBuffer(): Uint8Array {
  const buffer = new Uint8Array(8);
  buffer.fill(0xaa);
  return buffer;
}

/** The buffer that a call fills, then the length that it answered (255: it failed). */
function showBuffer(buffer: Uint8Array, length: Result<u32>): i32 {
  const shown = new Uint8Array(9);
  shown.set(buffer);
  shown[8] = length.failed ? 255 : (length.value as u8);
  const written = writeOutput(shown);
  return written !== ReturnCode.Success || !length.failed ? written : length.code;
}

/** Initialised at run time: needs the start-up that the target gives `main`. */
const initialised: Uint8Array = markedBuffer();

export function main(): i32 {
  return writeOutput(initialised);
}

export function callInputCount(): i32 {
  return show<u32>(inputCount());
}

export function callInputSize(): i32 {
  return show<u32>(inputSize(argument()));
}

export function callReadInput(): i32 {
  return showBytes(readInput(argument()));
}

export function callReadInputInto(): i32 {
  const buffer = markedBuffer();
  return showBuffer(buffer, readInputInto(argument(), buffer));
}

export function callRequireTwoInputs(): i32 {
  return requireInputs(2);
}

export function callStreamCount(): i32 {
  return show<u32>(streamCount());
}

export function callStreamSize(): i32 {
  return show<u32>(streamSize(argument()));
}

export function callReadStream(): i32 {
  return showBytes(readStream(argument()));
}

export function callReadStreamInto(): i32 {
  const buffer = markedBuffer();
  return showBuffer(buffer, readStreamInto(argument(), buffer));
}

export function callRequireTwoStreams(): i32 {
  return requireStreams(2);
}

export function callHasPreviousResult(): i32 {
  return show<bool>(hasPreviousResult());
}

export function callPreviousResultSize(): i32 {
  return show<u32>(previousResultSize());
}

export function callReadPreviousResult(): i32 {
  return showBytes(readPreviousResult());
}

export function callWriteOutput(): i32 {
  return writeOutput(markedBuffer());
}

export function callWriteOutputTwice(): i32 {
  writeOutput(markedBuffer());
  return writeOutput(new Uint8Array(1));
}

export function callWriteEmptyOutput(): i32 {
  return writeOutput(new Uint8Array(0));
}

export function callGetrandom(): i32 {
  const buffer = markedBuffer();
  const code = getrandom(buffer);
  return code === ReturnCode.Success ? writeOutput(buffer) : code;
}

export function callGetrandomU32(): i32 {
  return show<u32>(getrandomU32());
}

export function callGetrandomU64(): i32 {
  return show<u64>(getrandomU64());
}

/** Two numbers of a generator seeded by the platform. */
export function callRandomFromPlatform(): i32 {
  const random = Random.fromPlatform();
  if (random.failed) return random.code;
  const buffer = new Uint8Array(8);
  random.value.fill(buffer);
  return writeOutput(buffer);
}

export function failWithSuccess(): i32 {
  return fail(ReturnCode.Success);
}

/** Misuse: the value of a result that failed. */
export function valueOfFailure(): i32 {
  return inputSize(99).value as i32;
}

/** Reserves as many bytes as the argument says, allocates them all, and writes the first four. */
export function reserveAndAllocate(): i32 {
  const bytes = tryBytes(argument());
  if (bytes === null) return ReturnCode.Generic;
  bytes[bytes.length - 1] = 1;
  return writeOutput(bytes.subarray(0, 4));
}

export function callReserve(): i32 {
  return reserve(argument()) ? 0 : ReturnCode.Generic;
}

/**
 * Takes as many turns as the argument says, each with 10 kB of objects and of growing array, all of
 * which it gives back; what was there before must be unharmed.
 */
export function markAndRelease(): i32 {
  const turns = argument();
  const before = markedBuffer();
  for (let turn: u32 = 0; turn < turns; turn++) {
    const marked = mark();
    const growing: u32[] = [];
    for (let i = 0; i < 1000; i++) growing.push(i);
    const bytes = new Uint8Array(6000);
    if (bytes[5999] !== 0) return ReturnCode.InvariantFailed;
    bytes.fill(0xff);
    release(marked);
  }
  return writeOutput(before);
}
