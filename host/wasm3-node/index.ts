// wasm3-node: the wasm3 interpreter as a Node-API addon. See README.md.
export { CancellationFlag } from "./cancellation.js";
export {
  CompileError,
  LinkError,
  LoadError,
  Trap,
  type TrapCode,
  type TrapFrame,
} from "./errors.js";
export { copyMemory, Memory } from "./memory.js";
export { type BridgeOptions, type HostFunction, Module, WasmFunction } from "./module.js";
export {
  type ExternalKind,
  type FunctionType,
  formatFunctionType,
  type ModuleExport,
  type ModuleImport,
  type ModuleSections,
  parseFunctionType,
  readCustomSection,
  readModuleSections,
  type ValueType,
} from "./module-sections.js";
export { Environment, Runtime, type RuntimeOptions } from "./runtime.js";
