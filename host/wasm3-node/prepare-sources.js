// Copies wasm3's C sources out of the npm package that carries them and applies patches/*.patch.
// The Node-API addon and the firmware are built from the same result.
//
// Usage: node host/wasm3-node/prepare-sources.js [OUTDIR]              writes them (default: build/wasm3/src)
//        node host/wasm3-node/prepare-sources.js --flags host|firmware prints the compiler's arguments, one a line
// @ts-check
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const room = dirname(fileURLToPath(import.meta.url));
const root = dirname(dirname(room));

/**
 * What `wasm3-flags.json` holds.
 * @typedef {{flags: string[], defines: Record<string, string>}} CompilerSettings
 * @typedef {CompilerSettings & {sources: string[], headers: string[], host: CompilerSettings, translated: CompilerSettings, firmware: CompilerSettings}} Wasm3Flags
 */

/** @type {Wasm3Flags} */
export const wasm3Flags = JSON.parse(readFileSync(join(room, "wasm3-flags.json"), "utf8"));

/**
 * The compiler's arguments for one home of wasm3, or for what is translated to C and hosted by it.
 * @param {"host" | "translated" | "firmware"} home
 * @returns {string[]}
 */
export function compilerArguments(home) {
  const defines = { ...wasm3Flags.defines, ...wasm3Flags[home].defines };
  return [
    ...wasm3Flags.flags,
    ...wasm3Flags[home].flags,
    ...Object.entries(defines).map(([name, value]) => `-D${name}=${value}`),
  ];
}

/** Folder of the npm package's C sources, wherever it was installed. */
export const upstreamFolder = join(
  dirname(createRequire(import.meta.url).resolve("react-native-webassembly/package.json")),
  "cpp",
);

/**
 * Applies one patch file to the files of a tree held in memory.
 * @param {typeof import("diff")} diff
 * @param {Map<string, string>} files name → text, changed in place
 * @param {string} name the patch's name, for the error
 * @param {string} text the patch
 */
function applyPatchFile(diff, files, name, text) {
  const start = text.indexOf("\n--- ");
  if (start < 0) throw new Error(`${name}: no "--- " line, this is not a unified diff`);
  for (const part of diff.parsePatch(text.slice(start + 1))) {
    const target = part.newFileName ?? "";
    const before = files.get(target);
    if (before === undefined) throw new Error(`${name}: ${target} is not one of wasm3's sources`);
    const after = diff.applyPatch(before, part, { fuzzFactor: 0, autoConvertLineEndings: false });
    if (after === false)
      throw new Error(
        `${name} does not apply to ${target}: the package's sources differ from those that the patch was made for`,
      );
    files.set(target, after);
  }
}

/**
 * Writes the patched sources. Does nothing when the folder already holds the result of the same
 * sources and patches.
 *
 * @param {string} outDir folder to write to; files that do not belong there are removed from it
 * @param {{upstream?: string, patches?: string}} [from] folders to read, other than the usual ones
 * @returns {Promise<string>} SHA-256 (hex) of sources and patches: the same hash, the same result
 * @throws Error when a source is missing or a patch does not apply
 */
export async function prepareSources(
  outDir,
  { upstream = upstreamFolder, patches = join(room, "patches") } = {},
) {
  if (!existsSync(upstream))
    throw new Error(
      `wasm3's sources are missing (${relative(root, upstream)}): run npm install first`,
    );
  const names = [...wasm3Flags.sources, ...wasm3Flags.headers];
  const patchNames = readdirSync(patches)
    .filter((name) => name.endsWith(".patch"))
    .sort();

  const hash = createHash("sha256");
  /** @type {Map<string, string>} */
  const files = new Map();
  for (const name of names) {
    const text = readFileSync(join(upstream, name), "utf8");
    files.set(name, text);
    hash.update(`${name}\0${text}\0`);
  }
  const patchTexts = patchNames.map((name) => {
    const text = readFileSync(join(patches, name), "utf8");
    hash.update(`${name}\0${text}\0`);
    return /** @type {const} */ ([name, text]);
  });
  const stamp = hash.digest("hex");
  const stampFile = join(outDir, ".stamp");
  if (existsSync(stampFile) && readFileSync(stampFile, "utf8") === stamp) return stamp;

  const diff = await import("diff");
  for (const [name, text] of patchTexts) applyPatchFile(diff, files, name, text);

  rmSync(outDir, { recursive: true, force: true });
  mkdirSync(outDir, { recursive: true });
  for (const [name, text] of files) writeFileSync(join(outDir, name), text);
  writeFileSync(stampFile, stamp);
  return stamp;
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  if (process.argv[2] === "--flags") {
    const home = process.argv[3];
    if (home !== "host" && home !== "firmware") {
      console.error("prepare-sources: --flags needs host or firmware");
      process.exit(2);
    }
    console.log(compilerArguments(home).join("\n"));
    process.exit(0);
  }
  const outDir = resolve(process.argv[2] ?? join(root, "build", "wasm3", "src"));
  await prepareSources(outDir).then(
    () => console.log(`wasm3 sources, patched: ${outDir}`),
    (error) => {
      console.error(`prepare-sources: ${error.message}`);
      process.exit(1);
    },
  );
}
