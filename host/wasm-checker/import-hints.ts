import { HCALL_PREFIX } from "../../assembly/abi/hcalls.js";
import { editDistance } from "../common/edit-distance.js";
import { hcalls } from "../isolate/hcalls.js";

/** The print for development, which vc-fee offers and no isolate. */
export const DEBUG_PRINT = "__veracruz_debug_print";

/** How an author gets rid of an import that the ABI does not know. */
export function importHint({
  moduleName,
  name,
}: {
  readonly moduleName: string;
  readonly name: string;
}): string {
  if (moduleName === "env" && name === DEBUG_PRINT) {
    return "it is the print for development, which only vc-fee offers: compile without it (AssemblyScript: no --use VERACRUZ_DEBUG=1; C: no -DVC_DEBUG; Rust: no --features debug)";
  }
  if (moduleName === "env" && name === "abort") {
    return "AssemblyScript imports it for run-time errors: compile with --use abort= (the target wasm32-arm-veracruz does)";
  }
  if (moduleName === "env" && ["seed", "trace"].includes(name)) {
    return `AssemblyScript imports it for ${name === "seed" ? "Math.random: use getrandom of libveracruz" : "trace(): remove the call"}`;
  }
  if (moduleName === "env" && /^(console|process|Date|performance|crypto|Math)\./.test(name)) {
    return `there is no ${name.split(".")[0]} in an isolate: a program sees its inputs and nothing else`;
  }
  if (moduleName.startsWith("wasi_")) {
    return "the program is built for WASI, which isolates do not have: leave out files, clocks and printing, and link without start files (clang: -nostartfiles -Wl,--no-entry -Wl,--export=main; emcc -s STANDALONE_WASM --no-entry -s EXPORTED_FUNCTIONS=_main); build Rust for wasm32-unknown-unknown";
  }
  if (moduleName.startsWith("__wbindgen") || moduleName === "wbg") {
    return "the program is built with wasm-bindgen for a browser: build a plain cdylib without it";
  }
  if (name.startsWith(HCALL_PREFIX)) {
    const near = hcalls
      .map((hcall) => ({ name: hcall.name, distance: editDistance(hcall.name, name) }))
      .reduce((best, next) => (next.distance < best.distance ? next : best));
    if (near.distance <= 5) return `did you mean ${near.name}?`;
  }
  if (moduleName === "env" && /^[a-z_][a-z0-9_]*$/i.test(name)) {
    return "it is a symbol that the linker did not find: define it, or link the library that does";
  }
  return "programs may import the functions of the Veracruz H-call ABI from module env, and nothing else";
}
