import { LinkError, LoadError } from "./errors.js";
import {
  type FunctionType,
  formatFunctionType,
  type ModuleExport,
  type ModuleImport,
  type ModuleSections,
  parseFunctionType,
  sameFunctionType,
} from "./module-sections.js";
import { addon, type NativeRuntime } from "./native.js";

/**
 * A function that wasm can import. i32, f32 and f64 are numbers (i32 signed), i64 is a bigint. What it throws ends the
 * call with the trap `host`, whose `cause` is what was thrown.
 */
// biome-ignore lint/suspicious/noExplicitAny: a host function names its own parameter types; wasm's are checked at linking
export type HostFunction = (...args: any[]) => unknown;

/** How a bridge calls its target. */
export interface BridgeOptions {
  /** Constants that come before the import's own arguments; at most 8. */
  readonly leading?: readonly (number | bigint)[];
  /** When the target returns an i32 above this, the caller traps with `aborted` instead of getting it. */
  readonly trapAbove?: number;
}

/** What a function needs to be called; for this room only. */
const callee = new WeakMap<WasmFunction, { native: NativeRuntime; owner: object; index: number }>();

/** An exported function, ready to be called. */
export class WasmFunction {
  readonly name: string;
  readonly type: FunctionType;
  readonly #native: NativeRuntime;
  /** The runtime, which must not be collected during a call. */
  readonly #owner: object;
  readonly #index: number;

  /** By `Module.findFunction`. */
  constructor(
    owner: object,
    native: NativeRuntime,
    index: number,
    name: string,
    type: FunctionType,
  ) {
    this.#owner = owner;
    this.#native = native;
    this.#index = index;
    this.name = name;
    this.type = type;
    callee.set(this, { native, owner, index });
  }

  /**
   * Calls it. i32 arguments are whole numbers from -2^31 to 2^32 - 1, i64 are bigints.
   *
   * @returns the result, i32 signed; undefined for none
   * @throws Trap when it does not return; TypeError when an argument is missing or of the wrong type
   */
  call(...args: (number | bigint)[]): number | bigint | undefined {
    return addon.call(this.#native, this.#owner, this.#index, ...args);
  }
}

/** A loaded module: to link its imports, compile it, and find its exports. */
export class Module {
  readonly name: string;
  readonly imports: readonly ModuleImport[];
  readonly exports: readonly ModuleExport[];
  readonly #owner: object;
  readonly #native: NativeRuntime;
  readonly #sections: ModuleSections;
  /** Function index → what is linked there. Keeps host functions and bridged runtimes alive. */
  readonly #linked = new Map<number, unknown>();
  #compiled = false;

  /** By `Runtime.load`. */
  constructor(owner: object, native: NativeRuntime, name: string, sections: ModuleSections) {
    this.#owner = owner;
    this.#native = native;
    this.name = name;
    this.#sections = sections;
    this.imports = sections.imports.map(({ index: _, ...rest }) => rest);
    this.exports = sections.exports.map(({ index: _, ...rest }) => rest);
  }

  /**
   * Links every import of that name to a host function.
   *
   * @param type the type that the host function has, as `FunctionType` or in wasm3's notation (`"i(iii)"`)
   * @throws LinkError when the module has no such import, or imports it with another type
   */
  link(module: string, name: string, type: FunctionType | string, fn: HostFunction): void {
    if (typeof fn !== "function") throw new TypeError(`${module}.${name}: not a function`);
    const offered = typeof type === "string" ? parseFunctionType(type) : type;
    this.#link(module, name, (index, wanted) => {
      if (!sameFunctionType(wanted, offered))
        throw new LinkError(
          `${this.name} imports ${module}.${name} as ${formatFunctionType(wanted)}, not ${formatFunctionType(offered)}`,
        );
      if (wanted.results.length > 1)
        throw new LinkError(`${module}.${name}: a host function has at most one result`);
      addon.linkHost(this.#native, index, fn);
      return fn;
    });
  }

