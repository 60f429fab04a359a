/**
 * The C of the seam between the firmware and the WebAssembly modules that it carries: made from the
 * platform interface's TypeScript declarations and from the modules themselves, so that firmware which
 * does not fit them does not build.
 *
 * Usage: node home-interface.js MODULE.wasm PREFIX c|wasm3|thumb2 OUTDIR [MEMORY_BYTES]
 * Writes platform-interface.h, PREFIX.h and PREFIX-module.c; for thumb2 also PREFIX-program.bin, compiled; for the MCU client also vc-codes.h and
 * client-definitions.h.
 */
import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Declaration, readConstants, readDeclarations } from "../common/declarations.js";
import { projectRoot } from "../common/paths.js";
import { contextBytes, Thumb2Compiler } from "../thumb2-compiler/compiler.js";
import { mangle } from "./bench-table.js";
import { clientCodes, clientDefinitions } from "./client-definitions.js";
import { hcallDefinitions } from "./hcall-definitions.js";
import { type FunctionType, readInterface, type ValueType } from "./wasm-interface.js";

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
    ...readConstants(read(platformFolder, "program-profiles.ts")),
    ...readConstants(read(projectRoot, "assembly", "psa-attestation", "status.ts")),
    ...readConstants(read(projectRoot, "assembly", "transport-protocol", "messages.ts")).filter(
      ({ name }) => /^(?:MESSAGE|STATUS)_|^MAX_FILE_NAME_BYTES$/.test(name),
    ),
  ];
  return guard(
    "PLATFORM_INTERFACE_H",
    `enum {
${constants.map(({ name, value }) => `  ${name} = ${value},`).join("\n")}
};

${declarations.map(({ name, parameters, result }) => `${cType(result)} platform_${name}(${parameterList(parameters)});`).join("\n")}

${hcallDefinitions()}`,
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
      throw new Error(`the module imports ${module}.${name}, which is not in the interface`);
    const parameters = declared.parameters.map((parameter) => wasmTypes.get(parameter.type));
    const result = wasmTypes.get(declared.result);
    if (
      parameters.join() !== type.parameters.join() ||
      (result === undefined ? "" : result) !== type.results.join()
    )
      throw new Error(`the module imports ${module}.${name} with another type than declared`);
  }
}

/** A call of an export of the compiled module, by way of `module_call`, which takes one pointer. */
function compiledCall(prefix: string, each: ExportedFunction): string {
  const { parameters, results } = each.type;
  const body = `call_${mangle(each.name)}`;
  const callee = `Z_${prefix}Z_${mangle(each.name)}`;
  const [result] = results;
  if (parameters.length === 0) {
    const call = `${callee}(&instance)`;
    return `static void ${body}(void *result) {
  ${result ? `*(${bareType[result]} *)result = ${call}` : `(void)result;\n  ${call}`};
}
${callPrototype(prefix, each)} {
  return module_call(${body}, ${result ? "result" : "NULL"});
}
`;
  }
  const fields = [
    ...parameters.map((type, i) => `${bareType[type]} p${i};`),
    ...(result ? [`${bareType[result]} *result;`] : []),
  ];
  const values = [...parameters.map((_, i) => `p${i}`), ...(result ? ["result"] : [])];
  const call = `${callee}(${["&instance", ...parameters.map((_, i) => `a->p${i}`)].join(", ")})`;
  return `struct ${body} {
  ${fields.join("\n  ")}
};
static void ${body}(void *arguments) {
  struct ${body} *a = arguments;
  ${result ? `*a->result = ${call}` : call};
}
${callPrototype(prefix, each)} {
  return module_call(${body}, &(struct ${body}){${values.join(", ")}});
}
`;
}

