// Makes wasm3's sources ready for the firmware and prints how to compile them, as lines that a
// makefile includes: WASM3 (folder), WASM3_FILES (without .c), WASM3_OPTIONS, WASM3_LICENSE.
//
// Usage: node wasm3-sources.js KIND OUTDIR
//   KIND  wasm3       patched, from the same patch files as the computer's isolate
//         wasm3-bare  as published, for comparison
// @ts-check
import { join } from "node:path";
import {
  compilerArguments,
  prepareSources,
  upstreamFolder,
  wasm3Flags,
} from "../host/wasm3-node/prepare-sources.js";

const [kind, outDir] = process.argv.slice(2);
if ((kind !== "wasm3" && kind !== "wasm3-bare") || !outDir) {
  console.error("Usage: node wasm3-sources.js wasm3|wasm3-bare OUTDIR");
  process.exit(2);
}
if (kind === "wasm3") await prepareSources(outDir);
console.log(`WASM3 := ${kind === "wasm3" ? outDir : upstreamFolder}
WASM3_FILES := ${wasm3Flags.sources.map((name) => name.replace(/\.c$/, "")).join(" ")}
WASM3_OPTIONS := ${compilerArguments("firmware").join(" ")}
WASM3_LICENSE := ${join(upstreamFolder, "../LICENSE")}`);
