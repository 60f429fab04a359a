import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { projectRoot } from "../host/common/paths.js";

/** What every test that runs firmware asks first. */
const ASKS_FOR_TOOLS = /\bmissingTools\b[^;]*from "[^"]*mcu\/toolchain\.js"/;
/** Named for another version of Node.js, which it fetches. */
const OTHER_NODE = /\/node\d+\.test\.js$/;
/** Searches of the protocol's models, and proofs: they have commands of their own (`npm run model`, `prove:field`). */
const LONG_SEARCH = /\bfrom "[^"]*\/model\/(?:check|arithmetic\/all-proofs)\.js"/;
const RELATIVE_IMPORT = /\bfrom "(\.[^"]+)"/g;

/** Why a test file is not part of `npm test`. */
export const REASONS = ["an emulated board", "another Node.js", "a long search"] as const;

/**
 * Why a test file is not part of `npm test`, which takes some minutes on any machine: it needs firmware and an
 * emulated board, another Node.js, or a search that takes a minute by itself. Undefined: it is.
 *
 * @param file as in `mcu-client/links.test.js`, relative to the folder of tests
 */
export function needsMore(file: string): (typeof REASONS)[number] | undefined {
  if (OTHER_NODE.test(`/${file}`)) return "another Node.js";
  const folder = join(projectRoot, "test");
  const seen = new Set<string>();
  const queue = [join(folder, file.replace(/\.js$/, ".ts"))];
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    // A test may hold another file's text.
    if (seen.has(path) || !existsSync(path)) continue;
    seen.add(path);
    const text = readFileSync(path, "utf8");
    if (ASKS_FOR_TOOLS.test(text)) return "an emulated board";
    if (LONG_SEARCH.test(text)) return "a long search";
    for (const [, name = ""] of text.matchAll(RELATIVE_IMPORT)) {
      const target = resolve(dirname(path), name.replace(/\.js$/, ".ts"));
      // What tests of every kind share may know of boards without using one.
      if (target.startsWith(folder) && !target.startsWith(join(folder, "support")))
        queue.push(target);
    }
  }
  return undefined;
}
