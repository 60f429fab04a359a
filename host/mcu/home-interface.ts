/**
 * The C of the seam between the firmware and the WebAssembly modules that it carries: made from the
 * platform interface's TypeScript declarations and from the modules themselves, so that firmware which
 * does not fit them does not build.
 *
 * Usage: node home-interface.js MODULE.wasm PREFIX c|wasm3 OUTDIR
 * Writes platform-interface.h, PREFIX.h and PREFIX-module.c.
 */
import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { projectRoot } from "../common/paths.js";
import { hcalls } from "../isolate/hcalls.js";
import { mangle } from "./bench-table.js";
import { type FunctionType, readInterface, type ValueType } from "./wasm-interface.js";

interface Declaration {
  name: string;
  parameters: { name: string; type: string }[];
  result: string;
}

/** C types of what the platform interface's declarations use. */
const cTypes: ReadonlyMap<string, string> = new Map([
  ["usize", "uint32_t"],
  ["u32", "uint32_t"],
  ["i32", "int32_t"],
  ["u64", "uint64_t"],
  ["void", "void"],
]);

const wasmTypes: ReadonlyMap<string, ValueType> = new Map([
  ["usize", "i32"],
  ["u32", "i32"],
  ["i32", "i32"],
  ["u64", "i64"],
]);

function cType(type: string): string {
  const found = cTypes.get(type);
  if (!found) throw new Error(`the platform interface uses type ${type}, unknown here`);
  return found;
}

/** The functions that a file of `export declare function`s declares. */
export function readDeclarations(text: string): Declaration[] {
  const found = [...text.matchAll(/^export declare function (\w+)\(([^)]*)\): (\w+);$/gm)].map(
    ([, name = "", list = "", result = ""]) => ({
      name,
      result,
      parameters: list
        .split(",")
        .map((part) => part.trim())
        .filter((part) => part !== "")
        .map((part) => {
          const [parameter = "", type = ""] = part.split(/:\s*/);
          return { name: parameter, type };
        }),
    }),
  );
  const announced = text.match(/^export declare function /gm)?.length ?? 0;
  if (found.length !== announced) throw new Error("a declaration of the platform cannot be read");
  return found;
}

/** The numbers that a file exports as constants. */
export function readConstants(text: string): [name: string, value: string][] {
  return [...text.matchAll(/^export const (\w+): [iu](?:32|8) = (-?\d+|0x[\da-f]+);$/gm)].map(
    ([, name = "", value = ""]) => [name, value],
  );
}

const platformFolder = join(projectRoot, "assembly", "platform-services");
const read = (...path: string[]) => readFileSync(join(...path), "utf8");

const guard = (name: string, text: string) =>
  `// Made by host/mcu/home-interface.ts.
#ifndef ${name}
#define ${name}

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

${text}
#endif
`;

const parameterList = (parameters: readonly { name: string; type: string }[]) =>
  parameters.map(({ name, type }) => `${cType(type)} ${name}`).join(", ") || "void";

/** The platform interface as C prototypes and constants, and the table of H-calls. */
function platformHeader(declarations: readonly Declaration[]): string {
  const constants = [
    ...readConstants(read(platformFolder, "errors.ts")),
    ...readConstants(read(platformFolder, "program-limits.ts")),
    ...readConstants(read(projectRoot, "assembly", "execution-engine", "hcalls.ts")),
    ...readConstants(read(projectRoot, "assembly", "psa-attestation", "status.ts")),
    ...readConstants(read(projectRoot, "assembly", "transport-protocol", "messages.ts")).filter(
      ([name]) => /^(?:MESSAGE|STATUS)_/.test(name),
    ),
  ];
  // The numbers of H-calls stand in two files: they must agree.
  for (const [number, { name }] of hcalls.entries()) {
    const constant = name.replace("__veracruz_", "").toUpperCase();
    if (!constants.some(([other, value]) => other === constant && Number(value) === number))
      throw new Error(`${constant} of the execution engine is not ${number}`);
  }
  return guard(
    "PLATFORM_INTERFACE_H",
    `enum {
${constants.map(([name, value]) => `  ${name} = ${value},`).join("\n")}
};

${declarations.map(({ name, parameters, result }) => `${cType(result)} platform_${name}(${parameterList(parameters)});`).join("\n")}

/// X(number, name, parameters) for each H-call that a program may import from module "env".
#define HCALLS(X) \\
${hcalls.map(({ name, parameters }, number) => `  X(${number}, "${name}", ${parameters})`).join(" \\\n")}
`,
  );
}

