/**
 * The execution engine as a module of its own, for the freestanding execution engine (`vc-fee`): the
 * same code that runs in an isolate, offline, on files that its home hands over.
 *
 * Use: `reset`; then for each file `allocate` its length, store the bytes there, and say what the file is
 * (`setProgram`, `addInput`, …); `setLimits`; `run`; read the outcome.
 */
import { canAllocate, collectGarbage } from "../platform-services/heap";
import { Computation, ExecutionLimits, FileContent } from "./computation";
import { execute } from "./engine";

export { hcall } from "./engine";

let computation: Computation = new Computation();
let limits: ExecutionLimits = new ExecutionLimits();
let program: FileContent = new StaticArray<u8>(0);
let staged: FileContent = new StaticArray<u8>(0);

/** Forgets all files and the last outcome. */
export function reset(): void {
  computation = new Computation();
  limits = new ExecutionLimits();
  program = new StaticArray<u8>(0);
  staged = new StaticArray<u8>(0);
  collectGarbage();
}

/** Makes room for a file of `length` bytes; returns where to store it, or 0 when there is no room. */
export function allocate(length: u32): usize {
  if (!canAllocate(length)) return 0;
  staged = new StaticArray<u8>(length as i32);
  return changetype<usize>(staged);
}

/** Takes the file stored last as the program. */
export function setProgram(): void {
  program = staged;
}

/** Takes the file stored last as the next input. */
export function addInput(): void {
  computation.inputs.push(staged);
}

/** Takes the file stored last as the next stream item. */
export function addStream(): void {
  computation.streams.push(staged);
}

/** Takes the file stored last as the previous round's result. */
export function setPreviousResult(): void {
  computation.previousResult = staged;
}

/** Bounds on the run; units as in `ProgramLimits` and `ExecutionLimits`. */
export function setLimits(
  fuel: u64,
  deadlineMs: u32,
  memoryBytes: u32,
  stackBytes: u32,
  outputBytes: u32,
  strategy: u32,
): void {
  limits.program.fuel = fuel;
  limits.program.deadlineMs = deadlineMs;
  limits.program.memoryBytes = memoryBytes;
  limits.program.stackBytes = stackBytes;
  limits.program.strategy = strategy;
  limits.outputBytes = outputBytes;
}

/** Runs the program; returns how it ended (`RUN_…`). */
export function run(): u32 {
  execute(program, computation, limits);
  return computation.status;
}

/** `TRAP_…` or `E_…`, when the program did not return. */
export function detail(): i32 {
  return computation.detail;
}

/** What `main` returned, when it did. */
export function returnCode(): i32 {
  return computation.returnCode;
}

/** Length of the result, or -1 when there is none. */
export function resultLength(): i32 {
  const output = computation.output;
  return output === null ? -1 : output.length;
}

/** Where the result lies, when there is one. */
export function resultPointer(): usize {
  const output = computation.output;
  return output === null ? 0 : changetype<usize>(output);
}

/** Fuel that the run used, in the units of `programUsage`; all ones where the strategy does not count. */
export function fuelUsed(): u64 {
  return computation.fuelUsed;
}

/** The most memory in bytes that the program had. */
export function peakMemoryBytes(): u32 {
  return computation.peakMemoryBytes;
}

/** Where the WASM checker's report stands: u32s in the order of `CheckReport`. */
export function checkReport(): usize {
  return changetype<usize>(computation.check);
}
