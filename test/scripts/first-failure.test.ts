// A test file whose preparation fails says why, whatever its end throws after that.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../../host/common/paths.js";

const PRELOAD = pathToFileURL(join(projectRoot, "build/js/test/support/first-failure.js")).href;
const folder = mkdtempSync(join(tmpdir(), "vc-first-failure-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a test file of two tests whose `before` fails, as the runner does. */
function run(after: string): { status: number | null; output: string } {
  const file = join(folder, "example.mjs");
  const lines = [
    `import { test } from ${JSON.stringify(import.meta.resolve("uvu"))};`,
    "let system;",
    'test.before(async () => { throw new Error("the isolate did not start"); });',
    after,
    'test("one", () => undefined);',
    'test("two", () => undefined);',
    "test.run();",
  ];
  writeFileSync(file, lines.join("\n"));
  const env = { ...process.env, NO_COLOR: "1" };
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--import", PRELOAD, file], {
    env,
    encoding: "utf8",
  });
  return { status, output: stdout + stderr };
}

test("the reason is shown and the process fails, also where nothing else does", () => {
  const { status, output } = run("");
  assert.match(output, /what comes before the tests failed: Error: the isolate did not start/);
  assert.match(output, /Passed:\s+0/);
  assert.is(status, 1);
});

test("the reason is shown where the end fails for want of what was not started", () => {
  const { status, output } = run("test.after(() => system.stop());");
  assert.match(output, /what comes before the tests failed: Error: the isolate did not start/);
  assert.is.not(status, 0);
});

test.run();
