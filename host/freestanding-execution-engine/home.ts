/** Where the engine's module itself runs: with wasm3, as in an isolate, or on the engine of Node.js alone. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../common/paths.js";
import { Platform } from "../isolate/platform.js";
import type { RuntimeMemory } from "../isolate/program-host.js";
import type { TrustedModule, TrustedModuleOptions } from "../isolate/trusted-module.js";
import type { WasmFunction } from "../wasm3-node/index.js";

/** What the engine needs of its home. */
export type EngineHome = Pick<
  TrustedModule,
  "call" | "callU32" | "store" | "fetch" | "free" | "platform"
>;

/** Whether this installation has the interpreter, whose binding a C compiler makes when it is installed. */
export const hasInterpreter: boolean = existsSync(join(projectRoot, "build/wasm3/wasm3.node"));

const trusted = hasInterpreter ? await import("../isolate/trusted-module.js") : undefined;

const DEFAULT_MEMORY_LIMIT = 256 * 1024 * 1024;

/** The module on the engine of Node.js: no interpreter, so that programs run there as well. */
class NodeHome implements EngineHome {
  readonly platform: Platform;
  private readonly exports: WebAssembly.Exports;

  constructor(bytes: Uint8Array<ArrayBuffer>, options: TrustedModuleOptions) {
    const { moreStrategies = [], memoryLimit = DEFAULT_MEMORY_LIMIT, host: _, ...rest } = options;
    const hcall = { call: (...args: number[]) => this.call("hcall", ...args) };
    this.platform = new Platform(
      { strategies: moreStrategies, memoryLimit, ...rest },
      () => this.memory,
      // Of a wasm3 function, interp alone uses more than its call.
      () => hcall as unknown as WasmFunction,
    );
    const module = new WebAssembly.Module(bytes);
    this.exports = new WebAssembly.Instance(module, { platform: this.platform.imports() }).exports;
    this.call("_initialize");
  }

  private readonly memory: RuntimeMemory = {
    read: (address, length) => this.view(address, length).slice(),
    write: (address, bytes) => this.view(address, bytes.length).set(bytes),
  };

  private view(address: number, length: number): Uint8Array {
    return new Uint8Array((this.exports.memory as WebAssembly.Memory).buffer, address, length);
  }

  call(name: string, ...args: (number | bigint)[]): number | bigint | undefined {
    return (this.exports[name] as (...args: (number | bigint)[]) => number | bigint | undefined)(
      ...args,
    );
  }

  callU32(name: string, ...args: (number | bigint)[]): number {
    return (this.call(name, ...args) as number) >>> 0;
  }

  store(pointer: number, bytes: Uint8Array): void {
    this.memory.write(pointer, bytes);
  }

  fetch(pointer: number, length: number): Uint8Array {
    return this.memory.read(pointer, length);
  }

  free(): void {
    this.platform.free();
    this.view(0, (this.exports.memory as WebAssembly.Memory).buffer.byteLength).fill(0);
  }
}

/** Opens a home for the engine's module. */
export function openHome(
  bytes: Uint8Array<ArrayBuffer>,
  options: TrustedModuleOptions,
  interpreter: boolean = hasInterpreter,
): EngineHome {
  return trusted !== undefined && interpreter
    ? new trusted.TrustedModule(bytes, options)
    : new NodeHome(bytes, options);
}
