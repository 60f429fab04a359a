// The worker thread of the `jit` strategy: compiles a program with the engine of Node.js itself, runs
// it, and turns its H-calls into events for the isolate's thread (see jit-protocol.ts). What of fuel the program cannot
// count itself (see fuel-meter.ts), its H-calls and what is copied for it, is counted here.

import { workerData } from "node:worker_threads";
import { platformCodes } from "./codes.js";
import { FUEL_BYTES_SHIFT, FUEL_SPENT } from "./fuel-meter.js";
import { HCALL_TRAP, hcallNumber } from "./hcalls.js";
import * as protocol from "./jit-protocol.js";
import { MAX_CALLERS, trapTextOf } from "./program-host.js";
import { ProgramEnd, trapCodeOf } from "./v8-traps.js";

const { bytes, control, data, meter } = workerData as protocol.WorkerData;

let memory: WebAssembly.Memory | undefined;

/** How much fuel is left; undefined where none is counted. */
let fuel: { value: bigint } | undefined;

function noteUsage(): void {
  if (memory) Atomics.store(control, protocol.PEAK_MEMORY, memory.buffer.byteLength | 0);
  if (!fuel || !meter) return;
  const used = fuel.value === FUEL_SPENT ? meter.limit : meter.limit - fuel.value;
  Atomics.store(control, protocol.FUEL_LOW, Number(BigInt.asIntN(32, used)));
  Atomics.store(control, protocol.FUEL_HIGH, Number(used >> 32n));
}

/** Takes so much fuel; whether there was as much. */
function spend(units: number): boolean {
  if (!fuel) return true;
  const left = fuel.value - BigInt(units);
  fuel.value = left < 0n ? FUEL_SPENT : left;
  return left >= 0n;
}

/** Tells the host an event and waits until the turn comes back; answers the command's kind. */
function tell(kind: number, a = 0, b = 0, c = 0, d = 0): number {
  control[protocol.KIND] = kind;
  control[protocol.A] = a;
  control[protocol.B] = b;
  control[protocol.C] = c;
  control[protocol.D] = d;
  noteUsage();
  protocol.passTurn(control, protocol.TURN_HOST);
  // Again, when the notification of a turn before came late.
  while (Atomics.load(control, protocol.TURN) === protocol.TURN_HOST) {
    Atomics.wait(control, protocol.TURN, protocol.TURN_HOST);
  }
  return control[protocol.KIND] as number;
}

/** Does with a range of the program's memory what the command in the control block says; what came of it. */
function copy(kind: number): number {
  const address = (control[protocol.A] as number) >>> 0;
  const length = (control[protocol.B] as number) >>> 0;
  const size = memory?.buffer.byteLength ?? 0;
  if (!memory || address > size || length > size - address) return protocol.COPY_OUT_OF_BOUNDS;
  if (kind === protocol.COMMAND_WRITE) {
    new Uint8Array(memory.buffer, address, length).set(data.subarray(0, length));
  } else if (kind === protocol.COMMAND_READ) {
    data.set(new Uint8Array(memory.buffer, address, length));
  } else if (kind === protocol.COMMAND_CHARGE && !spend(length >>> FUEL_BYTES_SHIFT)) {
    return protocol.COPY_OUT_OF_FUEL;
  }
  return protocol.COPY_DONE;
}

const COPIES = [
  protocol.COMMAND_READ,
  protocol.COMMAND_WRITE,
  protocol.COMMAND_CHECK,
  protocol.COMMAND_CHARGE,
];

/** How many frames of `reserveStack` an H-call wants to find room for: some kilobytes. */
const HCALL_FRAMES = 250;

/**
 * Throws a RangeError where the stack has no room for so many frames more. A program that recurses until
 * its stack is full must overflow here, not while turns are passed, when host and worker would both go on.
 */
function reserveStack(frames: number): number {
  return frames === 0 ? 0 : 1 + reserveStack(frames - 1);
}