const bareType: Readonly<Record<ValueType, string>> = {
  i32: "uint32_t",
  i64: "uint64_t",
  f32: "float",
  f64: "double",
};

interface ExportedFunction {
  name: string;
  type: FunctionType;
}

/** Prototype of the C function that calls an export of the module. */
function callPrototype(prefix: string, { name, type }: ExportedFunction): string {
  const parameters = type.parameters.map((t, i) => `${bareType[t]} p${i}`);
  const [result] = type.results;
  if (result) parameters.push(`${bareType[result]} *result`);
  return `bool ${prefix}_${name}(${parameters.join(", ") || "void"})`;
}

function moduleHeader(prefix: string, exports: readonly ExportedFunction[]): string {
  return guard(
    `${prefix.toUpperCase()}_H`,
    `/// Instantiates the module and calls its start function: whether that succeeded.
bool ${prefix}_start(void);

/// The bytes [address, address + length) of the module's memory, or NULL when they are not in it.
uint8_t *${prefix}_memory(uint32_t address, uint32_t length);

// Calls of the module's exports. False: the module has trapped now or before, see module_failure().
${exports.map((each) => `${callPrototype(prefix, each)};`).join("\n")}
`,
  );
}

/** What the imports of a module must be: functions of the platform interface, with their types. */
function checkImports(
  imports: readonly { module: string; name: string; type: FunctionType }[],
  declarations: readonly Declaration[],
): void {
  for (const { module, name, type } of imports) {
    const declared = declarations.find((each) => module === "platform" && each.name === name);
    if (!declared)
      throw new Error(`the module imports ${module}.${name}, which is not of the interface`);
    const parameters = declared.parameters.map((parameter) => wasmTypes.get(parameter.type));
    const result = wasmTypes.get(declared.result);
    if (
      parameters.join() !== type.parameters.join() ||
      (result === undefined ? "" : result) !== type.results.join()
    )
      throw new Error(`the module imports ${module}.${name} with another type than declared`);
  }
}

/** The module compiled through wasm2c: calls of its exports, and its imports. */
function compiledModule(
  prefix: string,
  imports: readonly { module: string; name: string }[],
  exports: readonly ExportedFunction[],
  declarations: readonly Declaration[],
): string {
  const calls = exports.map((each) => {
    const [result] = each.type.results;
    const args = ["&instance", ...each.type.parameters.map((_, i) => `p${i}`)].join(", ");
    const call = `Z_${prefix}Z_${mangle(each.name)}(${args})`;
    return `${callPrototype(prefix, each)} {
  MODULE_CALL(${result ? `*result = ${call}` : call});
}
`;
  });
  const shims = declarations
    .filter(({ name }) => imports.some((each) => each.name === name))
    .map(({ name, parameters, result }) => {
      // wasm2c knows unsigned types only.
      const bareOf = (type: string) => (wasmTypes.get(type) === "i64" ? "u64" : "u32");
      const list = parameters.map((p) => `${bareOf(p.type)} ${p.name}`);
      const home = `struct Z_platform_instance_t *home`;
      const bare = result === "void" ? "void" : bareOf(result);
      const call = `platform_${name}(${parameters.map((p) => p.name).join(", ")})`;
      return `${bare} Z_platformZ_${mangle(name)}(${[home, ...list].join(", ")}) {
  ${result === "void" ? `${call};` : `${bare} answer = (${bare})${call};`}
  module_check();${result === "void" ? "" : "\n  return answer;"}
}
`;
    });
  const home = imports.length > 0 ? ", NULL" : "";
  return `// Made by host/mcu/home-interface.ts.
#include "${prefix}.h"

#include "${prefix}-compiled.h"
#include "compiled-module.h"
#include "platform-interface.h"

static Z_${prefix}_instance_t instance;

${shims.join("\n")}
static void instantiate(void) {
  Z_${prefix}_init_module();
  Z_${prefix}_instantiate(&instance${home});
}

bool ${prefix}_start(void) {
  MODULE_CALL(instantiate());
}

uint8_t *${prefix}_memory(uint32_t address, uint32_t length) {
  return compiled_memory(Z_${prefix}Z_memory(&instance), address, length);
}

${calls.join("\n")}`;
}

