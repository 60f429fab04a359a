// Which WebAssembly modules test files need, as their sources tell: too many rather than too few.
// @ts-check
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

/** What is imported, and the scripts of worker threads. */
const references = /\b(?:from|import|import\(|new URL\()\s*"(\.[^"]+)"/g;
/** A command's file, whose tests need what it reads. */
const commandFile = /\bhost\/([\w-]+)\/cli\.js/g;
/** Tests that start any of the project's commands: by a path that is put together, or by a name (no temporary folder's). */
const commands = /cli\.js|node_modules\/\.bin|\bnp[mx]\b|"vc-(?:(?:[a-z0-9]+-)*[a-z0-9]+["\s]|")/;
/** Of these, the ones that build and run firmware. */
const firmwareCommands = /\bvc-mcu|\bmcu(?:-client)?\/cli\.js|run_mcu_/;
const firmwareRooms = /^host\/mcu(?:-client)?\//;
/** Where modules are read, or named for those who do. */
const loads = /wasmPath|loadTlsEngine|exampleModule|examples\/|build\/wasm|"testing\//;
/** Tests that take whatever is built, or make firmware of it. */
const anything = /from "[^"]*wasm-modules\.js"|"build\/wasm|wasmPath\("x"\)/;

/**
 * Where the source of a built or imported file is.
 * @param {string} path
 */
function sourceOf(path) {
  const candidates = [path.replace(/\.js$/, ".ts"), path, `${path}.ts`, join(path, "index.ts")];
  return candidates.find((file) => existsSync(file) && statSync(file).isFile());
}

/**
 * @param {string} root the repository's folder
 * @param {readonly string[]} files test files, relative to it
 * @param {readonly {name: string}[]} modules all that can be built
 * @returns {string[]} the names of those that the files may use
 */
export function neededModules(root, files, modules) {
  const all = modules.map(({ name }) => name);
  /** @type {Map<string, string>} */
  const texts = new Map();
  const queue = files.map((file) => join(root, file));
  let hasCommands = false;
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (texts.has(file)) continue;
    const text = readFileSync(file, "utf8");
    const place = relative(root, file);
    texts.set(file, text);
    if (place.startsWith("test/") && anything.test(text)) return all;
    // Images of firmware are made of modules by makefiles.
    if (place === "host/mcu/toolchain.ts") return all;
    // What can host an isolate on a board as well does so where a test itself asks for firmware.
    const asksForFirmware =
      firmwareRooms.test(place) ||
      (place.startsWith("test/") && !place.startsWith("test/support/"));
    for (const [, reference] of text.matchAll(references)) {
      const found = sourceOf(resolve(dirname(file), /** @type {string} */ (reference)));
      if (found && (asksForFirmware || !firmwareRooms.test(relative(root, found))))
        queue.push(found);
    }
    if (!place.startsWith("test/")) continue;
    if (firmwareCommands.test(text)) return all;
    for (const [, part] of text.matchAll(commandFile)) {
      const found = sourceOf(join(root, "host", /** @type {string} */ (part), "cli.js"));
      if (found) queue.push(found);
    }
    if (!hasCommands && commands.test(text.replace(commandFile, ""))) {
      hasCommands = true;
      queue.push(...commandSources(root));
    }
  }
  // Names of modules are words, too: they count where modules are read.
  const whole = [...texts.values()].filter((text) => loads.test(text)).join("\n");
  const quoted = (/** @type {string} */ name) =>
    whole.includes(`"${name}"`) || whole.includes(`\`${name}\``);
  return all.filter((name) => {
    const [group, rest] = name.split("/");
    // As in `examples/${name}`, with the name elsewhere.
    return quoted(name) || (rest && whole.includes(`\`${group}/\${`) && quoted(rest));
  });
}

/** @param {string} root */
function commandSources(root) {
  return readdirSync(join(root, "host"), { recursive: true, encoding: "utf8" })
    .map((file) => `host/${file}`)
    .filter((file) => file.endsWith("cli.ts") && !firmwareRooms.test(file))
    .map((file) => join(root, file));
}
