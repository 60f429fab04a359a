import { chooseHost, type ModuleHost } from "../translated-module/index.js";
import { Environment, type Runtime, type WasmFunction } from "../wasm3-node/index.js";
import { interpStrategy, PROGRAM_NATIVE_STACK_BYTES } from "./interp-programs.js";
import { Platform, type PlatformOptions } from "./platform.js";
import type { ExecutionStrategy } from "./program-host.js";
import { COMPUTER_MEMORY_BYTES, MAX_MEMORY_BYTES } from "./worker-protocol.js";

/** What a trusted module gets of its home; the rest has defaults. */
export interface TrustedModuleOptions extends Omit<Partial<PlatformOptions>, "strategies"> {
  /** Strategies offered beside `interp`, which every home has. */
  moreStrategies?: readonly ExecutionStrategy[];
  /** How the module is hosted; see `chooseHost` for what it is by default. Programs are hosted by their strategy. */
  host?: ModuleHost | undefined;
}

const PAGE_BYTES = 65536;
/** Interpreter stack of a runtime module, in bytes. */
const STACK_BYTES = 256 * 1024;
/**
 * The thread's stack that a runtime module may use, in bytes, with the program that it runs: a program
 * that has used up its own share can still make an H-call, which must not trap the runtime.
 */
const NATIVE_STACK_BYTES = PROGRAM_NATIVE_STACK_BYTES + 256 * 1024;

/**
 * A module of the trusted runtime, hosted as native code or by wasm3, with the platform interface linked, initialised
 * and ready to be called.
 *
 * A trap inside it leaves it in an unknown state: it must then be freed, with all it held.
 */
export class TrustedModule {
  readonly platform: Platform;
  /** How it is hosted. */
  readonly host: ModuleHost;
  private readonly environment = new Environment();
  private readonly runtime: Runtime;
  private readonly functions = new Map<string, WasmFunction>();
  private readonly find: (name: string) => WasmFunction;

  constructor(bytes: Uint8Array, options: TrustedModuleOptions = {}) {
    const { moreStrategies = [], host, ...rest } = options;
    const memoryLimit = Math.min(options.memoryLimit ?? COMPUTER_MEMORY_BYTES, MAX_MEMORY_BYTES);
    // The module itself keeps below a limit within a page: its allocator asks for it.
    const pages = Math.ceil(memoryLimit / PAGE_BYTES);
    this.runtime = this.environment.newRuntime({
      stackSize: STACK_BYTES,
      memoryLimit: pages * PAGE_BYTES,
      nativeStackLimit: NATIVE_STACK_BYTES,
    });
    const module = this.runtime.load(bytes, "runtime");
    this.host = chooseHost(module, bytes, host);
    this.find = (name) => module.findFunction(name);
    this.platform = new Platform(
      { strategies: [interpStrategy(this.environment), ...moreStrategies], ...rest, memoryLimit },
      () => this.runtime.memory,
      () => this.function("hcall"),
    );
    this.platform.link(module);
    module.compile();
    this.call("_initialize");
  }

  private function(name: string): WasmFunction {
    let found = this.functions.get(name);
    if (found === undefined) {
      found = this.find(name);
      this.functions.set(name, found);
    }
    return found;
  }

  /** Calls an export; i32 and floats are numbers, i64 bigints. */
  call(name: string, ...args: (number | bigint)[]): number | bigint | undefined {
    return this.function(name).call(...args);
  }

  /** Calls an export that returns an i32, read as unsigned. */
  callU32(name: string, ...args: (number | bigint)[]): number {
    return (this.call(name, ...args) as number) >>> 0;
  }

  /** Bytes of the module's memory now. */
  get memoryBytes(): number {
    return this.runtime.memory.byteLength;
  }

  /** Copies bytes into the module's memory. */
  store(pointer: number, bytes: Uint8Array): void {
    this.runtime.memory.write(pointer, bytes);
  }

  /** A copy of a range of the module's memory. */
  fetch(pointer: number, length: number): Uint8Array {
    return this.runtime.memory.read(pointer, length);
  }

  /** Ends the programs and the module; its memory is wiped. */
  free(): void {
    this.platform.free();
    this.runtime.memory.fill(0, this.runtime.memory.byteLength, 0);
    this.runtime.free();
    this.environment.free();
  }
}