function callHost(number: number, a: number, b: number, c: number): number {
  reserveStack(HCALL_FRAMES);
  if (!spend(1)) throw new ProgramEnd(platformCodes.TRAP_OUT_OF_FUEL);
  let command = tell(protocol.EVENT_HCALL, number, a, b, c);
  while (COPIES.includes(command)) {
    command = tell(protocol.EVENT_COPIED, copy(command));
  }
  const value = control[protocol.A] as number;
  if (command === protocol.COMMAND_TRAP) throw new ProgramEnd(value);
  return value;
}

function refuse(code: number, reason: string): void {
  const text = new TextEncoder().encode(reason).subarray(0, data.length);
  data.set(text);
  tell(protocol.EVENT_REFUSED, code, text.length);
}

/** The platform code of what ended the program. */
function endOf(error: unknown): number {
  if (!(error instanceof ProgramEnd) && fuel?.value === FUEL_SPENT)
    return platformCodes.TRAP_OUT_OF_FUEL;
  return trapCodeOf(error) ?? platformCodes.TRAP_OTHER;
}

/** Puts the functions on an error's stack, by their indices, into the data block; answers how many. */
function noteCallers(error: unknown): number {
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  const indices = [...stack.matchAll(/\bwasm-function\[(\d+)\]/g)]
    .map(([, index]) => Number(index))
    .filter((index) => meter === undefined || index < meter.functions);
  const words = Uint32Array.from(indices.slice(0, MAX_CALLERS));
  data.set(new Uint8Array(words.buffer));
  return words.length;
}

let programExports: WebAssembly.Exports = {};

/** Puts the text that the program left about its trap into the data block; answers its length. */
function explain(): number {
  const text = trapTextOf(programExports) ?? new Uint8Array(0);
  data.set(text);
  return text.length;
}

function load(): (() => number) | undefined {
  let module: WebAssembly.Module;
  try {
    module = new WebAssembly.Module(bytes);
  } catch (error) {
    refuse(platformCodes.E_MODULE, (error as Error).message);
    return undefined;
  }
  const env: Record<string, WebAssembly.ImportValue> = {};
  for (const wanted of WebAssembly.Module.imports(module)) {
    const number = wanted.module === "env" ? hcallNumber(wanted.name) : -1;
    if (wanted.kind !== "function" || number < 0) {
      refuse(platformCodes.E_IMPORT, `imports ${wanted.kind} ${wanted.module}.${wanted.name}`);
      return undefined;
    }
    env[wanted.name] = (a: number, b: number, c: number) => {
      const code = callHost(number, a | 0, b | 0, c | 0);
      if (code === HCALL_TRAP) throw new ProgramEnd(platformCodes.TRAP_HCALL);
      return code;
    };
  }
  let instance: WebAssembly.Instance;
  try {
    instance = new WebAssembly.Instance(module, { env });
  } catch (error) {
    refuse(
      error instanceof RangeError ? platformCodes.E_MEMORY : platformCodes.E_MODULE,
      (error as Error).message,
    );
    return undefined;
  }
  const { memory: exportedMemory, main } = instance.exports;
  if (!(exportedMemory instanceof WebAssembly.Memory) || typeof main !== "function") {
    refuse(platformCodes.E_EXPORT, "lacks an exported `memory` or `main`");
    return undefined;
  }
  memory = exportedMemory;
  if (meter) {
    fuel = instance.exports[meter.fuel] as unknown as { value: bigint };
    fuel.value = meter.limit;
  }
  programExports = instance.exports;
  return () => (main as (argc: number, argv: number) => number)(0, 0);
}

const main = load();
if (main !== undefined && tell(protocol.EVENT_LOADED) === protocol.COMMAND_RUN) {
  let kind = protocol.EVENT_RETURNED;
  let value: number;
  let callers = 0;
  try {
    value = main();
  } catch (error) {
    kind = protocol.EVENT_TRAPPED;
    value = endOf(error);
    callers = noteCallers(error);
  }
  while (tell(kind, value, callers) === protocol.COMMAND_EXPLAIN) {
    kind = protocol.EVENT_EXPLAINED;
    value = explain();
  }
}
