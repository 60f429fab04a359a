// A thread that has the AssemblyScript compiler loaded and compiles one module after the other: loading and
// optimising the compiler itself takes longer than most modules. Part of compiler.js.
// @ts-check
import { parentPort } from "node:worker_threads";
import asc from "assemblyscript/asc";
import { readWeakened } from "../model/weakened/weaken.js";

/**
 * @typedef {{name: string, entry: string, target: string, out: string, flags?: string[], weakened?: boolean, draft?: boolean}} Module
 * @typedef {{wasm: Uint8Array, text: string, remarks: string} | {failure: string}} Outcome
 */

/**
 * @param {Module} module
 * @returns {Promise<Outcome>}
 */
async function compile({ entry, target, out, flags = [], weakened = false, draft = false }) {
  const textFile = out.replace(/\.wasm$/, ".wat");
  /** @type {Map<string, string | Uint8Array>} */
  const written = new Map();
  const output = asc.createMemoryStream();
  const config = draft ? "assembly/draft.asconfig.json" : "assembly/asconfig.json";
  const { error } = await asc.main(
    [
      ...[entry, "--config", config, "--target", target],
      ...["--outFile", out, "--textFile", textFile, "--noColors", ...flags],
    ],
    {
      stdout: output,
      stderr: output,
      ...(weakened && { readFile: readWeakened }),
      writeFile: (/** @type {string} */ name, /** @type {string | Uint8Array} */ contents) => {
        written.set(name, contents);
      },
    },
  );
  const said = output.toString();
  if (error) return { failure: said.trim() || error.message };
  const wasm = written.get(out);
  const text = written.get(textFile);
  if (!(wasm instanceof Uint8Array) || typeof text !== "string")
    return { failure: `the compiler wrote ${[...written.keys()].join(", ") || "nothing"}` };
  const remarks = said.replace(/^Last converge was suboptimal\.$/gm, "").trim();
  return { wasm, text, remarks };
}

parentPort?.on("message", async (/** @type {Module} */ module) => {
  parentPort?.postMessage(
    await compile(module).catch((/** @type {Error} */ error) => ({
      failure: error.stack ?? error.message,
    })),
  );
});
