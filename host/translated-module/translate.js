// Translates WebAssembly modules to C (wasm2c of the npm package wabt) and compiles them to shared objects, which the
// binding to wasm3 runs in place of its own code (README.md). Results lie in build/translated/, named by the SHA-256 of
// the module that they were made from; the same compiler makes the same bytes, in any folder.
//
// Usage: node host/translated-module/translate.js [--force] [--folder FOLDER] [MODULE.wasm]...
// Without a module: the trusted ones of this project, as far as they are built. Without a C compiler: none.
// Environment: CC, the C compiler (default: cc)
// @ts-check
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { BuildCache } from "../../scripts/build-cache.js";
import { compilerArguments } from "../wasm3-node/prepare-sources.js";

const room = dirname(fileURLToPath(import.meta.url));
const root = dirname(dirname(room));
const run = promisify(execFile);
/** C of a large module on the way through a pipe. */
const MAX_BUFFER = 256 * 1024 * 1024;

/** What a computer hosts as native code; programs never are. */
const trustedModules = ["runtime", "attestation"].map((name) => `build/wasm/${name}.wasm`);

/** Where translations lie. */
export const translatedFolder = join(root, "build", "translated");

const [compiler = "cc", ...compilerPrefix] = (process.env.CC || "cc").split(/\s+/).filter(Boolean);

/** Against what an attacker could make of a fault in what is compiled. */
const hardening = ["-D_FORTIFY_SOURCE=2", "-fstack-protector-strong"];
const linking =
  process.platform === "darwin"
    ? ["-dynamiclib"]
    : ["-shared", "-Wl,-z,defs,-z,relro,-z,now,-z,noexecstack"];

class NoCompiler extends Error {}

/** @param {string[]} args */
async function cc(args) {
  const { stdout } = await run(compiler, [...compilerPrefix, ...args], { maxBuffer: MAX_BUFFER });
  return stdout;
}

const packageOf = (/** @type {string} */ name) =>
  createRequire(import.meta.url).resolve(`${name}/package.json`);

const wabtVersion = () => JSON.parse(readFileSync(packageOf("wabt"), "utf8")).version;

/** @typedef {{result: string, name: string, parameters: string[], module?: string, field: string}} Prototype */

/**
 * The functions that wasm2c's header declares for imports and exports.
 * @param {string} header
 * @param {"import" | "export"} kind
 * @returns {Prototype[]}
 */
function prototypes(header, kind) {
  const names = kind === "import" ? "'([^']*)' '([^']*)'" : "()'([^']*)'";
  const pattern = new RegExp(
    `^/\\* ${kind}: ${names} \\*/\\n(\\w+) (\\w+)\\(struct \\w+\\*|^/\\* ${kind}: ${names} \\*/\\n(\\w+) (\\w+)\\(w2c_module\\*`,
    "gm",
  );
  return [...header.matchAll(pattern)].map((match) => {
    const [module, field, result, name] =
      match[1] === undefined ? match.slice(5, 9) : match.slice(1, 5);
    const rest = header.slice(match.index + match[0].length);
    const parameters = rest.slice(0, rest.indexOf(")")).split(", ").slice(1);
    const known = ["void", "u32", "u64", "f32", "f64"];
    for (const type of [...parameters, result ?? ""])
      if (!known.includes(type))
        throw new Error(`${field}: values of type ${type} are not supported`);
    return {
      module: module ?? "",
      field: field ?? "",
      result: result ?? "",
      name: name ?? "",
      parameters,
    };
  });
}

const literal = (/** @type {string} */ text) => JSON.stringify(text);
const list = (/** @type {string[]} */ items) => items.join(", ");

/**
 * C that joins the module's functions to the home's slots (translation.h).
 * @param {string} header of the module, named "module"
 * @param {string} sha256
 */
