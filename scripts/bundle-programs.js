// Makes the packages for authors of programs from what is built: packages/sdk/build/ (the SDK for AssemblyScript) and
// packages/tools/build/ (commands in a few files, the WebAssembly modules that they need, the SDKs for C and Rust).
//
// Usage: node scripts/bundle-programs.js sdk|tools [FOLDER]     (default: packages/sdk, packages/tools)
// @ts-check
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { writeThirdParty } from "./third-party.js";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [which, folder] = process.argv.slice(2);
if (which !== "sdk" && which !== "tools")
  throw new Error("Usage: node scripts/bundle-programs.js sdk|tools [FOLDER]");
const target = join(resolve(folder ?? join(root, "packages", which)), "build");
rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
copyFileSync(join(root, "LICENSE"), join(target, "LICENSE"));

function bundleSdk() {
  cpSync(join(root, "assembly/sdk"), target, {
    recursive: true,
    filter: (file) => basename(file) !== "README.md",
  });
}

async function bundleTools() {
  const js = join(root, "build/js/host");
  /** The engine, and the checker of vc-wc with the compiler of devices. */
  const modules = ["engine", "checker", "thumb2-compiler"];
  for (const name of modules)
    if (!existsSync(join(root, `build/wasm/${name}.wasm`)))
      throw new Error(`build/wasm/${name}.wasm is missing: npm run build`);
  const commands = {
    "vc-wc": "wasm-checker",
    "vc-fee": "freestanding-execution-engine",
    "vc-data": "program-data",
    "vc-test": "program-tests",
  };
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: {
      ...Object.fromEntries(
        Object.entries(commands).map(([name, folder]) => [name, join(js, folder, "cli.js")]),
      ),
      // A thread of its own, which the others find beside them.
      "jit-worker": join(js, "isolate/jit-worker.js"),
    },
    outdir: join(target, "js"),
    bundle: true,
    splitting: true,
    platform: "node",
    format: "esm",
    target: "node20",
    minifyWhitespace: true,
    minifySyntax: true,
    metafile: true,
    banner: {
      js: 'import{createRequire as veracruzRequire}from"node:module";const require=veracruzRequire(import.meta.url);',
    },
    logLevel: "error",
  });
  for (const name of Object.keys(commands)) chmodSync(join(target, `js/${name}.js`), 0o755);
  mkdirSync(join(target, "wasm"));
  for (const name of modules)
    copyFileSync(join(root, `build/wasm/${name}.wasm`), join(target, `wasm/${name}.wasm`));
  for (const language of ["c", "rust"])
    cpSync(join(root, "sdk", language), join(target, "sdk", language), {
      recursive: true,
      filter: (file) => !["target", "Cargo.lock", "README.md"].includes(basename(file)),
    });
  writeThirdParty(root, Object.keys(metafile.inputs), join(target, "THIRD-PARTY.txt"));
}

if (which === "sdk") bundleSdk();
else await bundleTools();
