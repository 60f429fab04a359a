import { hcalls } from "../isolate/hcalls.js";

/** How an author gets rid of an import that the ABI does not know. */
export function importHint({
  moduleName,
  name,
}: {
  readonly moduleName: string;
  readonly name: string;
}): string {
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
    return "the program is built for WASI: build for wasm32-unknown-unknown (no_std) or wasm32-arm-veracruz";
  }
  if (moduleName.startsWith("__wbindgen") || moduleName === "wbg") {
    return "the program is built with wasm-bindgen for a browser: build a plain cdylib without it";
  }
  if (name.startsWith("__veracruz_hcall_")) {
    const near = hcalls
      .map((hcall) => ({ name: hcall.name, distance: distance(hcall.name, name) }))
      .reduce((best, next) => (next.distance < best.distance ? next : best));
    if (near.distance <= 5) return `did you mean ${near.name}?`;
  }
  if (moduleName === "env" && /^[a-z_][a-z0-9_]*$/i.test(name)) {
    return "it is a symbol that the linker did not find: define it, or link the library that does";
  }
  return "programs may import the functions of the Veracruz H-call ABI from module env, and nothing else";
}

/** Edit distance of two short names. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
