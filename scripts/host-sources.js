// What the TypeScript of host and tests is compiled from, as one hash: the compiler takes seconds to find that nothing has
// changed.
// @ts-check
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

/** Folders with sources that tsconfig.json includes. */
const folders = ["host", "test", "model", "examples/no_std"];
/** What else decides what comes out; the lock file has the versions of the compiler and of all declarations. */
const settings = ["tsconfig.json", "package.json", "package-lock.json"];
/** Files outside of these folders that sources import: constants of assembly/. */
const imported = /\bfrom\s+"(\.[^"]*\/assembly\/[^"]+)\.js"/g;

/**
 * @param {string} root the repository's folder
 * @returns {string} hexadecimal
 */
export function hostFingerprint(root) {
  const hash = createHash("sha256");
  const files = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts"))
      .map((name) => join(root, folder, name)),
  );
  /** @type {Set<string>} */
  const constants = new Set();
  for (const file of files.sort()) {
    const text = readFileSync(file, "utf8");
    hash.update(relative(root, file)).update("\0").update(text).update("\0");
    for (const [, name] of text.matchAll(imported))
      constants.add(resolve(dirname(file), `${name}.ts`));
  }
  // Constants import constants.
  const queue = [...constants];
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (!existsSync(file)) continue;
    constants.add(file);
    for (const [, name] of readFileSync(file, "utf8").matchAll(/\bfrom\s+"(\.[^"]+)"/g)) {
      const next = resolve(dirname(file), `${name?.replace(/\.js$/, "")}.ts`);
      if (!constants.has(next)) queue.push(next);
    }
  }
  for (const file of [...[...constants].sort(), ...settings.map((name) => join(root, name))])
    if (existsSync(file))
      hash.update(relative(root, file)).update("\0").update(readFileSync(file)).update("\0");
  return hash.digest("hex");
}
