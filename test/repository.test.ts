import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../host/common/paths.js";

test("package.json pins every dependency to one exact version", () => {
  const manifest = JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8"));
  for (const [name, version] of Object.entries<string>({
    ...manifest.dependencies,
    ...manifest.devDependencies,
  })) {
    assert.match(version, /^\d+\.\d+\.\d+$/, `${name}: ${version}`);
  }
});

test("the licence is shipped", () => {
  assert.ok(existsSync(join(projectRoot, "LICENSE")));
});

test.run();
