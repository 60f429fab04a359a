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
import { readFileSync } from "node:fs";
import { classesOf, innermost } from "./classes.js";

/** The start function's export, as named in `asconfig.json`. */
const START_EXPORT = "_initialize";

/** The H-calls of `env.ts` with their numbers of i32 parameters; each returns an i32 code. */
const H_CALLS = new Map(
  // The second is the print for development, which only --use VERACRUZ_DEBUG=1 brings into a program.
  ["env.ts", "../debug/env.ts"].flatMap((file) =>
    [
      ...readFileSync(new URL(file, import.meta.url), "utf8").matchAll(
        /^export declare function (\w+)\(([^)]*)\): i32;$/gm,
      ),
    ].map(([, name, parameters = ""]) => [name, parameters.split(":").length - 1]),
  ),
);

/** What to use in place of what becomes an import: names as the compiler gives them. */
const INSTEAD = /** @type {[RegExp, string, string][]} */ ([
  [
    /^(seed|Math\.random)$/,
    "Math.random",
    "there are random numbers in the SDK: Random.fromPlatform(), getrandom()",
  ],
  [
    /^Date\.|^performance\./,
    "the clock",
    "there is none in an isolate: let a party send the time as an input",
  ],
  [
    /^console\.|^trace$/,
    "the console",
    "there is none in an isolate: print() of the SDK shows text in vc-fee, with --use VERACRUZ_DEBUG=1",
  ],
  [/^abort$/, "abort", "compile with --use abort=, as the target does"],
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
   * Called by asc once the sources are read: what the compiler would say of the SDK's lines is said of the author's.
   * @param {any} parser
   */
  afterParse(parser) {
    const classes = classesOf(parser.sources);
    for (const { name, file, types, calls } of classes.values())
      for (const { method, field, line } of calls ?? []) {
        const type = types.get(field);
        if (method !== "of" || type === undefined) continue;
        const inner = innermost(type);
        const place = `${file}:${line}: ${name}.${field}`;
        const [, table] = /^(Map|Set)</.exec(inner) ?? [];
        if (table !== undefined)
          throw abiError(
            `${place} is a ${table}: write codec.${table.toLowerCase()}(this.${field})`,
          );
        const other = classes.get(inner);
        if (other !== undefined && other.calls === undefined)
          throw abiError(
            `${place} is of class ${inner}, which cannot be encoded: give ${inner} a method fields(codec: Codec): void`,
          );
      }
  }

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
      const instead = INSTEAD.find(([pattern]) => pattern.test(info.base));
      if (parameters === undefined && instead !== undefined)
        throw abiError(
          `the program uses ${instead[1]} (it imports ${info.module}.${info.base}): ${instead[2]}`,
        );
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
