// The WebAssembly modules that this repository builds: one table, used by the build and by tests.
// @ts-check
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

// A device backs this much of the client's one page (client_MEMORY_BYTES in mcu-client/client/client.mk).
const clientFlags = ["--lowMemoryLimit", "44032"];

/** @type {Record<string, {target: string, flags?: string[]}>} */
const asShipped = {
  crypto: { target: "runtime" },
  "mcu-client": { target: "runtime", flags: clientFlags },
  "thumb2-native": { target: "runtime" },
  "thumb2-starved": { target: "runtime", flags: ["--use", "THUMB2_STARVED=1"] },
};

/** Bytes of the attestation module's memory; `attestation_MEMORY_BYTES` in `mcu-client/images/isolate/image.mk`. */
const TOKEN_MODULE_MEMORY = 12288;
/** A table and a SHA-256 for a module that signs now and then, and whose every byte is trusted with a device's key. */
const tokenPrimitives = ["--use", "P256_ONE_BLOCK=1", "--use", "SHA256_SMALL=1"];
/** P-256 where flash counts more than time (`assembly/crypto/p256-small.ts`). */
const p256Small = ["--use", "P256_SMALL=1", "--use", "P256_ONE_BLOCK=1"];
/** Makes a module's heap end where its home's memory does, be that within a page. */
const heapEnd = "assembly/platform-services/heap-end.transform.js";
/** Writes the package's version into a module. */
const version = "assembly/trusted-runtime/version.transform.js";
/** Overwrites whatever is given back: for tests. */
const scrubFreed = "assembly/testing/support/scrub-freed.transform.js";

/**
 * A module compiled with transforms.
 * @param {string[]} transforms
 */
const transformed = (...transforms) => ({
  flags: transforms.flatMap((file) => ["--transform", `./${file}`]),
  inputs: transforms,
});

/** Of package.json, which the transform reads: the rest of it changes no module. */
const packageVersion = () => {
  const path = new URL("../package.json", import.meta.url);
  return String(JSON.parse(readFileSync(path, "utf8")).version);
};

/**
 * The trusted runtime: transformed, and with its version.
 * @param {string[]} transforms
 */
const versioned = (...transforms) => ({
  ...transformed(...transforms, version),
  version: packageVersion(),
});

/**
 * `inputs`: files besides the sources that the module depends on, and `version`: the project's, where it does on that; `weakened`: its checks can be left out; `draft`: it is not optimised.
 * @typedef {{name: string, entry: string, target: string, out: string, flags?: string[], inputs?: string[], version?: string, weakened?: boolean, draft?: boolean}} Module
 */

/**
 * @param {string} root the repository's folder
 * @returns {Module[]}
 */
export function modules(root) {
  /** @type {Module[]} */
  const shipped = [
    { name: "engine", entry: "assembly/execution-engine/freestanding.ts", target: "runtime" },
    {
      name: "runtime",
      entry: "assembly/trusted-runtime/index.ts",
      target: "runtime",
      ...versioned(heapEnd),
    },
    { name: "checker", entry: "assembly/wasm-checker/index.ts", target: "runtime" },
    {
      name: "thumb2-compiler",
      entry: "assembly/thumb2-compiler/index.ts",
      target: "runtime",
    },
    {
      name: "thumb2-device",
      entry: "assembly/thumb2-compiler/device.ts",
      target: "runtime",
    },
    { name: "policy", entry: "assembly/veracruz-utils/index.ts", target: "runtime" },
    { name: "session-manager", entry: "assembly/session-manager/exports.ts", target: "runtime" },
    {
      name: "session-manager-signer",
      entry: "assembly/session-manager/signer-exports.ts",
      target: "runtime",
    },
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
      flags: ["--lowMemoryLimit", String(TOKEN_MODULE_MEMORY), ...tokenPrimitives],
    },
    {
      name: "dice",
      entry: "assembly/dice/index.ts",
      target: "runtime",
      // In the first stage, flash counts more than time. What it allocates it gives back in reverse, and then it ends.
      flags: [...p256Small, "--use", "SHA256_OF_HOME=1", "--runtime", "stub"],
    },
  ].map((m) => ({ ...m, out: `build/wasm/${m.name}.wasm` }));

  const program = {
    target: "wasm32-arm-veracruz",
    inputs: [
      "assembly/sdk/veracruz_rt/transform.js",
      "assembly/sdk/veracruz_rt/classes.js",
      "assembly/sdk/veracruz_rt/env.ts",
    ],
  };

  // Entry points made for tests and benches only: assembly/testing/NAME.ts; sdk-NAME.ts are programs. What is
  // claimed of the primitives (constant time, instructions) and of the client's memory is measured as they ship.
  /** @type {Module[]} */
  const testing = list(join(root, "assembly/testing"))
    .filter((file) => file.endsWith(".ts") && !file.endsWith(".d.ts"))
    .map((file) => file.slice(0, -3))
    .map((name) => ({
      name: `testing/${name}`,
      entry: `assembly/testing/${name}.ts`,
      ...(name.startsWith("sdk-") ? program : (asShipped[name] ?? { target: "testing" })),
      out: `build/wasm/testing/${name}.wasm`,
    }));

  // The primitives as a device's first stage and its token module have them.
  for (const [name, flags] of Object.entries({ small: p256Small, token: tokenPrimitives }))
    testing.push({
      name: `testing/crypto-${name}`,
      entry: "assembly/testing/crypto.ts",
      target: "runtime",
      flags,
      out: `build/wasm/testing/crypto-${name}.wasm`,
    });
  // The trusted runtime as it ships, but that a pointer which outlives its call reads what cannot be meant.
  testing.push({
    name: "testing/runtime-scrubbed",
    entry: "assembly/trusted-runtime/index.ts",
    target: "runtime",
    ...versioned(heapEnd, scrubFreed),
    out: "build/wasm/testing/runtime-scrubbed.wasm",
  });
  // The modules of the trusted world, of which tests take one check away (model/weakened/).
  for (const name of ["runtime", "attestation"]) {
    const module = /** @type {Module} */ (shipped.find((m) => m.name === name));
    testing.push({
      ...module,
      name: `testing/${name}-weakened`,
      inputs: [...(module.inputs ?? []), "model/weakened/weaken.js", "model/weakened/checks.json"],
      weakened: true,
      out: `build/wasm/testing/${name}-weakened.wasm`,
    });
  }

  // Example programs: examples/no_std/NAME/program.ts.
  const programs = list(join(root, "examples/no_std")).map((name) => ({
    name: `examples/${name}`,
    entry: `examples/no_std/${name}/program.ts`,
    ...program,
    out: `build/wasm/examples/${name}.wasm`,
  }));

  return [...shipped, ...testing, ...programs].filter((m) => existsSync(join(root, m.entry)));
}

/** The modules that `npm run demo` uses; a test holds its run against them. */
export const demoModules = [
  "runtime",
  "attestation",
  "policy",
  "session-manager",
  "examples/private-set-intersection",
];

/** @param {string} folder */
function list(folder) {
  return existsSync(folder) ? readdirSync(folder).sort() : [];
}
