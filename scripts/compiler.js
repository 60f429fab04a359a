// Compiles AssemblyScript modules in threads that stay warm (compile-worker.js).
// @ts-check
import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";

/** @typedef {import("./compile-worker.js").Module & {inputs?: string[]}} Module */

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** More than these do not pay: each has the compiler to load first, and 400 MB of memory. */
const MOST_THREADS = 4;

const versionOf = (/** @type {string} */ name) =>
  JSON.parse(readFileSync(join(root, "node_modules", name, "package.json"), "utf8")).version;

/**
 * The AssemblyScript sources that an entry reaches through relative imports.
 * @param {string} entry
 * @param {Set<string>} seen
 */
function sources(entry, seen = new Set()) {
  if (seen.has(entry)) return seen;
  seen.add(entry);
  const text = readFileSync(entry, "utf8");
  for (const [, specifier] of text.matchAll(/\bfrom\s+"(\.[^"]+)"/g)) {
    const base = resolve(dirname(entry), /** @type {string} */ (specifier));
    const found = [`${base}.ts`, join(base, "index.ts")].find(
      (path) => existsSync(path) && statSync(path).isFile(),
    );
    if (found) sources(found, seen);
  }
  return seen;
}

/**
 * What the module is made from: the key of its result, and the bytes of its sources.
 * @param {Module} module
 */
export function fingerprint(module) {
  const versions = ["assemblyscript", "binaryen"].map(versionOf).join(" ");
  const hash = createHash("sha256").update(versions).update(JSON.stringify(module));
  const draftConfig = module.draft ? ["assembly/draft.asconfig.json"] : [];
  for (const path of ["asconfig.json", "assembly/asconfig.json", ...draftConfig])
    hash.update(readFileSync(join(root, path)));
  let size = 0;
  const inputs = (module.inputs ?? []).map((path) => join(root, path));
  for (const path of [...sources(join(root, module.entry)), ...inputs].sort()) {
    const text = readFileSync(path);
    size += text.length;
    hash.update(relative(root, path)).update("\0").update(text);
  }
  return { key: hash.digest("hex"), size };
}

/**
 * Compiles the modules, those with the largest sources first.
 *
 * @param {Module[]} modules
 * @param {(module: Module, result: {wasm: Uint8Array, text: string, remarks: string}) => void} done
 * @param {(module: Module) => void} started
 * @throws Error with the compiler's messages, after the modules that were begun have ended
 */
export async function compileAll(modules, done, started) {
  const bySize = modules.map((module) => ({ module, size: fingerprint(module).size }));
  const queue = bySize.sort((a, b) => b.size - a.size).map(({ module }) => module);
  /** @type {Error[]} */
  const failures = [];

  async function thread() {
    /** @type {Worker | undefined} */
    let worker;
    for (let module = queue.shift(); module; module = queue.shift()) {
      started(module);
      worker ??= new Worker(new URL("./compile-worker.js", import.meta.url));
      const outcome = await ask(worker, module);
      if ("failure" in outcome) {
        failures.push(
          new Error(`asc failed on ${module.entry} (target ${module.target}):\n${outcome.failure}`),
        );
        queue.length = 0;
        // What a failed compilation leaves behind in the compiler is nobody else's.
        await worker.terminate();
        worker = undefined;
      } else {
        done(module, outcome);
      }
    }
    await worker?.terminate();
  }

  const threads = Math.min(queue.length, availableParallelism(), MOST_THREADS);
  await Promise.all(Array.from({ length: threads }, thread));
  if (failures[0]) throw failures[0];
}

/**
 * @param {Worker} worker
 * @param {Module} module
 * @returns {Promise<import("./compile-worker.js").Outcome>}
 */
function ask(worker, module) {
  const { inputs: _, ...order } = module;
  return new Promise((answer) => {
    const settle = (/** @type {import("./compile-worker.js").Outcome} */ outcome) => {
      worker.off("message", settle).off("error", failed).off("exit", ended);
      answer(outcome);
    };
    const failed = (/** @type {unknown} */ error) => settle({ failure: String(error) });
    const ended = () => settle({ failure: "the compiler has ended" });
    worker.on("message", settle).on("error", failed).on("exit", ended);
    worker.postMessage(order);
  });
}
