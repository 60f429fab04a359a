// Compiler transform of every target: the compiler itself takes a target that no asconfig.json has for one without options,
// and compiles something that no isolate runs. Here a misspelt one is an error that lists those that there are.
// @ts-check
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, isAbsolute, resolve } from "node:path";

/**
 * The value of an option of the compiler's command, which has no place in what a transform is given.
 * @param {string} name
 */
function option(name) {
  const words = process.argv.slice(2);
  for (const [index, word] of words.entries()) {
    if (word === name) return words[index + 1];
    if (word.startsWith(`${name}=`)) return word.slice(name.length + 1);
  }
  return undefined;
}

/**
 * The targets of a configuration and of those that it extends, found as the compiler finds them.
 * @param {string} path
 * @param {Set<string>} seen
 * @returns {string[]}
 */
function targetsOf(path, seen = new Set()) {
  if (seen.has(path)) return [];
  seen.add(path);
  const { targets = {}, extends: base } = JSON.parse(readFileSync(path, "utf8"));
  const folder = dirname(path);
  const next =
    typeof base !== "string"
      ? []
      : targetsOf(
          isAbsolute(base) || base.startsWith(".")
            ? resolve(folder, base)
            : createRequire(path).resolve(base),
          seen,
        );
  return [...new Set([...Object.keys(targets), ...next])];
}

export default class KnownTarget {
  afterParse() {
    const target = option("--target");
    if (target === undefined) return;
    const folder = resolve(/** @type {any} */ (this).baseDir ?? ".");
    const targets = targetsOf(resolve(folder, option("--config") ?? "asconfig.json"));
    if (targets.includes(target)) return;
    const error = new Error();
    // Without a stack of the compiler's own files.
    error.stack = `there is no target ${JSON.stringify(target)}; there are: ${targets.join(", ")}`;
    throw error;
  }
}
