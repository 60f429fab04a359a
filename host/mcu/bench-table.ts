/**
 * The C table through which the bench image calls a compiled module: one in C (`mcu-client/images/bench/table.h`), or code
 * of the Thumb-2 compiler (`native-code.h` there).
 */
import { contextBytes } from "../thumb2-compiler/compiler.js";
import { type FunctionType, readInterface, type ValueType } from "./wasm-interface.js";

const typeCharacter: Readonly<Record<ValueType, string>> = {
  i32: "i",
  i64: "I",
  f32: "f",
  f64: "F",
};
const cType: Readonly<Record<ValueType, string>> = {
  i32: "u32",
  i64: "u64",
  f32: "f32",
  f64: "f64",
};

/** The name that wasm2c 1.0.32 gives an import or export, without its `Z_MODULEZ_`. */
export function mangle(name: string): string {
  return [...new TextEncoder().encode(name)]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return /[A-Ya-z0-9_]/.test(character)
        ? character
        : `Z${byte.toString(16).toUpperCase().padStart(2, "0")}`;
    })
    .join("");
}

/** A function type in the notation of `bench_export.type`. */
function typeString({ parameters, results }: FunctionType): string {
  const characters = (types: readonly ValueType[]) => types.map((t) => typeCharacter[t]).join("");
  return `${characters(parameters)}:${characters(results)}`;
}

/** What the functions that benches offer do; every other import traps when it is called. */
const offeredImports: ReadonlyMap<string, string> = new Map([
  ["platform.random", "bench_random(slice(p0, p1), p1);\n  return 0;"],
  ["platform.debug", "bench_debug(slice(p0, p1), p1);"],
]);

/** The lists that both tables end with. */
function lists(
  imports: ReturnType<typeof readInterface>["imports"],
  callable: ReturnType<typeof readInterface>["exports"],
): string {
  return `const struct bench_export bench_exports[] = {
${callable.map(({ name, type }, i) => `  {${JSON.stringify(name)}, "${typeString(type)}", call_${i}},`).join("\n")}
};
const size_t bench_export_count = ${callable.length};

const struct bench_import bench_imports[] = {
${imports
  .filter(({ module, name }) => !offeredImports.has(`${module}.${name}`))
  .map(({ module, name }) => `  {${JSON.stringify(module)}, ${JSON.stringify(name)}},`)
  .join("\n")}
  {NULL, NULL},
};
const size_t bench_import_count = sizeof bench_imports / sizeof bench_imports[0] - 1;
`;
}

/** The C source of the table for a module that the Thumb-2 compiler has made `program` of. */
export function nativeBenchTable(
  wasm: Uint8Array<ArrayBuffer>,
  program: Uint8Array,
  memoryBytes: number,
): string {
  const { imports, exports } = readInterface(wasm);
  const several = exports.find(({ type }) => type.results.length > 1);
  if (several) throw new Error(`${several.name} has more than one result`);
  const stubs = imports.map(({ module, name }, index) => {
    const body = offeredImports.get(`${module}.${name}`);
    return body
      ? `static uint32_t import_${index}(uint32_t p0, uint32_t p1) {
  ${body}${body.includes("return") ? "" : "\n  return 0;"}
}
`
      : `static void import_${index}(void) {
  wasm_rt_trap(WASM_RT_TRAP_UNREACHABLE);
}
`;
  });
  const trampolines = exports.map(
    ({ type }, index) => `static uint64_t call_${index}(const uint64_t *arguments) {
  return bench_call_native(&module, ${index}, "${typeString(type)}", arguments);
}
`,
  );
  const context = contextBytes(program);
  return `// Made from the module's interface by host/mcu/bench-table.ts.
#include "native-code.h"

extern const uint8_t program_wasm[];
static uint8_t room[${context} + ${memoryBytes} + NATIVE_SLACK] __attribute__((aligned(8)));
static const void *const imports[${imports.length + 1}];
static const struct native_module module = {
    program_wasm, room, ${context}, ${memoryBytes}, imports, ${imports.length},
};
#define slice(address, length) bench_native_slice(&module, address, length)

${stubs.join("\n")}
static const void *const imports[] = {${[...imports.map((_, index) => `import_${index}`), "NULL"].join(", ")}};

void bench_instantiate(void) {
  native_start(&module);
}

${trampolines.join("\n")}
${lists(imports, exports)}`;
}

/** The C source of the table for a module that was compiled to C under the name `module`. */
export function benchTable(wasm: Uint8Array<ArrayBuffer>): string {
  const { imports, exports, memoryExport } = readInterface(wasm);
  const callable = exports.filter(({ type }) => type.results.length <= 1);
  const homes = [...new Set(imports.map(({ module }) => module))];

  const stubs = imports.map(({ module, name, type }) => {
    const [result] = type.results;
    const home = `struct Z_${mangle(module)}_instance_t *home`;
    const parameters = [home, ...type.parameters.map((t, i) => `${cType[t]} p${i}`)].join(", ");
    const body =
      offeredImports.get(`${module}.${name}`) ?? "wasm_rt_trap(WASM_RT_TRAP_UNREACHABLE);";
    return `${result ? cType[result] : "void"} Z_${mangle(module)}Z_${mangle(name)}(${parameters}) {
  ${body}
}
`;
  });
  const trampolines = callable.map(({ name, type }, index) => {
    const parameters = type.parameters.map((t, i) => `from_bits_${t}(arguments[${i}])`);
    const call = `Z_moduleZ_${mangle(name)}(${["&instance", ...parameters].join(", ")})`;
    const [result] = type.results;
    return `static uint64_t call_${index}(const uint64_t *arguments) {
  ${result ? `return to_bits_${result}(${call});` : `${call};\n  return 0;`}
}
`;
  });
  const slice = memoryExport
    ? `#define slice(address, length) \\
  bench_slice(Z_moduleZ_${mangle(memoryExport)}(&instance), address, length)
`
    : "";

  return `// Made from the module's interface by host/mcu/bench-table.ts.
#include "table.h"

static Z_module_instance_t instance;
${slice}
${stubs.join("\n")}
void bench_instantiate(void) {
  Z_module_init_module();
  Z_module_instantiate(${["&instance", ...homes.map(() => "NULL")].join(", ")});
}

${trampolines.join("\n")}
${lists(imports, callable)}`;
}
