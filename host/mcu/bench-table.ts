/** The C table through which the bench image calls a compiled module (`mcu-client/images/bench/table.h`). */
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

/** The C source of the table for a module that was compiled under the name `module`. */
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
const struct bench_export bench_exports[] = {
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