function joint(header, sha256) {
  const imports = prototypes(header, "import");
  const exports = prototypes(header, "export");
  const instantiate = /void wasm2c_module_instantiate\(w2c_module\*(.*)\);/.exec(header);
  if (!instantiate || !header.includes("wasm_rt_memory_t* w2c_module_memory("))
    throw new Error("a module that is translated exports its memory as `memory`");
  const homes = (instantiate[1] ?? "").split(",").filter((text) => text.trim());

  const importTexts = imports.map(({ module, result, name, parameters }, number) => {
    const results = result === "void" ? 0 : 1;
    const declared = parameters.map((type, i) => `, ${type} a${i}`).join("");
    const stored = parameters.map(
      (_, i) => `  memcpy(&slots[${results + i}], &a${i}, sizeof a${i});`,
    );
    return [
      `${result} ${name}(struct w2c_${module} *instance${declared}) {`,
      `  TranslationHome *home = (TranslationHome *)instance;`,
      `  uint64_t slots[${Math.max(1, results + parameters.length)}] = {0};`,
      ...stored,
      `  home->import(home, ${number}, slots);`,
      `  running_home = home;`,
      ...(results
        ? [`  ${result} result;`, "  memcpy(&result, slots, sizeof result);", "  return result;"]
        : []),
      "}",
    ].join("\n");
  });

  const exportTexts = exports.map(({ result, name, parameters }, number) => {
    const results = result === "void" ? 0 : 1;
    const loaded = parameters.map(
      (type, i) => `  ${type} a${i};\n  memcpy(&a${i}, &slots[${results + i}], sizeof a${i});`,
    );
    const call = `${name}(${list(["instance", ...parameters.map((_, i) => `a${i}`)])})`;
    return [
      `static void call_${number}(void *module, uint64_t *slots) {`,
      "  w2c_module *instance = module;",
      "  (void)slots;",
      ...loaded,
      "  running_home = instance->w2c_memory.home;",
      ...(results
        ? [`  ${result} result = ${call};`, "  memcpy(slots, &result, sizeof result);"]
        : [`  ${call};`]),
      "}",
    ].join("\n");
  });

  return `
${importTexts.join("\n\n")}

${exportTexts.join("\n\n")}

static TranslationMemory *memory_of(void *instance) { return w2c_module_memory(instance); }

static void instantiate(void *module) {
  w2c_module *instance = module;
  void *home = running_home = instance->w2c_memory.home;
  (void)home;
  wasm2c_module_instantiate(${list(["instance", ...homes.map(() => "home")])});
}

static void release(void *instance) { wasm2c_module_free(instance); }

__attribute__((visibility("default"))) const Translation translation = {
    .version = TRANSLATION_VERSION,
    .sha256 = ${literal(sha256)},
    .instanceBytes = sizeof(w2c_module),
    .memory = memory_of,
    .instantiate = instantiate,
    .release = release,
    .importCount = ${imports.length},
    .exportCount = ${exports.length},
    .imports = (typeof(*(Translation){0}.imports)[]){${list([
      ...imports.map(({ module, field }) => `{${literal(module ?? "")}, ${literal(field)}}`),
      "{0, 0}",
    ])}},
    .exports = (const struct TranslationExport[]){${list([
      ...exports.map(({ field }, number) => `{${literal(field)}, call_${number}}`),
      "{0, 0}",
    ])}},
};
`;
}

/**
 * @param {Uint8Array} wasm
 * @param {string} sha256
 * @returns {Promise<Buffer>} the shared object
 */
