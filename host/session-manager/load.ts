import { readFileSync } from "node:fs";
import { wasmPath } from "../common/paths.js";
import { type EngineOptions, instantiate, TlsEngine } from "./engine.js";

/** Loads a session manager's module, as built, into this process's own WebAssembly engine. */
export function loadTlsEngine(options: EngineOptions = {}, module = "session-manager"): TlsEngine {
  return new TlsEngine(instantiate(readFileSync(wasmPath(module)), options));
}
