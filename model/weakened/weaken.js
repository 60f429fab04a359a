// Takes checks out of sources, for builds in which one of them is missing. `checks.json` lists them.
// @ts-check
import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

/** @typedef {{file: string, check: string, becomes: string}} Check */

const here = dirname(fileURLToPath(import.meta.url));

/** @type {readonly Check[]} */
export const checks = JSON.parse(readFileSync(join(here, "checks.json"), "utf8"));

/** @param {string} name */
export const marker = (name) => `without ${name}? `;

/**
 * Whether a check is missing, as an expression. On the host a global variable says it; in a module a byte behind
 * a text that names it, which is "1" then.
 *
 * @param {string} file
 * @param {string} name
 */
function condition(file, name) {
  if (!file.startsWith("assembly/")) return `(globalThis.vcWithout === ${JSON.stringify(name)})`;
  const bytes = [...Buffer.from(`${marker(name)}0`)];
  return `(load<u8>(memory.data<u8>([${bytes}]) + ${bytes.length - 1}) === 0x31)`;
}

/**
 * The source of a file in which each of its checks can be left out.
 *
 * @param {string} file relative to the repository's folder
 * @param {string} text
 * @throws where the text of a check is not there exactly once
 */
export function weaken(file, text) {
  let weakened = text;
  for (const { check, becomes } of checks.filter((each) => each.file === file)) {
    if (text.split(check).length !== 2)
      throw new Error(`${file}: ${JSON.stringify(check)} is not there exactly once`);
    const change = becomes.replace(/WITHOUT\((\w+)\)/g, (_, name) => condition(file, name));
    weakened = weakened.replace(check, () => change);
  }
  return weakened;
}

/**
 * Reads a source for the compiler.
 *
 * @param {string} name
 * @param {string} base
 */
export function readWeakened(name, base) {
  const path = join(base, name);
  try {
    return weaken(relative(".", path), readFileSync(path, "utf8"));
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === "ENOENT") return null;
    throw error;
  }
}
