/**
 * Writes the files of this repository that are made from a table elsewhere in it, where they differ.
 * `npm run build` does it before it compiles; a test holds the files against their tables.
 *
 * Usage: node build/js/host/generate/cli.js
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../common/paths.js";
import { printedDocuments } from "./documents.js";
import { type GeneratedFile, generatedSources, planSchema } from "./files.js";

function write(files: readonly GeneratedFile[]): void {
  for (const { path, text } of files) {
    const target = join(projectRoot, path);
    if (existsSync(target) && readFileSync(target, "utf8") === text) continue;
    writeFileSync(target, text);
    console.log(`${path}: written`);
  }
}

write(generatedSources());
try {
  write([...printedDocuments(), planSchema()]);
} catch (error) {
  // What is compiled does not need them: the build goes on, and the test of the documents fails.
  console.log(`documents not printed: ${(error as Error).message}`);
}
