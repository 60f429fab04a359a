// Compiler transform of no_std programs, part of the target `wasm32-arm-veracruz` in `asconfig.json`.
//
// 1. Start-up. A start section is refused by every Veracruz host, yet the compiler makes one as soon
//    as a module-level variable has an initialiser that is not a constant, and its allocator has one. It
//    is told to export the start function instead (`exportStart`), and here `main` is wrapped to call it
//    first. Where there is nothing to initialise, the optimiser leaves nothing of it.
// 2. The ABI, checked where its breach is made: an import that is no H-call (`console.log`,
//    `Math.random` and `Date.now` become imports) and a missing or mistyped `main` are errors of the
//    compilation, not a refusal by the isolate later.
// @ts-check

/** The start function's export, as named in `asconfig.json`. */
const START_EXPORT = "_initialize";

/** The H-calls with their numbers of i32 parameters; each returns an i32 code. */
const H_CALLS = new Map([
  ["__veracruz_hcall_input_count", 1],
  ["__veracruz_hcall_input_size", 2],
  ["__veracruz_hcall_read_input", 3],
  ["__veracruz_hcall_stream_count", 1],
  ["__veracruz_hcall_stream_size", 2],
  ["__veracruz_hcall_read_stream", 3],
  ["__veracruz_hcall_has_previous_result", 1],
  ["__veracruz_hcall_previous_result_size", 1],
  ["__veracruz_hcall_read_previous_result", 2],
  ["__veracruz_hcall_write_output", 2],
  ["__veracruz_hcall_getrandom", 2],
]);

/**
 * @param {string} message
 * @returns {Error} one that asc prints without a stack of its own files
 */
function abiError(message) {
  const error = new Error(message);
  error.stack = `ABI: ${message}`;
  return error;
}

export default class VeracruzProgram {
  /**
   * Called by asc once the module is compiled, before it is optimised.
   * @param {any} module the Binaryen module
   */
  afterCompile(module) {
    const binaryen = /** @type {any} */ (this).binaryen;
    this.#checkImports(binaryen, module);
    this.#initialiseFirst(binaryen, module);
  }

  /**
   * @param {any} binaryen
   * @param {any} module
   */
  #checkImports(binaryen, module) {
    const types = (/** @type {number} */ type) => binaryen.expandType(type);
    const isI32 = (/** @type {number} */ type) => type === binaryen.i32;
    for (let index = 0; index < module.getNumFunctions(); index++) {
      const info = binaryen.getFunctionInfo(module.getFunctionByIndex(index));
      if (!info.module) continue;
      const parameters = info.module === "env" ? H_CALLS.get(info.base) : undefined;
      if (parameters === undefined)
        throw abiError(
          `the program imports ${info.module}.${info.base}, which no Veracruz host offers ` +
            "(use the SDK's H-calls and random numbers; there is no console and no clock)",
        );
      const params = types(info.params);
      if (params.length !== parameters || !params.every(isI32) || !isI32(info.results))
        throw abiError(`${info.base} is declared with another type than the H-call's`);
    }
    for (let index = 0; index < module.getNumGlobals(); index++) {
      const info = binaryen.getGlobalInfo(module.getGlobalByIndex(index));
      if (info.module)
        throw abiError(`the program imports the variable ${info.module}.${info.base}`);
    }
  }

  /**
   * @param {any} binaryen
   * @param {any} module
   */
  #initialiseFirst(binaryen, module) {
    /** @type {Map<string, string>} */
    const functions = new Map();
    for (let index = 0; index < module.getNumExports(); index++) {
      const info = binaryen.getExportInfo(module.getExportByIndex(index));
      if (info.kind === binaryen.ExternalFunction) functions.set(info.name, info.value);
    }
    const main = functions.get("main");
    if (main === undefined) throw abiError("the program exports no function main(): i32");
    const { params, results } = binaryen.getFunctionInfo(module.getFunction(main));
    const parameters = binaryen.expandType(params);
    if (
      results !== binaryen.i32 ||
      !(parameters.length === 0 || parameters.length === 2) ||
      !parameters.every((/** @type {number} */ type) => type === binaryen.i32)
    )
      throw abiError("main must be of type () -> i32 or (i32, i32) -> i32");

    const start = functions.get(START_EXPORT);
    if (start === undefined) return;
    module.removeExport(START_EXPORT);
    functions.delete(START_EXPORT);
    // Other exports than main, too, for whoever calls them; the start function runs only once.
    for (const [name, internalName] of functions) {
      const wrapper = `~initialised:${name}`;
      const { params, results } = binaryen.getFunctionInfo(module.getFunction(internalName));
      const operands = binaryen
        .expandType(params)
        .map((/** @type {number} */ type, /** @type {number} */ index) =>
          module.local.get(index, type),
        );
      const body = [
        module.call(start, [], binaryen.none),
        module.call(internalName, operands, results),
      ];
      module.addFunction(wrapper, params, results, [], module.block(null, body, results));
      module.removeExport(name);
      module.addFunctionExport(wrapper, name);
    }
  }
}
