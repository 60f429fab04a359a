import { execFile } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { makeFolder } from "../../host/common/folders.js";

const folder = mkdtempSync(join(tmpdir(), "vc-folders-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

test("a folder and those above it are made with the mode asked for; one that exists is left alone", () => {
  const path = join(folder, "a", "b", "c");
  makeFolder(path, 0o700);
  for (const made of [path, join(folder, "a")]) assert.is(statSync(made).mode & 0o777, 0o700, made);
  chmodSync(path, 0o750);
  makeFolder(path, 0o700);
  assert.is(statSync(path).mode & 0o777, 0o750);
});

test("where a folder cannot be made, an error names it", () => {
  const file = join(folder, "file");
  writeFileSync(file, "");
  assert.throws(() => makeFolder(join(file, "x", "y")), /ENOTDIR.*file/);
  assert.throws(() => makeFolder(file), /EEXIST.*file/);
});

test("several processes may make the same folder at once", async () => {
  const path = join(folder, "shared", "by", "all");
  const script = `import { makeFolder } from ${JSON.stringify(import.meta.resolve("../../host/common/folders.js"))};
    makeFolder(${JSON.stringify(path)});`;
  const makers = Array.from({ length: 4 }, () =>
    promisify(execFile)(process.execPath, ["--input-type=module", "--eval", script]),
  );
  await Promise.all(makers);
  assert.ok(statSync(path).isDirectory());
});

if (existsSync("/proc/self")) {
  test("/proc, where nothing can be made, gives an error and not an endless loop", () => {
    assert.throws(() => makeFolder("/proc/vc-no-such/x"), /ENOENT.*\/proc\/vc-no-such/);
  });
}
test.run();
