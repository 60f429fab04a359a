// The WebAssembly modules that this repository builds: one table, used by the build and by tests.
// @ts-check
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

// A device backs this much of the client's one page (client_MEMORY_BYTES in mcu-client/client/client.mk).
const clientFlags = ["--lowMemoryLimit", "41984"];

/** @type {Record<string, {target: string, flags?: string[]}>} */
const asShipped = {
  crypto: { target: "runtime" },
  "mcu-client": { target: "runtime", flags: clientFlags },
};

/** Bytes of the attestation module's memory; `attestation_MEMORY_BYTES` in `mcu-client/isolate/image.mk`. */
const TOKEN_MODULE_MEMORY = 15360;
/** Makes a module's heap end where its home's memory does, be that within a page. */
const heapEnd = "assembly/platform-services/heap-end.transform.js";

/**
 * @param {string} root the repository's folder
 * @returns {{name: string, entry: string, target: string, out: string, flags?: string[], inputs?: string[]}[]}
 *   `inputs`: files besides the sources that the module depends on
 */
export function modules(root) {
  const shipped = [
    { name: "engine", entry: "assembly/execution-engine/freestanding.ts", target: "runtime" },
    {
      name: "runtime",
      entry: "assembly/trusted-runtime/index.ts",
      target: "runtime",
      flags: ["--transform", `./${heapEnd}`],
      inputs: [heapEnd],
    },
    { name: "checker", entry: "assembly/wasm-checker/index.ts", target: "runtime" },
    { name: "policy", entry: "assembly/veracruz-utils/index.ts", target: "runtime" },
    { name: "session-manager", entry: "assembly/session-manager/exports.ts", target: "runtime" },
    {
      name: "client",
      entry: "assembly/mcu-client/index.ts",
      target: "runtime",
      flags: clientFlags,
    },
    {
      name: "attestation",
      entry: "assembly/psa-attestation/index.ts",
      target: "runtime",
      // Nothing that it allocates depends on input: so much it touches at most, and the firmware backs no more.
      flags: ["--lowMemoryLimit", String(TOKEN_MODULE_MEMORY)],
    },
  ].map((m) => ({ ...m, out: `build/wasm/${m.name}.wasm` }));

  const program = {
    target: "wasm32-arm-veracruz",
    inputs: ["assembly/sdk/veracruz_rt/transform.js"],
  };

  // Entry points made for tests and benches only: assembly/testing/NAME.ts; sdk-NAME.ts are programs. What is
  // claimed of the primitives (constant time, instructions) and of the client's memory is measured as they ship.
  const testing = list(join(root, "assembly/testing"))
    .filter((file) => file.endsWith(".ts") && !file.endsWith(".d.ts"))
    .map((file) => file.slice(0, -3))
    .map((name) => ({
      name: `testing/${name}`,
      entry: `assembly/testing/${name}.ts`,
      ...(name.startsWith("sdk-") ? program : (asShipped[name] ?? { target: "testing" })),
      out: `build/wasm/testing/${name}.wasm`,
    }));

  // Example programs: examples/no_std/NAME/program.ts.
  const programs = list(join(root, "examples/no_std")).map((name) => ({
    name: `examples/${name}`,
    entry: `examples/no_std/${name}/program.ts`,
    ...program,
    out: `build/wasm/examples/${name}.wasm`,
  }));

  return [...shipped, ...testing, ...programs].filter((m) => existsSync(join(root, m.entry)));
}

/** @param {string} folder */
function list(folder) {
  return existsSync(folder) ? readdirSync(folder).sort() : [];
}
