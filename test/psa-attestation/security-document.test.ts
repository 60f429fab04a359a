// SECURITY.md names the test for each claim: those tests are there.
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot, wasmPath } from "../../host/common/paths.js";

const text = readFileSync(join(projectRoot, "SECURITY.md"), "utf8");

test("every test file that SECURITY.md names exists, and every quoted case is in it", () => {
  const named = [...text.matchAll(/`(test\/[^`]+\.ts)`(?: \("([^"]+)"\))?/g)];
  assert.ok(named.length > 20);
  for (const [, path = "", title] of named) {
    const file = join(projectRoot, path);
    assert.ok(existsSync(file), path);
    if (title !== undefined)
      assert.ok(readFileSync(file, "utf8").includes(title), `${path}: "${title}"`);
  }
});

test("the trusted modules are as large as SECURITY.md says, to a twentieth", () => {
  for (const module of ["runtime", "attestation"]) {
    const [, said = ""] =
      new RegExp(`^\\| \`${module}\\.wasm\`[^|]*\\| ([0-9,]+) `, "m").exec(text) ?? [];
    const bytes = statSync(wasmPath(module)).size;
    const share = Number(said.replaceAll(",", "")) / bytes;
    assert.ok(Math.abs(share - 1) < 0.05, `${module}.wasm: ${said} for ${bytes} bytes`);
  }
});

test("every command that SECURITY.md names exists", () => {
  const { scripts, bin } = JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8"));
  for (const [, script = ""] of text.matchAll(/`npm run ([a-z0-9:-]+)/g))
    assert.ok(scripts[script], script);
  for (const [, command = ""] of text.matchAll(/`(vc-[a-z0-9-]+)/g))
    assert.ok(bin[command], command);
});

test.run();
