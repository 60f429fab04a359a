// Builds build/wasm3/wasm3.node with the C compiler at hand. Run by npm install and npm ci; does nothing when the result is
// up to date.
//
// Usage: node host/wasm3-node/install.js [--force] [--sanitize]
//   --sanitize  builds build/wasm3/sanitized/wasm3.node instead, under AddressSanitizer and UndefinedBehaviorSanitizer,
//               for the tests
// Environment: CC, the C compiler (default: cc)
// @ts-check
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { BuildCache } from "../../scripts/build-cache.js";
import { compilerArguments, prepareSources, wasm3Flags } from "./prepare-sources.js";

const room = dirname(fileURLToPath(import.meta.url));
const root = dirname(dirname(room));
const require = createRequire(import.meta.url);
const sanitize = process.argv.includes("--sanitize");
const sourceDir = join(root, "build", "wasm3", "src");
const out = join(root, "build", "wasm3", sanitize ? "sanitized" : "");
const addon = join(out, "wasm3.node");
const native = join(room, "native");

const [compiler = "cc", ...compilerPrefix] = (process.env.CC || "cc").split(/\s+/).filter(Boolean);

/**
 * @param {string[]} args
 * @param {string} what for the error
 */
function cc(args, what) {
  const result = spawnSync(compiler, [...compilerPrefix, ...args], { cwd: root, encoding: "utf8" });
  if (result.error) throw result.error;
  if (result.status !== 0)
    throw new Error(
      `${compiler} failed on ${what} (${result.signal ?? `exit code ${result.status}`}):\n${result.stderr}`,
    );
  if (result.stderr) process.stderr.write(result.stderr);
  return result.stdout;
}

/** The compiler's version, which also tells whether there is one. */
function compilerVersion() {
  try {
    return cc(["--version"], "--version");
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== "ENOENT") throw error;
    throw new Error(`no C compiler found (looked for "${compiler}"): wasm3, which runs the WebAssembly modules, is built from its C source.
Install one and run npm install again:
  Debian, Ubuntu   apt-get install gcc libc6-dev
  Fedora           dnf install gcc
  Alpine           apk add gcc musl-dev
  macOS            xcode-select --install
Or name one: CC=clang npm install`);
  }
}

async function install() {
  const version = compilerVersion();
  const sourceStamp = await prepareSources(sourceDir);
  const { include_dir: nodeApiHeaders } = /** @type {{include_dir: string}} */ (
    require("node-api-headers")
  );

  // A fault in the interpreter should end the process rather than serve an attacker.
  const hardened = !sanitize && process.platform === "linux";
  const hardening = ["-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=2", "-fstack-protector-strong"];
  const args = [
    ...compilerArguments("host"),
    ...(hardened ? hardening : []),
    ...(sanitize ? ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"] : []),
  ];
  const nativeFiles = readdirSync(native).sort();
  const hash = createHash("sha256").update(sourceStamp).update(JSON.stringify(args));
  hash.update(`${compiler} ${compilerPrefix.join(" ")}\0${version}\0`);
  hash.update(readFileSync(fileURLToPath(import.meta.url)));
  hash.update(readFileSync(join(room, "../translated-module/translation.h")));
  for (const name of nativeFiles) hash.update(`${name}\0`).update(readFileSync(join(native, name)));
  const stamp = hash.digest("hex");
  const stampFile = `${addon}.stamp`;
  if (
    !process.argv.includes("--force") &&
    existsSync(addon) &&
    existsSync(stampFile) &&
    readFileSync(stampFile, "utf8") === stamp
  )
    return;

  mkdirSync(out, { recursive: true });
  // a new file, then renamed: a process that has the old one mapped keeps it
  const fresh = `${addon}.${process.pid}`;
  const place = () => {
    renameSync(fresh, addon);
    writeFileSync(stampFile, stamp);
  };
  // Where the sources lie is written into what the sanitizers report.
  const cache = sanitize ? undefined : new BuildCache((line) => console.error(line));
  const cached = process.argv.includes("--force") ? undefined : cache?.take(stamp, 1);
  if (cached?.[0]) {
    writeFileSync(fresh, cached[0]);
    place();
    return;
  }

  const objects = join(out, "obj");
  mkdirSync(objects, { recursive: true });
  const sources = [
    ...wasm3Flags.sources.map((name) => ({ path: join(sourceDir, name), own: false })),
    ...nativeFiles
      .filter((name) => name.endsWith(".c"))
      .map((name) => ({ path: join(native, name), own: true })),
  ];
  const objectFiles = sources.map(({ path, own }) => {
    const object = join(
      objects,
      `${own ? "addon-" : ""}${path.slice(path.lastIndexOf("/") + 1)}.o`,
    );
    const warnings = own ? ["-Wall", "-Wextra", "-Werror=implicit-function-declaration"] : [];
    cc(
      [...args, ...warnings, "-I", sourceDir, "-I", nodeApiHeaders, "-c", path, "-o", object],
      relative(root, path),
    );
    return object;
  });
  const shared =
    process.platform === "darwin" ? ["-bundle", "-undefined", "dynamic_lookup"] : ["-shared"];
  cc(
    [
      ...shared,
      ...(hardened ? ["-Wl,-z,relro,-z,now"] : []),
      ...(sanitize ? args : []),
      ...objectFiles,
      "-lm",
      "-lpthread",
      "-ldl",
      "-o",
      fresh,
    ],
    "linking",
  );
  cache?.give(stamp, [readFileSync(fresh)]);
  place();
  console.log(`${relative(root, addon)}: built with ${version.split("\n")[0]}`);
}

await install().catch((error) => {
  console.error(`wasm3-node: ${error.message}`);
  process.exit(1);
});
