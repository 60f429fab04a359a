import { readFileSync } from "node:fs";
import { wasmPath } from "../common/paths.js";

/** Where no function, item or maximum applies, in fields of a report. */
export const NONE = 0xffffffff;

/** The names of the limits, in the order of the fields of `CheckLimits` (assembly/wasm-checker/limits.ts). */
export const limitNames = [
  "moduleBytes",
  "types",
  "parameters",
  "imports",
  "functions",
  "tableElements",
  "initialPages",
  "maximumPages",
  "globals",
  "exports",
  "elementSegments",
  "dataSegments",
  "dataBytes",
  "bodyBytes",
  "locals",
  "nesting",
  "frame",
  "branchTable",
  "compileKilosteps",
  "nameBytes",
] as const;

/** The names of the report's entries, in the order of `CheckReport` (assembly/wasm-checker/report.ts). */
export const reportNames = [
  "code",
  "offset",
  "functionIndex",
  "item",
  "expected",
  "found",
  "nameOffset",
  "nameLength",
  "moduleNameOffset",
  "moduleNameLength",
  "moduleBytes",
  "types",
  "imports",
  "functions",
  "globals",
  "exports",
  "tableElements",
  "initialPages",
  "maximumPages",
  "dataBytes",
  "codeBytes",
  "instructions",
  "maximumFrame",
  "maximumNesting",
  "mainIndex",
  "mainParameters",
  "compileKilosteps",
  "compiledBytes",
  "workspaceBytes",
] as const;

/** The limits of a profile, by name. */
export type CheckLimits = { [name in (typeof limitNames)[number]]: number };
/** What the checker found; the fields are explained in assembly/wasm-checker/report.ts. */
export type CheckReport = { readonly [name in (typeof reportNames)[number]]: number };

/** Limits for an isolate on a computer, or on a Cortex-M. */
export type Profile = "host" | "mcu";
/** The profiles that the checker knows. */
export const profiles: readonly Profile[] = ["host", "mcu"];

interface Exports {
  readonly memory: WebAssembly.Memory;
  _initialize(): void;
  allocate(length: number): number;
  free(pointer: number): void;
  limits(profile: number): number;
  bound(): number;
  check(pointer: number, length: number): number;
  report(): number;
}

/**
 * The WASM checker: the module that also guards the execution engine inside every isolate, here run by
 * the computer's own WebAssembly engine.
 */
export class Checker {
  private readonly exports: Exports;

  /** @param profile limits to check against, where `limits` says nothing else */
  constructor(
    readonly profile: Profile = "host",
    limits: Partial<CheckLimits> = {},
    module: Uint8Array = readFileSync(wasmPath("checker")),
  ) {
    const instance = new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(module)));
    this.exports = instance.exports as unknown as Exports;
    this.exports._initialize();
    const pointer = this.exports.limits(profiles.indexOf(profile));
    const fields = new Uint32Array(this.exports.memory.buffer, pointer, limitNames.length);
    limitNames.forEach((name, index) => {
      const value = limits[name];
      if (value !== undefined) fields[index] = value;
    });
    this.limits = entries(limitNames, fields);
  }

  /** The limits in force. */
  readonly limits: CheckLimits;

  /** The most memory in bytes that a check within these limits allocates. */
  get workspaceBound(): number {
    return this.exports.bound() >>> 0;
  }

  /** Bytes of the checker's linear memory at present. */
  get memoryBytes(): number {
    return this.exports.memory.buffer.byteLength;
  }

  /** Checks a module. `code` of the report is 0 when it is accepted. */
  check(bytes: Uint8Array): CheckReport {
    // What is too large to be accepted need not be copied for the checker to say so.
    const copied = bytes.length > this.limits.moduleBytes ? 0 : bytes.length;
    const pointer = this.exports.allocate(copied) >>> 0;
    new Uint8Array(this.exports.memory.buffer, pointer, copied).set(bytes.subarray(0, copied));
    this.exports.check(pointer, bytes.length);
    this.exports.free(pointer);
    const report = this.exports.report() >>> 0;
    return decodeReport(new Uint32Array(this.exports.memory.buffer, report, reportNames.length));
  }
}

/** A report from its words as they stand in the memory of a module that the checker is part of. */
export function decodeReport(words: Uint32Array): CheckReport {
  return entries(reportNames, words);
}

function entries<Name extends string>(
  names: readonly Name[],
  values: Uint32Array,
): { [name in Name]: number } {
  return Object.fromEntries(names.map((name, index) => [name, values[index]])) as {
    [name in Name]: number;
  };
}
