// Builds everything that npm scripts and tests use, incrementally:
//   build/js/    host and test TypeScript (tsc)
//   build/wasm/  AssemblyScript modules: the runtime's, test-only ones, and the example programs
//   build/wasm3/ the binding to wasm3, where its patches changed since it was installed
//   build/translated/ the trusted modules as native code (host/translated-module)
// A module is made again only when one of its sources, an asconfig.json or the compiler changed, and compiled only when
// no clone of this user has compiled the same before (build-cache.js).
//
// Usage: node scripts/build.js [--force] [--demo | --release] [--draft] [--modules NAME,...] [--wasm NAME]...
// @ts-check
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import { BuildCache } from "./build-cache.js";
import { compileAll, fingerprint } from "./compiler.js";
import { hostFingerprint } from "./host-sources.js";
import { linkCommands, linkSelf } from "./link-self.js";
import { Progress } from "./progress.js";
import { demoModules, modules } from "./wasm-modules.js";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = (/** @type {string} */ name) => join(root, "node_modules", ".bin", name);
process.chdir(root);

const { values: options } = parseArgs({
  options: {
    force: { type: "boolean", default: false },
    demo: { type: "boolean", default: false },
    release: { type: "boolean", default: false },
    draft: { type: "boolean", default: false },
    wasm: { type: "string", multiple: true, default: [] },
    modules: { type: "string" },
    help: { type: "boolean", short: "h", default: false },
  },
});
if (options.help) {
  console.log(`Usage: node scripts/build.js [--force] [--demo | --release] [--draft] [--modules NAME,...] [--wasm NAME]...

  --force      rebuild what is up to date, too, and take nothing from the cache
  --demo       build only what \`npm run demo\` needs
  --release    build only what \`npm run release\` publishes
  --draft      leave modules that are not up to date unoptimised, and interpreted where native code would be used: a
               tenth of the time, until the next build without it makes them as they ship
  --modules NAME,...
               build only these WebAssembly modules (none, where the list is empty), and all TypeScript
  --wasm NAME  build only this WebAssembly module (repeatable); no TypeScript

Environment: VERACRUZ_MCU_CACHE, a folder for compiled modules instead of the one in the user's cache, or off

Modules: ${modules(root)
    .map((m) => m.name)
    .join(", ")}`);
  process.exit(0);
}

const progress = new Progress("build");
const cache = new BuildCache((line) => progress.print(line));

/**
 * Runs a command and resolves with its combined output, or rejects with it.
 * @param {string} command
 * @param {string[]} args
 * @returns {Promise<string>}
 */
function run(command, args) {
  return new Promise((done, fail) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    child.stdout.on("data", (chunk) => {
      output += chunk;
    });
    child.stderr.on("data", (chunk) => {
      output += chunk;
    });
    child.on("error", fail);
    child.on("close", (code) =>
      code === 0
        ? done(output.trim())
        : fail(new Error(output || `${command} exited with ${code}`)),
    );
  });
}

/**
 * A command with a place in the progress line; what it prints stays.
 * @param {string} task
 * @param {string} command
 * @param {string[]} args
 */
async function step(task, command, args) {
  progress.set(task, task);
  try {
    const output = await run(command, args);
    if (output) progress.print(output);
    return output;
  } finally {
    progress.end(task);
  }
}

/**
 * Whether what the module was built from is what it would be built from now.
 * @param {import("./compiler.js").Module} module
 * @param {string} key
 */
function isCurrent({ out }, key) {
  const stamp = `${out}.stamp`;
  return existsSync(out) && existsSync(stamp) && readFileSync(stamp, "utf8") === key;
}

/**
 * A single module with fewer bytes of source than this is compiled before V8 has optimised the compiler: then that is
 * left undone (`--liftoff-only`), and half of the processor time with it.
 */
const QUICK_BYTES = 250_000;

/**
 * Builds the modules that are not up to date.
 * @param {import("./compiler.js").Module[]} chosen
 */
async function buildWasm(chosen) {
  const stale = [];
  for (const module of chosen) {
    const built = fingerprint(module);
    const choices = [{ module, key: built.key }];
    // As it ships, where that is there; a draft where nothing else is.
    if (options.draft) {
      const draft = { ...module, draft: true };
      choices.push({ module: draft, key: fingerprint(draft).key });
    }
    if (!options.force && choices.some(({ key }) => isCurrent(module, key))) continue;
    const found = options.force ? undefined : choices.find(({ key }) => takeFromCache(module, key));
    const last = choices.at(-1);
    if (found === undefined && last !== undefined) stale.push(last);
  }
  if (stale.length === 0) return;
  const [only] = stale;
  const quick = stale.length === 1 && only && fingerprint(only.module).size < QUICK_BYTES;
  if (quick || options.draft) setFlagsFromString("--liftoff-only");
  const keys = new Map(stale.map(({ module, key }) => [module, key]));
  const running = new Set();
  let finished = 0;
  const show = () =>
    progress.set("modules", `modules ${finished}/${stale.length} (${[...running].join(", ")})`);
  try {
    await compileAll(
      [...keys.keys()],
      (module, { wasm, text, remarks }) => {
        const key = keys.get(module) ?? "";
        const parts = [Buffer.from(wasm), Buffer.from(text)];
        // Somebody may have edited a source meanwhile: nobody knows then what this was made from.
        const isKnown = fingerprint(module).key === key;
        const [binary, readable] = /** @type {[Buffer, Buffer]} */ (parts);
        write(module, isKnown ? key : "", binary, readable);
        if (isKnown) cache.give(key, parts);
        else
          progress.print(
            `${module.out}: a source changed while it was built, so that it is not kept`,
          );
        if (remarks) progress.print(remarks);
        // The rest of the modules is compiled meanwhile.
        if (module.name === "runtime" && makesNative) {
          native = buildNative();
          // Its error is told where it is waited for.
          native.catch(() => {});
        }
        running.delete(module.name);
        finished++;
        show();
        progress.print(`[${finished}/${stale.length}] ${module.out}: ${wasm.length} bytes`);
      },
      (module) => {
        running.add(module.name);
        show();
      },
    );
  } finally {
    progress.end("modules");
    cache.tidy();
  }
}