  /**
   * Links an import straight to a function of a module in another runtime: calls go from wasm to wasm without passing
   * through JavaScript. The target is called with `leading`, then the import's own arguments, then 0 for each
   * parameter that is left. A trap in the target ends the caller's call with `host`, the target's trap its `cause`.
   *
   * @throws LinkError when there is no such import, or the types do not fit
   */
  bridge(module: string, name: string, target: WasmFunction, options: BridgeOptions = {}): void {
    const to = callee.get(target);
    if (!to) throw new TypeError("a bridge leads to a WasmFunction");
    const { leading = [], trapAbove } = options;
    if (to.owner === this.#owner)
      throw new LinkError(`${module}.${name}: a bridge leads to another runtime`);
    this.#link(module, name, (index, wanted) => {
      const own = target.type.params.slice(leading.length, leading.length + wanted.params.length);
      const fits =
        leading.length + wanted.params.length <= target.type.params.length &&
        sameFunctionType(
          { params: own, results: target.type.results },
          { params: wanted.params, results: wanted.results },
        ) &&
        wanted.results.length <= 1;
      if (!fits)
        throw new LinkError(
          `${this.name} imports ${module}.${name} as ${formatFunctionType(wanted)}, which ${target.name} ${formatFunctionType(target.type)} after ${leading.length} leading arguments does not fit`,
        );
      if (trapAbove !== undefined) {
        if (target.type.results[0] !== "i32")
          throw new LinkError(`${module}.${name}: trapAbove needs a target that returns an i32`);
        if (!Number.isInteger(trapAbove) || trapAbove !== (trapAbove | 0))
          throw new RangeError("trapAbove must be an i32");
      }
      addon.linkBridge(this.#native, index, to.native, to.index, leading, trapAbove);
      return target;
    });
  }

  #link(
    module: string,
    name: string,
    link: (functionIndex: number, type: FunctionType) => unknown,
  ): void {
    const found = this.#sections.imports.filter(
      (entry) => entry.kind === "function" && entry.module === module && entry.name === name,
    );
    if (found.length === 0)
      throw new LinkError(`${this.name} does not import a function ${module}.${name}`);
    for (const { index, type } of found) if (type) this.#linked.set(index, link(index, type));
  }

  /**
   * Runs native code in place of wasm3's: what `host/translated-module` made of this very module. Before any import is
   * linked. Fuel and deadlines do not bound such a module, and its traps have no backtrace.
   *
   * @param path the shared object
   * @param sha256 of the module's bytes, hexadecimal: the translation of another module is refused
   * @throws LoadError when it cannot be loaded, or is not this module's
   */
  useTranslation(path: string, sha256: string): void {
    const { imports, exports } = this.#sections;
    // wasm3 would hold another copy of the variable.
    if (exports.some(({ kind }) => kind === "global"))
      throw new LoadError(`${this.name} exports a global: it cannot be translated`);
    const indices = (entries: readonly (readonly [name: string, index: number])[]) =>
      Object.assign(Object.create(null), Object.fromEntries(entries)) as Record<string, number>;
    addon.useTranslation(
      this.#native,
      path,
      sha256,
      indices(imports.map(({ module, name, index }) => [`${module}.${name}`, index])),
      indices(
        exports.filter(({ kind }) => kind === "function").map(({ name, index }) => [name, index]),
      ),
    );
  }

  /**
   * Compiles every function for the interpreter, once.
   *
   * @throws LinkError when an import is not linked; CompileError when a function exceeds wasm3's limits or is invalid
   */
  compile(): void {
    if (this.#compiled) return;
    const missing = this.#sections.imports.filter(({ index }) => !this.#linked.has(index));
    if (missing.length > 0)
      throw new LinkError(
        `${this.name}: imports not linked: ${missing.map((entry) => `${entry.module}.${entry.name}`).join(", ")}`,
      );
    addon.compile(this.#native);
    this.#compiled = true;
  }

  /**
   * An exported function; compiles the module first, if that has not been done. A start function runs before the first
   * call of any function.
   *
   * @throws LinkError when there is no such export
   */
  findFunction(name: string): WasmFunction {
    const found = this.#sections.exports.find(
      (entry) => entry.kind === "function" && entry.name === name,
    );
    if (!found?.type) throw new LinkError(`${this.name} does not export a function ${name}`);
    this.compile();
    return new WasmFunction(this.#owner, this.#native, found.index, name, found.type);
  }

  /** The value of an exported global. */
  getGlobal(name: string): number | bigint {
    return addon.getGlobal(this.#native, this.#globalIndex(name));
  }

  /** Sets an exported mutable global. */
  setGlobal(name: string, value: number | bigint): void {
    addon.setGlobal(this.#native, this.#globalIndex(name), value);
  }

  #globalIndex(name: string): number {
    const found = this.#sections.exports.find(
      (entry) => entry.kind === "global" && entry.name === name,
    );
    if (!found) throw new LinkError(`${this.name} does not export a global ${name}`);
    return found.index;
  }
}
