// Makes the package @veracruz/client from what is built: packages/client/build/ with JavaScript in a few files, the
// WebAssembly modules that it needs, its types, and the licences of what is in the bundle. Nothing is installed with
// it, and nothing compiled.
//
// Usage: node scripts/bundle-client.js [FOLDER]     (default: packages/client)
// @ts-check
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { writeThirdParty } from "./third-party.js";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = resolve(process.argv[2] ?? join(root, "packages/client"));
const source = join(root, "packages/client");
const js = join(root, "build/js");
/** The modules that a party's client loads. */
const modules = ["policy", "session-manager", "session-manager-signer"];

for (const name of modules)
  if (!existsSync(join(root, `build/wasm/${name}.wasm`)))
    throw new Error(`build/wasm/${name}.wasm is missing: npm run build`);

rmSync(join(folder, "build"), { recursive: true, force: true });
mkdirSync(join(folder, "build/wasm"), { recursive: true });
if (folder !== source)
  for (const name of ["package.json", "README.md"])
    copyFileSync(join(source, name), join(folder, name));
copyFileSync(join(root, "LICENSE"), join(folder, "build/LICENSE"));

const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: {
    cli: join(js, "host/veracruz/party-cli.js"),
    index: join(js, "host/veracruz-client/index.js"),
    "pkcs11-signer": join(js, "host/veracruz-client/pkcs11-signer.js"),
    "tpm-signer": join(js, "host/veracruz-client/tpm-signer.js"),
  },
  outdir: join(folder, "build/js"),
  bundle: true,
  // What a command does is loaded when it is called.
  splitting: true,
  platform: "node",
  format: "esm",
  target: "node20",
  // cbor-x would use it where it is installed; it is native code.
  external: ["cbor-extract"],
  minifyWhitespace: true,
  minifySyntax: true,
  metafile: true,
  // Some of what is bundled is CommonJS.
  banner: {
    js: 'import{createRequire as veracruzRequire}from"node:module";const require=veracruzRequire(import.meta.url);',
  },
  logLevel: "error",
});
for (const name of ["cli", "pkcs11-signer", "tpm-signer"])
  chmodSync(join(folder, `build/js/${name}.js`), 0o755);
for (const name of modules)
  copyFileSync(join(root, `build/wasm/${name}.wasm`), join(folder, `build/wasm/${name}.wasm`));

/** Copies a declaration file and those that it imports. @param {string} file @param {Set<string>} seen */
function copyTypes(file, seen) {
  if (seen.has(file)) return;
  seen.add(file);
  const text = readFileSync(file, "utf8");
  const target = join(folder, "build/types", relative(js, file));
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, text.replace(/^\/\/# sourceMappingURL.*$/m, ""));
  for (const [, path = ""] of text.matchAll(/(?:from|import\()\s*"(\.[^"]+)\.js"/g))
    copyTypes(join(dirname(file), `${path}.d.ts`), seen);
}
copyTypes(join(js, "host/veracruz-client/index.d.ts"), new Set());

const packages = writeThirdParty(
  root,
  Object.keys(metafile.inputs),
  join(folder, "build/THIRD-PARTY.txt"),
);
console.log(
  `@veracruz/client is in ${relative(process.cwd(), folder) || "."}; it holds ${packages.join(", ")}`,
);
