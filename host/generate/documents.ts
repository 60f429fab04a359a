/** The documents that hold printed tables, with their texts as the tables have them now. */
import { fillTables } from "../common/markdown.js";
import { source } from "./sources.js";
import { tables } from "./tables.js";

const paths = [
  "docs/abi.md",
  "docs/plan.md",
  "docs/policy.md",
  "docs/protocols.md",
  "docs/operating.md",
];

/** Every document that holds printed tables, with the text that it must have. */
export function printedDocuments(): { path: string; text: string }[] {
  return paths.map((path) => ({ path, text: fillTables(path, source(path), tables) }));
}
