// Builds everything that npm scripts and tests use, incrementally:
//   build/js/    host and test TypeScript (tsc)
//   build/wasm/  AssemblyScript modules: the runtime's, test-only ones, and the example programs
//   build/wasm3/ the binding to wasm3, where its patches changed since it was installed
// A module is recompiled only when one of its sources, asconfig.json or the compiler changed.
//
// Usage: node scripts/build.js [--force] [--wasm NAME]...
// @ts-check
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { linkCommands, linkSelf } from "./link-self.js";
import { modules } from "./wasm-modules.js";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = (/** @type {string} */ name) => join(root, "node_modules", ".bin", name);

const { values: options } = parseArgs({
  options: {
    force: { type: "boolean", default: false },
    wasm: { type: "string", multiple: true, default: [] },
    help: { type: "boolean", short: "h", default: false },
  },
});
if (options.help) {
  console.log(`Usage: node scripts/build.js [--force] [--wasm NAME]...

  --force      rebuild what is up to date, too
  --wasm NAME  build only this WebAssembly module (repeatable); no TypeScript

Modules: ${modules(root)
    .map((m) => m.name)
    .join(", ")}`);
  process.exit(0);
}

/**
 * Runs a command and resolves with its combined output, or rejects with it.
 * @param {string} command
 * @param {string[]} args
 * @returns {Promise<string>}
 */
function run(command, args) {
  return new Promise((done, fail) => {
    const child = spawn(command, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    child.stdout.on("data", (chunk) => {
      output += chunk;
    });
    child.stderr.on("data", (chunk) => {
      output += chunk;
    });
    child.on("error", fail);
    child.on("close", (code) =>
      code === 0 ? done(output) : fail(new Error(output || `${command} exited with ${code}`)),
    );
  });
}

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

const compilerVersion = JSON.parse(
  readFileSync(join(root, "node_modules/assemblyscript/package.json"), "utf8"),
).version;

/** @param {{name: string, entry: string, target: string, out: string, flags?: string[], inputs?: string[]}} module */
function fingerprint(module) {
  const hash = createHash("sha256").update(compilerVersion).update(JSON.stringify(module));
  hash.update(readFileSync(join(root, "asconfig.json")));
  const inputs = (module.inputs ?? []).map((path) => join(root, path));
  for (const path of [...sources(join(root, module.entry)), ...inputs].sort()) {
    hash.update(relative(root, path)).update("\0").update(readFileSync(path));
  }
  return hash.digest("hex");
}

/** @param {{name: string, entry: string, target: string, out: string, flags?: string[]}} module */
async function buildWasm(module) {
  const out = join(root, module.out);
  const stamp = `${out}.stamp`;
  const print = fingerprint(module);
  if (
    !options.force &&
    existsSync(out) &&
    existsSync(stamp) &&
    readFileSync(stamp, "utf8") === print
  )
    return;
  mkdirSync(dirname(out), { recursive: true });
  const output = await run(bin("asc"), [
    module.entry,
    "--config",
    "asconfig.json",
    "--target",
    module.target,
    "--outFile",
    module.out,
    "--textFile",
    module.out.replace(/\.wasm$/, ".wat"),
    ...(module.flags ?? []),
  ]).catch((error) => {
    throw new Error(`asc failed on ${module.entry} (target ${module.target}):\n${error.message}`);
  });
  const remarks = output.replace(/^Last converge was suboptimal\.$/gm, "").trim();
  if (remarks) console.log(remarks);
  writeFileSync(stamp, print);
  console.log(`${module.out}: ${statSync(out).size} bytes`);
}

async function main() {
  const chosen = modules(root).filter(
    (m) => options.wasm.length === 0 || options.wasm.includes(m.name),
  );
  const unknown = options.wasm.filter((name) => !chosen.some((m) => m.name === name));
  if (unknown.length > 0)
    throw new Error(`no such module: ${unknown.join(", ")} (see --help for the list)`);
  linkSelf();
  const queue = [...chosen];
  const worker = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) await buildWasm(next);
  };
  const jobs = [worker(), worker()];
  if (
    options.wasm.length === 0 &&
    existsSync(join(root, "host")) &&
    readdirSync(join(root, "host")).length > 0
  ) {
    jobs.push(
      run(bin("tsc"), ["-p", "tsconfig.json"]).then(
        () => undefined,
        (error) => {
          throw new Error(`tsc failed:\n${error.message}`);
        },
      ),
    );
  }
  // The interpreter's binding is built at install; a pull may have brought other patches since.
  if (options.wasm.length === 0) {
    jobs.push(
      run(process.execPath, [join(root, "host/wasm3-node/install.js")]).then((output) => {
        if (output.trim()) console.log(output.trim());
      }),
    );
  }
  const results = await Promise.allSettled(jobs);
  for (const result of results) if (result.status === "rejected") throw result.reason;
  linkCommands();
}

main().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
