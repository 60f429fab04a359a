/** Reads tables out of sources that cannot be imported: AssemblyScript, C, and text inside of functions. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../common/paths.js";

/** The text of a file of the repository. */
export function source(path: string): string {
  return readFileSync(join(projectRoot, path), "utf8");
}

/** The sources below a folder, as paths from the repository's root. */
export function sourcesBelow(folder: string): string[] {
  return readdirSync(join(projectRoot, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => /\.(ts|c|h)$/.test(file))
    .map((file) => join(folder, file))
    .sort();
}

/** A constant of a source, with the line of documentation above it. */
export interface Constant {
  readonly name: string;
  /** As written: a number, or a string without its quotes. */
  readonly value: string;
  readonly doc: string;
}

/**
 * The constants of a source whose names begin with a prefix, in their order.
 *
 * @throws Error when there is none: the table that is printed from them would be empty
 */
export function constants(path: string, prefix: string): Constant[] {
  const pattern = new RegExp(
    `^(?:/\\*\\* ([^\\n]*) \\*/\\n)?(?:export )?const (${prefix}\\w*)(?:: \\w+)? = "?([^";\\n]+)"?;`,
    "gm",
  );
  const found = [...source(path).matchAll(pattern)].map(([, doc = "", name = "", value = ""]) => ({
    name,
    value,
    doc,
  }));
  if (found.length === 0) throw new Error(`${path}: no constant begins with ${prefix}`);
  return found;
}

/** What the code and its descriptions disagree on, found while tables were printed; a test wants none. */
export const disagreements = new Set<string>();

/**
 * Joins what stands in the code with what `host/generate/tables.ts` says of each. Where one of the two knows a name
 * that the other does not, that is one of the `disagreements`, so that a build goes on and a test fails.
 */
export function describeEach<T>(
  what: string,
  found: readonly (readonly [name: string, value: T])[],
  docs: Readonly<Record<string, string>>,
): [name: string, value: T, doc: string][] {
  const names = new Set(found.map(([name]) => name));
  for (const name of Object.keys(docs))
    if (!names.has(name)) disagreements.add(`${what} ${name} is described, but not in the code`);
  return found.map(([name, value]) => {
    const doc = docs[name];
    if (doc === undefined) disagreements.add(`${what} ${name} is in the code, but not described`);
    return [name, value, doc ?? "not described yet"];
  });
}
