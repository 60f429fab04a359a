import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../host/common/paths.js";
import { generatedFiles } from "../host/generate/files.js";
import { disagreements } from "../host/generate/sources.js";

for (const { path, text } of generatedFiles()) {
  test(`${path} is what its table prints`, () => {
    assert.is(readFileSync(join(projectRoot, path), "utf8"), text);
  });
}

test("host/generate/tables.ts describes everything that is in the code, and nothing else", () => {
  generatedFiles();
  assert.equal([...disagreements], []);
});

test.run();