/**
 * @param {import("./compiler.js").Module} module
 * @param {string} key
 * @returns {boolean} whether it was there
 */
function takeFromCache(module, key) {
  const [wasm, text] = cache.take(key, 2) ?? [];
  if (wasm === undefined || text === undefined) return false;
  write(module, key, wasm, text);
  return true;
}

/**
 * @param {import("./compiler.js").Module} module
 * @param {string} key empty where it is not known: then it is built again next time
 * @param {Buffer} wasm
 * @param {Buffer} text
 */
function write({ out }, key, wasm, text) {
  mkdirSync(dirname(out), { recursive: true });
  writeFileSync(out.replace(/\.wasm$/, ".wat"), text);
  writeFileSync(out, wasm);
  writeFileSync(`${out}.stamp`, key);
}

/** The modules that become native code. */
const trusted = ["runtime", "attestation"];
/** No native code is published, and that of a draft takes longer than the draft. */
const makesNative = !options.release && !options.draft;

/** The trusted modules as native code; at last, when all else is built, and earlier as far as they are there. */
function buildNative() {
  return step("native code", process.execPath, [join(root, "host/translated-module/translate.js")]);
}
/**
 * The page of a party: a file that holds modules, and is made where all of them are built.
 * @param {import("./compiler.js").Module[]} chosen
 */
async function buildPage(chosen) {
  const held = ["policy", "session-manager-signer"];
  if (!held.every((name) => chosen.some((module) => module.name === name))) return;
  await step("page", process.execPath, [join(root, "scripts/bundle-page.js")]);
}
/** @type {Promise<unknown>} */
let native = Promise.resolve();

/** The modules to build, of which those that the demo or `--wasm` names. */
function chosenModules() {
  if (options.release && options.draft) throw new Error("a draft is not released");
  const listed = options.modules?.split(",").filter((name) => name !== "");
  const all = modules(root);
  const names = [
    ...(options.demo ? demoModules : []),
    // Those of tests and examples are not published.
    ...(options.release ? all.map(({ name }) => name).filter((name) => !name.includes("/")) : []),
    ...(listed ?? []),
    ...options.wasm,
  ];
  const unknown = names.filter((name) => !all.some((m) => m.name === name));
  if (unknown.length > 0)
    throw new Error(`no such module: ${unknown.join(", ")} (see --help for the list)`);
  return names.length === 0 && listed === undefined
    ? all
    : all.filter((m) => names.includes(m.name));
}

/** Says what the compiled TypeScript in build/js was made from; with it, it need not be made again. */
const hostStamp = join(root, "build/js/.sources");

/**
 * What the stamp says of these sources, and of what the compiler remembers: it may have been run by hand since.
 * @param {boolean} unchecked
 */
function hostState(unchecked) {
  const memory = join(root, "build/js/.tsbuildinfo");
  const remembered = existsSync(memory) ? readFileSync(memory) : "";
  const hash = createHash("sha256").update(hostFingerprint(root)).update(remembered);
  return `${hash.digest("hex")}${unchecked ? " unchecked" : ""}`;
}

async function compileHost() {
  const made = existsSync(hostStamp) ? readFileSync(hostStamp, "utf8") : "";
  const current = made === hostState(false) || (options.demo && made === hostState(true));
  if (current && !options.force) return;
  // Until it has succeeded: it writes even where it finds errors.
  rmSync(hostStamp, { force: true });
  // The types of what only the demo runs are looked at by every other build.
  const quick = options.demo ? ["--noCheck"] : [];
  await step("TypeScript", bin("tsc"), ["-p", "tsconfig.json", ...quick]).catch((error) => {
    throw new Error(`tsc failed:\n${error.message}`);
  });
  writeFileSync(hostStamp, hostState(options.demo));
}

/** TypeScript, and what of this repository's sources is printed from the tables in it. */
async function buildHost() {
  await compileHost();
  const generator = join(root, "build/js/host/generate/cli.js");
  // It imports some of what it writes itself.
  if (await step("tables", process.execPath, [generator])) await compileHost();
}

async function main() {
  const chosen = chosenModules();
  linkSelf();
  if (
    options.wasm.length > 0 &&
    !options.demo &&
    !options.release &&
    options.modules === undefined
  ) {
    await buildWasm(chosen);
    await native;
    return;
  }
  const results = await Promise.allSettled([
    buildWasm(chosen),
    buildHost(),
    // The interpreter's binding is built at install; a pull may have brought other patches since.
    step("wasm3", process.execPath, [join(root, "host/wasm3-node/install.js")]),
  ]);
  const [, ...others] = results;
  for (const result of others) if (result.status === "rejected") throw result.reason;
  // Where the tables have changed a module's source, that module again.
  await buildWasm(chosen);
  await native;
  if (makesNative && chosen.some(({ name }) => trusted.includes(name))) await buildNative();
  await buildPage(chosen);
  linkCommands();
}

await main().then(
  () => progress.close(),
  (error) => {
    progress.close();
    console.error(error.message);
    process.exit(1);
  },
);