async function build(wasm, sha256) {
  mkdirSync(translatedFolder, { recursive: true });
  const folder = mkdtempSync(join(translatedFolder, "work-"));
  const file = (/** @type {string} */ name) => join(folder, name);
  try {
    writeFileSync(file("module.wasm"), wasm);
    const wasm2c = join(dirname(packageOf("wabt")), "bin", "wasm2c");
    const args = [file("module.wasm"), "--module-name", "module", "--output", file("module.c")];
    await run(process.execPath, [wasm2c, ...args], { maxBuffer: MAX_BUFFER });
    const emitted = readFileSync(file("module.c"), "utf8");
    const parts = emitted.split("\n#define FUNC_PROLOGUE\n");
    if (parts.length !== 2) throw new Error("wasm2c's output does not have the expected form");
    const text = parts.join("\n#define FUNC_PROLOGUE CHECK_STACK\n");
    writeFileSync(file("module.c"), text + joint(readFileSync(file("module.h"), "utf8"), sha256));
    await cc([
      ...compilerArguments("translated"),
      ...hardening,
      ...["-Wno-unused", `-ffile-prefix-map=${folder}=.`, "-I", folder, "-I", room],
      ...linking,
      ...[file("module.c"), "-lm", "-o", file("module.so")],
    ]);
    return readFileSync(file("module.so"));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Translates a module, where that has not been done.
 *
 * @param {Uint8Array} wasm
 * @param {{force?: boolean, folder?: string}} [options] `folder`: where to, in place of build/translated
 * @returns {Promise<{path: string, fresh: boolean}>} the shared object, and whether it was made now
 * @throws Error when there is no C compiler, or the module cannot be translated
 */
export async function translate(wasm, { force = false, folder = translatedFolder } = {}) {
  const sha256 = createHash("sha256").update(wasm).digest("hex");
  const path = join(folder, `${sha256}.so`);
  const version = await cc(["--version"]).catch((error) => {
    if (error.code !== "ENOENT") throw error;
    throw new NoCompiler(`no C compiler found (looked for "${compiler}")`);
  });
  const hash = createHash("sha256").update(`${sha256}\0${wabtVersion()}\0${version}\0`);
  hash.update(JSON.stringify([compiler, compilerPrefix, compilerArguments("translated"), linking]));
  for (const name of ["translate.js", "translation.h", "wasm-rt.h"])
    hash.update(readFileSync(join(room, name)));
  const key = hash.digest("hex");
  const stamp = `${path}.stamp`;
  if (!force && existsSync(path) && existsSync(stamp) && readFileSync(stamp, "utf8") === key)
    return { path, fresh: false };

  const cache = new BuildCache((line) => console.error(line));
  const cached = force ? undefined : cache.take(key, 1)?.[0];
  const bytes = cached ?? (await build(wasm, sha256));
  if (!cached) cache.give(key, [bytes]);
  mkdirSync(folder, { recursive: true });
  // A new file, then renamed: a process that has the old one mapped keeps it.
  writeFileSync(`${path}.${process.pid}`, bytes, { mode: 0o755 });
  renameSync(`${path}.${process.pid}`, path);
  writeFileSync(stamp, key);
  return { path, fresh: cached === undefined };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { force: { type: "boolean", default: false }, folder: { type: "string" } },
  });
  const own = positionals.length === 0;
  const files = own
    ? trustedModules.map((path) => join(root, path)).filter((path) => existsSync(path))
    : positionals;
  try {
    const kept = new Set();
    for (const file of files) {
      const folder = values.folder ?? translatedFolder;
      const { path, fresh } = await translate(readFileSync(file), { force: values.force, folder });
      kept.add(path).add(`${path}.stamp`);
      if (fresh) console.log(`${relative(root, path)}: ${relative(root, file)} as native code`);
    }
    // What belongs to modules that are no longer built
    if (own && values.folder === undefined && existsSync(translatedFolder))
      for (const name of readdirSync(translatedFolder))
        if (/\.so(\.stamp)?$/.test(name) && !kept.has(join(translatedFolder, name)))
          rmSync(join(translatedFolder, name), { force: true });
  } catch (error) {
    const without = own && error instanceof NoCompiler;
    const means = without ? ": the trusted runtime will be interpreted" : "";
    console.error(`translate: ${/** @type {Error} */ (error).message}${means}`);
    process.exit(without ? 0 : 1);
  }
}
