import {
  type EngineOptions,
  randomBytesInto,
  type WasmInstance,
} from "../../../host/session-manager/engine.js";
import { Environment } from "../../../host/wasm3-node/index.js";

/**
 * Instantiates a session manager's module in wasm3, as an isolate does, for `new TlsEngine(instance)`.
 * The caller ends its life by `free`.
 */
export function instantiateInWasm3(
  bytes: Uint8Array,
  options: EngineOptions = {},
): WasmInstance & { free(): void } {
  const memoryLimit = options.memoryLimit ?? 64 << 20;
  const random = options.random ?? randomBytesInto;
  const environment = new Environment();
  const runtime = environment.newRuntime({ memoryLimit });
  const module = runtime.load(bytes);
  const imported = new Set(module.imports.map(({ name }) => name));
  if (imported.has("memoryLimit")) module.link("platform", "memoryLimit", "i()", () => memoryLimit);
  if (imported.has("random"))
    module.link("platform", "random", "i(ii)", (pointer, length) => {
      const buffer = new Uint8Array(Number(length) >>> 0);
      if (!random(buffer)) return -1;
      runtime.memory.write(Number(pointer) >>> 0, buffer);
      return 0;
    });
  const functions = new Map<string, (...args: number[]) => number>();
  const find = (name: string) => {
    let found = functions.get(name);
    if (found === undefined) {
      const target = module.findFunction(name);
      found = (...args) => Number(target.call(...args) ?? 0);
      functions.set(name, found);
    }
    return found;
  };
  if (module.exports.some(({ name }) => name === "_initialize")) find("_initialize")();
  return {
    memory: () => runtime.memory.view(),
    call: (name, ...args) => find(name)(...args),
    free: () => {
      runtime.free();
      environment.free();
    },
  };
}