/** The module hosted by wasm3: calls of its exports, and its imports. */
function interpretedModule(
  prefix: string,
  imports: readonly { module: string; name: string }[],
  exports: readonly ExportedFunction[],
  declarations: readonly Declaration[],
): string {
  const used = declarations.filter(({ name }) => imports.some((each) => each.name === name));
  const shims = used.map(({ name, parameters, result }) => {
    const first = result === "void" ? 0 : 1;
    const args = parameters.map(({ type }, i) => `*(${cType(type)} *)&_sp[${first + i}]`);
    const call = `platform_${name}(${args.join(", ")})`;
    return `static m3ApiRawFunction(shim_${name}) {
  ${result === "void" ? call : `${cType(result)} answer = ${call}`};
  if (module_failure()) return module_failure();
${result === "void" ? "" : `  *(${cType(result)} *)&_sp[0] = answer;\n`}  return m3Err_none;
}
`;
  });
  const letter = (type: string) => (wasmTypes.get(type) === "i64" ? "I" : "i");
  const signature = ({ parameters, result }: Declaration) =>
    `${result === "void" ? "v" : letter(result)}(${parameters.map((p) => letter(p.type)).join("")})`;
  const calls = exports.map((each, index) => {
    const { parameters } = each.type;
    const list = parameters.map((_, i) => `&p${i}`).join(", ");
    return `${callPrototype(prefix, each)} {
  ${parameters.length > 0 ? `const void *arguments[] = {${list}};\n  ` : ""}return interpreted_call(&module, ${index}, ${parameters.length}, ${parameters.length > 0 ? "arguments" : "NULL"}, ${each.type.results.length > 0 ? "result" : "NULL"});
}
`;
  });
  return `// Made by host/mcu/home-interface.ts.
#include "${prefix}.h"

#include "interpreted-module.h"
#include "platform-interface.h"

${shims.join("\n")}
extern const uint8_t ${prefix}_wasm[], ${prefix}_wasm_end[];

static const struct interpreted_import imports[] = {
${used.map((each) => `  {"${each.name}", "${signature(each)}", shim_${each.name}},`).join("\n")}
  {NULL, NULL, NULL},
};
static const char *const exports[] = {${exports.map(({ name }) => `"${name}"`).join(", ")}};
static IM3Function functions[sizeof exports / sizeof exports[0]];
static uint8_t memory[INTERPRETED_HEADER + ${prefix.toUpperCase()}_MEMORY_BYTES]
    __attribute__((aligned(16)));
static struct interpreted_module module = {
    imports, exports, functions, sizeof exports / sizeof exports[0], memory, sizeof memory,
};

bool ${prefix}_start(void) {
  return interpreted_start(&module, ${prefix}_wasm, (uint32_t)(${prefix}_wasm_end - ${prefix}_wasm));
}

uint8_t *${prefix}_memory(uint32_t address, uint32_t length) {
  return interpreted_memory(&module, address, length);
}

${calls.join("\n")}`;
}

/** Writes the files for one module. */
export function writeHomeInterface(
  wasmPath: string,
  prefix: string,
  host: "c" | "wasm3",
  outDir: string,
): void {
  const declarations = readDeclarations(read(platformFolder, "platform.ts"));
  const { imports, exports } = readInterface(new Uint8Array(readFileSync(wasmPath)));
  checkImports(imports, declarations);
  mkdirSync(outDir, { recursive: true });
  const update = (name: string, text: string) => {
    const path = join(outDir, name);
    if (!existsSync(path) || readFileSync(path, "utf8") !== text) writeFileSync(path, text);
  };
  update("platform-interface.h", platformHeader(declarations));
  update(`${prefix}.h`, moduleHeader(prefix, exports));
  const source = host === "c" ? compiledModule : interpretedModule;
  update(`${prefix}-module.c`, source(prefix, imports, exports, declarations));
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const [wasmPath, prefix, host, outDir] = process.argv.slice(2);
  if (!wasmPath || !prefix || (host !== "c" && host !== "wasm3") || !outDir) {
    console.error("Usage: node home-interface.js MODULE.wasm PREFIX c|wasm3 OUTDIR");
    process.exit(2);
  }
  try {
    writeHomeInterface(wasmPath, prefix, host, outDir);
  } catch (error) {
    console.error(`home-interface: ${(error as Error).message}`);
    process.exit(1);
  }
}
