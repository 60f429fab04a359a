import {
  HCALL_GETRANDOM,
  HCALL_HAS_PREVIOUS_RESULT,
  HCALL_INPUT_COUNT,
  HCALL_INPUT_SIZE,
  HCALL_PREVIOUS_RESULT_SIZE,
  HCALL_READ_INPUT,
  HCALL_READ_PREVIOUS_RESULT,
  HCALL_READ_STREAM,
  HCALL_STREAM_COUNT,
  HCALL_STREAM_SIZE,
  HCALL_TRAP,
  HCALL_WRITE_OUTPUT,
} from "../abi/hcalls";
import {
  E_BOUNDS,
  E_EXPORT,
  E_IMPORT,
  E_LIMIT,
  E_MEMORY,
  E_MODULE,
  TRAP_HCALL,
} from "../platform-services/errors";
import { canAllocate } from "../platform-services/heap";
import {
  programCheckRange,
  programFree,
  programLoad,
  programProfile,
  programRead,
  programRun,
  programUsage,
  programWrite,
  random,
} from "../platform-services/platform";
import { PROFILE_MCU } from "../platform-services/program-profiles";
import { ReturnCode } from "../sdk/veracruz_rt/return-code";
import { CheckLimits, checkModule, workspaceBound } from "../wasm-checker/checker";
import {
  ABI_DATA_OUTSIDE,
  ABI_IMPORT_KIND,
  ABI_IMPORT_TYPE,
  LIMIT_MODULE,
} from "../wasm-checker/refusals";
import {
  Computation,
  ExecutionLimits,
  FileContent,
  RUN_RETURNED,
  RUN_TRAPPED,
  wipeContent,
} from "./computation";

/** Size of a run's scratch buffer: the bytes of randomness fetched and handed on at a time. */
const SCRATCH: u32 = 256;

/**
 * The run under way. A run is exclusive (one core, one thread), and H-calls reach the runtime through
 * an export, which has no object to be called on: hence a reference at module level.
 */
let running: Run | null = null;

/** One run of a program, from its load to its end. */
class Run {
  handle: i32 = 0;
  /** An `E_…` or `TRAP_…` code that says more than `TRAP_HCALL` why an H-call trapped. */
  trapDetail: i32 = TRAP_HCALL;
  /**
   * Where values stay on their way to the program. An H-call allocates nothing but the output: a
   * program may make any number of them, and memory is collected only after the run.
   */
  private scratch: StaticArray<u8> = new StaticArray<u8>(SCRATCH as i32);

  constructor(
    public computation: Computation,
    public limits: ExecutionLimits,
  ) {}

  /** Makes the program trap, because a range lies outside its memory or a limit was exceeded. */
  private trap(detail: i32): i32 {
    this.trapDetail = detail;
    return HCALL_TRAP;
  }

  /** What an H-call answers when all that was left to do is a copy that the home gave this code. */
  @inline
  private copied(code: i32): i32 {
    return code === 0 ? ReturnCode.Success : this.trap(code);
  }

  /** Stores a u32 for the program, little-endian, at any alignment. */
  private storeU32(address: u32, value: u32): i32 {
    const source = changetype<usize>(this.scratch);
    store<u32>(source, value);
    return this.copied(programWrite(this.handle, address, source, 4));
  }

  /**
   * Copies a whole file to the program. The range that is written is checked, not the capacity that
   * the program claims: bytes after the content stay untouched.
   */
  private copyOut(content: FileContent, buffer: u32, capacity: u32, tooSmall: i32): i32 {
    const length = content.length as u32;
    if (capacity < length) return tooSmall;
    return this.copied(programWrite(this.handle, buffer, changetype<usize>(content), length));
  }

  private writeOutput(buffer: u32, length: u32): i32 {
    if (programCheckRange(this.handle, buffer, length) !== 0) return this.trap(E_BOUNDS);
    if (this.computation.output !== null) return ReturnCode.ResultAlreadyWritten;
    if (length > this.limits.outputBytes || !canAllocate(length)) return this.trap(E_MEMORY);
    const output = new StaticArray<u8>(length as i32);
    this.computation.output = output;
    return this.copied(programRead(this.handle, buffer, changetype<usize>(output), length));
  }

  private getRandom(buffer: u32, length: u32): i32 {
    if (programCheckRange(this.handle, buffer, length) !== 0) return this.trap(E_BOUNDS);
    const source = changetype<usize>(this.scratch);
    let code = ReturnCode.Success;
    for (let done: u32 = 0; done < length && code === ReturnCode.Success; done += SCRATCH) {
      const step = min(length - done, SCRATCH);
      code =
        random(source, step) !== 0
          ? ReturnCode.ServiceUnavailable
          : this.copied(programWrite(this.handle, buffer + done, source, step));
    }
    memory.fill(source, 0, min(length, SCRATCH));
    return code;
  }

