import { readFileSync } from "node:fs";
import { wasmPath } from "../common/paths.js";
import { type EngineOptions, instantiate, TlsEngine } from "./engine.js";

/** Loads a session manager's module, as built, into this process's own WebAssembly engine. */
export function loadTlsEngine(options: EngineOptions = {}, module = "session-manager"): TlsEngine {
  return new TlsEngine(instantiate(readFileSync(wasmPath(module)), options));
}

const shared = new Map<string, TlsEngine>();

/** The engine of a module that all share who need no other; loaded at its first use. */
export function sharedTlsEngine(module: string): TlsEngine {
  const engine = shared.get(module) ?? loadTlsEngine({}, module);
  shared.set(module, engine);
  return engine;
}
