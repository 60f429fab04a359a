import { randomFillSync } from "node:crypto";
import { HCALL_PREFIX } from "../../assembly/abi/hcalls.js";
import { ReturnCode } from "../../assembly/sdk/veracruz_rt/return-code.js";
import { hcallNumber } from "../../host/isolate/hcalls.js";
import { withMemoryMaximum } from "../../host/isolate/memory-maximum.js";

/** What a program finds, and what its run is like. */
export interface HCallTask {
  inputs?: readonly Uint8Array[];
  streams?: readonly Uint8Array[];
  previousResult?: Uint8Array;
  /** Fills a buffer and returns the code of `getrandom`; default: the computer's own source, 0. */
  random?: (buffer: Uint8Array) => number;
  /** The export to call instead of `main`; it takes no parameters. */
  entry?: string;
  /** Most pages of 64 KiB; `memory.grow` beyond answers -1. Default: the module's own maximum. */
  pages?: number;
  /** Replaces the codes of H-calls: for a host that answers what none should. */
  answer?: (name: string, code: number) => number;
  /** Replaces the integers that H-calls store; a bigint is stored in 8 bytes, as one early host did. */
  stored?: (name: string, value: number) => number | bigint;
}

export interface HCallOutcome {
  /** What `main` returned; undefined when it trapped. */
  code: number | undefined;
  /** Why it trapped. */
  trap: string | undefined;
  /** The output, whatever the code; undefined when none was written. */
  output: Uint8Array | undefined;
  /** Memory at the end, in pages. */
  pages: number;
}

/** A range outside the program's memory, which ends the run. */
class RangeTrap extends Error {}

/**
 * The eleven H-calls for a program in Node's own WebAssembly engine: the ABI's tables in a form to be
 * read beside them, independent of the execution engine.
 */
class HCalls {
  memory: WebAssembly.Memory | undefined;
  output: Uint8Array | undefined;

  constructor(private readonly task: HCallTask) {}

  /** The range of the program's memory; arguments of wasm type i32, read as unsigned. */
  private range(address: number, length: number): Uint8Array {
    const memory = new Uint8Array((this.memory as WebAssembly.Memory).buffer);
    const [start, count] = [address >>> 0, length >>> 0];
    if (start + count > memory.length) throw new RangeTrap(`range ${start} + ${count}`);
    return memory.subarray(start, start + count);
  }

  private store(name: string, address: number, value: number): number {
    const stored = this.task.stored?.(name, value) ?? value;
    const bytes = this.range(address, typeof stored === "bigint" ? 8 : 4);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    if (typeof stored === "bigint") view.setBigUint64(0, stored, true);
    else view.setUint32(0, stored, true);
    return 0;
  }

  private copy(file: Uint8Array, buffer: number, capacity: number, tooSmall: number): number {
    if (capacity >>> 0 < file.length) return tooSmall;
    this.range(buffer, file.length).set(file);
    return 0;
  }

  private of(files: readonly Uint8Array[] | undefined, index: number): Uint8Array | undefined {
    return files?.[index >>> 0];
  }

  imports(): Record<string, (a: number, b: number, c: number) => number> {
    const { inputs, streams, previousResult, random } = this.task;
    return {
      input_count: (out) => this.store("input_count", out, inputs?.length ?? 0),
      input_size: (index, out) => {
        const file = this.of(inputs, index);
        return file === undefined
          ? ReturnCode.BadInput
          : this.store("input_size", out, file.length);
      },
      read_input: (index, buffer, capacity) => {
        const file = this.of(inputs, index);
        return file === undefined
          ? ReturnCode.BadInput
          : this.copy(file, buffer, capacity, ReturnCode.DataSourceSize);
      },
      stream_count: (out) => this.store("stream_count", out, streams?.length ?? 0),
      stream_size: (index, out) => {
        const file = this.of(streams, index);
        return file === undefined
          ? ReturnCode.BadStream
          : this.store("stream_size", out, file.length);
      },
      read_stream: (index, buffer, capacity) => {
        const file = this.of(streams, index);
        return file === undefined
          ? ReturnCode.BadStream
          : this.copy(file, buffer, capacity, ReturnCode.StreamSourceSize);
      },
      has_previous_result: (out) =>
        this.store("has_previous_result", out, previousResult === undefined ? 0 : 1),
      previous_result_size: (out) =>
        this.store("previous_result_size", out, previousResult?.length ?? 0),
      read_previous_result: (buffer, capacity) =>
        previousResult === undefined
          ? 0
          : this.copy(previousResult, buffer, capacity, ReturnCode.PreviousResultSize),
      write_output: (buffer, length) => {
        const bytes = this.range(buffer, length);
        if (this.output !== undefined) return ReturnCode.ResultAlreadyWritten;
        this.output = bytes.slice();
        return 0;
      },
      getrandom: (buffer, length) => {
        const bytes = this.range(buffer, length);
        if (random !== undefined) return random(bytes);
        randomFillSync(bytes);
        return 0;
      },
    };
  }
}

/** Compiled programs by their bytes and their limit of pages: a test runs one many times. */
const compiled = new WeakMap<Uint8Array, Map<number | undefined, WebAssembly.Module>>();

function compile(program: Uint8Array, pages: number | undefined): WebAssembly.Module {
  const forms = compiled.get(program) ?? new Map<number | undefined, WebAssembly.Module>();
  compiled.set(program, forms);
  const known = forms.get(pages);
  if (known !== undefined) return known;
  const limited = pages === undefined ? program : withMemoryMaximum(program, pages);
  if (limited === undefined) throw new RangeError("the program starts with more memory");
  const module = new WebAssembly.Module(limited);
  forms.set(pages, module);
  return module;
}

/**
 * Runs a program's `main` on Node's own WebAssembly engine. Throws where the program breaks the ABI's
 * rules of shape (imports, exports, start section).
 */
export function runOnNode(program: Uint8Array, task: HCallTask = {}): HCallOutcome {
  const module = compile(program, task.pages);
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
    if (from !== "env" || kind !== "function" || hcallNumber(name) < 0) {
      throw new Error(`the program imports ${kind} ${from}.${name}`);
    }
  }
  const calls = new HCalls(task);
  const answer = task.answer ?? ((_name, code) => code);
  const env = Object.fromEntries(
    Object.entries(calls.imports()).map(([name, call]) => [
      HCALL_PREFIX + name,
      (a: number, b: number, c: number) => {
        if (calls.memory === undefined) throw new Error("the program has a start section");
        return answer(name, call(a, b, c));
      },
    ]),
  );
  const { exports } = new WebAssembly.Instance(module, { env });
  if (!(exports.memory instanceof WebAssembly.Memory)) throw new Error("no memory exported");
  const entry = task.entry ?? "main";
  if (typeof exports[entry] !== "function") throw new Error(`no ${entry} exported`);
  calls.memory = exports.memory;
  const main = exports[entry] as (...args: number[]) => number;
  const end = (code: number | undefined, trap: string | undefined): HCallOutcome => ({
    code,
    trap,
    output: calls.output,
    pages: (calls.memory as WebAssembly.Memory).buffer.byteLength / 65536,
  });
  try {
    return end(main(0, 0), undefined);
  } catch (error) {
    const isTrap =
      error instanceof WebAssembly.RuntimeError ||
      error instanceof RangeTrap ||
      error instanceof RangeError;
    if (!isTrap) throw error;
    return end(undefined, error.message);
  }
}