  /** Serves one H-call. Returns the code for the program, or `HCALL_TRAP`. */
  @inline
  serve(number: u32, a: u32, b: u32, c: u32): i32 {
    const computation = this.computation;
    const previous = computation.previousResult;
    switch (number) {
      case HCALL_INPUT_COUNT:
        return this.storeU32(a, computation.inputs.length as u32);
      case HCALL_INPUT_SIZE:
        if (a >= (computation.inputs.length as u32)) return ReturnCode.BadInput;
        return this.storeU32(b, computation.inputs[a as i32].length as u32);
      case HCALL_READ_INPUT:
        if (a >= (computation.inputs.length as u32)) return ReturnCode.BadInput;
        return this.copyOut(computation.inputs[a as i32], b, c, ReturnCode.DataSourceSize);
      case HCALL_STREAM_COUNT:
        return this.storeU32(a, computation.streams.length as u32);
      case HCALL_STREAM_SIZE:
        if (a >= (computation.streams.length as u32)) return ReturnCode.BadStream;
        return this.storeU32(b, computation.streams[a as i32].length as u32);
      case HCALL_READ_STREAM:
        if (a >= (computation.streams.length as u32)) return ReturnCode.BadStream;
        return this.copyOut(computation.streams[a as i32], b, c, ReturnCode.StreamSourceSize);
      case HCALL_HAS_PREVIOUS_RESULT:
        return this.storeU32(a, previous !== null ? 1 : 0);
      case HCALL_PREVIOUS_RESULT_SIZE:
        return this.storeU32(a, previous !== null ? (previous.length as u32) : 0);
      case HCALL_READ_PREVIOUS_RESULT:
        return previous === null
          ? ReturnCode.Success
          : this.copyOut(previous, a, b, ReturnCode.PreviousResultSize);
      case HCALL_WRITE_OUTPUT:
        return this.writeOutput(a, b);
      case HCALL_GETRANDOM:
        return this.getRandom(a, b);
      default:
        return this.trap(TRAP_HCALL);
    }
  }
}

/** The platform code that says roughly what a refusal of the checker says exactly. */
function refusalCode(refusal: u32): i32 {
  if (refusal >= LIMIT_MODULE) return E_LIMIT;
  if (refusal >= ABI_IMPORT_KIND && refusal <= ABI_IMPORT_TYPE) return E_IMPORT;
  if (refusal > ABI_IMPORT_TYPE && refusal < ABI_DATA_OUTSIDE) return E_EXPORT;
  return E_MODULE;
}

/**
 * Checks a program in place: nothing that the checker refuses gets to the interpreter. Returns 0 or an
 * `E_…` code; `computation.check` tells more.
 */
function check(program: FileContent, computation: Computation, limits: ExecutionLimits): i32 {
  const bounds = programProfile() === PROFILE_MCU ? CheckLimits.mcu() : CheckLimits.host();
  bounds.initialPages = min(bounds.initialPages, limits.program.memoryBytes >> 16);
  if (!canAllocate(workspaceBound(bounds))) return E_MEMORY;
  const accepted = checkModule(
    changetype<usize>(program),
    program.length as u32,
    bounds,
    computation.check,
  );
  return accepted ? 0 : refusalCode(computation.check.code);
}

/**
 * Checks and runs `program` (a whole WebAssembly module) on the computation's files, within
 * the limits, and fills the outcome of the computation, which serves for one run. A program's failure is an ordinary result: the
 * runtime goes on unharmed.
 */
export function execute(
  program: FileContent,
  computation: Computation,
  limits: ExecutionLimits,
): void {
  computation.detail = check(program, computation, limits);
  if (computation.detail !== 0) return;
  const handle = programLoad(
    changetype<usize>(program),
    program.length as usize,
    changetype<usize>(limits.program),
  );
  if (handle <= 0) {
    computation.detail = handle;
    return;
  }
  const run = new Run(computation, limits);
  run.handle = handle;
  running = run;
  const returned = new StaticArray<i32>(1);
  const trap = programRun(handle, changetype<usize>(returned));
  running = null;

  const usage = new StaticArray<u8>(16);
  programUsage(handle, changetype<usize>(usage));
  computation.fuelUsed = load<u64>(changetype<usize>(usage));
  computation.peakMemoryBytes = load<u32>(changetype<usize>(usage), 8);
  programFree(handle);

  if (trap === 0) {
    computation.status = RUN_RETURNED;
    computation.returnCode = unchecked(returned[0]);
  } else {
    computation.status = RUN_TRAPPED;
    computation.detail = trap === TRAP_HCALL ? run.trapDetail : trap;
  }
  // A failed run releases nothing, and leaves nothing behind.
  const output = computation.output;
  if (computation.succeeded || output === null) return;
  wipeContent(output);
  computation.output = null;
}

/**
 * Serves an H-call of the program that runs as `handle`: the runtime's export that its home calls.
 * Returns a code of the ABI (≤ 0), or `HCALL_TRAP`.
 */
export function hcall(handle: i32, number: u32, a: u32, b: u32, c: u32): i32 {
  const run = running;
  if (run === null || run.handle !== handle) return HCALL_TRAP;
  return run.serve(number, a, b, c);
}