/** The module compiled through wasm2c: calls of its exports, and its imports. */
function compiledModule(
  prefix: string,
  imports: readonly { module: string; name: string }[],
  exports: readonly ExportedFunction[],
  declarations: readonly Declaration[],
): string {
  const calls = exports.map((each) => compiledCall(prefix, each));
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
  (void)home;
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
static void instantiate(void *unused) {
  (void)unused;
  Z_${prefix}_init_module();
  Z_${prefix}_instantiate(&instance${home});
}

bool ${prefix}_start(void) {
  return module_call(instantiate, NULL);
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

const HOSTS = ["c", "wasm3", "thumb2"] as const;
type ModuleHost = (typeof HOSTS)[number];

/** The module as code of the Thumb-2 compiler: calls of its exports, and its imports. */
function nativeModule(
  prefix: string,
  imports: readonly { module: string; name: string }[],
  exports: readonly ExportedFunction[],
  declarations: readonly Declaration[],
  program: Uint8Array,
): string {
  const shims = imports.map(({ name: wanted }) => {
    const found = declarations.find(({ name }) => name === wanted);
    if (!found) throw new Error(`the module imports ${wanted}, which is not in the interface`);
    const { name, parameters, result } = found;
    // Words in registers, one after the other: no value of two words, which C would align.
    for (const { type } of [...parameters, { type: result }])
      if (wasmTypes.get(type) === "i64")
        throw new Error(`the module imports ${name}, whose 64 bits HOST=thumb2 does not pass`);
    const list = parameters.map((p) => `uint32_t ${p.name}`).join(", ") || "void";
    const call = `platform_${name}(${parameters.map((p) => p.name).join(", ")})`;
    return result === "void"
      ? `static void import_${name}(${list}) {
  ${call};
  module_check();
}
`
      : `static uint32_t import_${name}(${list}) {
  uint32_t answer = (uint32_t)${call};
  module_check();
  return answer;
}
`;
  });
  const calls = exports.map((each, index) => {
    const { parameters, results } = each.type;
    const words = parameters.flatMap((type, i) =>
      type === "i64" ? [`(uint32_t)p${i}`, `(uint32_t)(p${i} >> 32)`] : [`p${i}`],
    );
    const [result] = results;
    const value = result === "i64" ? "(uint64_t)answer[1] << 32 | answer[0]" : "answer[0]";
    return `${callPrototype(prefix, each)} {
  uint32_t answer[2];
  const uint32_t words[${Math.max(4, words.length)}] = {${words.join(", ")}};
  ${result ? `if (!native_call(&module, ${index}, ${words.length}, words, answer)) return false;\n  *result = ${value};\n  return true;` : `return native_call(&module, ${index}, ${words.length}, words, answer);`}
}
`;
  });
  const context = contextBytes(program);
  const bytes = `${prefix.toUpperCase()}_MEMORY_BYTES`;
  return `// Made by host/mcu/home-interface.ts.
#include "${prefix}.h"

#include "compiled-module.h"
#include "native-module.h"
#include "platform-interface.h"

${shims.join("\n")}
static const void *const imports[] = {${[...imports.map(({ name }) => `import_${name}`), "NULL"].join(", ")}};
extern const uint8_t ${prefix}_wasm[];
static uint8_t room[${context} + ${bytes} + NATIVE_SLACK] __attribute__((aligned(8)));
static const struct native_module module = {
    ${prefix}_wasm, room, ${context}, ${bytes}, imports, ${imports.length},
};

bool ${prefix}_start(void) {
  return native_start(&module);
}

uint8_t *${prefix}_memory(uint32_t address, uint32_t length) {
  return native_memory(&module, address, length);
}

${calls.join("\n")}`;
}

/** Writes the files for one module. `memoryBytes` will back its memory, for thumb2. */
export function writeHomeInterface(
  wasmPath: string,
  prefix: string,
  host: ModuleHost,
  outDir: string,
  memoryBytes = 0,
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
  if (prefix === "client") {
    update("vc-codes.h", guard("VC_CODES_H", clientCodes()));
    update("client-definitions.h", guard("CLIENT_DEFINITIONS_H", clientDefinitions()));
  }
  if (host === "thumb2") {
    const wasm = new Uint8Array(readFileSync(wasmPath));
    const { bytes } = new Thumb2Compiler().compile(wasm, { nativeBytes: memoryBytes });
    writeFileSync(join(outDir, `${prefix}-program.bin`), bytes);
    const text = nativeModule(prefix, imports, exports, declarations, bytes);
    update(`${prefix}-module.c`, text);
    return;
  }
  const source = host === "c" ? compiledModule : interpretedModule;
  update(`${prefix}-module.c`, source(prefix, imports, exports, declarations));
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const [wasmPath, prefix, wanted, outDir, memoryBytes] = process.argv.slice(2);
  const host = HOSTS.find((each) => each === wanted);
  if (!wasmPath || !prefix || !host || !outDir || (host === "thumb2" && !Number(memoryBytes))) {
    console.error(
      "Usage: node home-interface.js MODULE.wasm PREFIX c|wasm3|thumb2 OUTDIR [MEMORY_BYTES]",
    );
    process.exit(2);
  }
  try {
    writeHomeInterface(wasmPath, prefix, host, outDir, Number(memoryBytes));
  } catch (error) {
    console.error(`home-interface: ${(error as Error).message}`);
    process.exit(1);
  }
}
