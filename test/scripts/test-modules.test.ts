// What `npm test -- PATTERN` builds, and what `npm test` leaves out.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../../host/common/paths.js";
import { needsMore } from "../emulated.js";
import { LONGEST, longFirst } from "../long-first.js";

const script = (name: string) => import(pathToFileURL(join(projectRoot, "scripts", name)).href);
const all = (await script("wasm-modules.js")).modules(projectRoot) as { name: string }[];
const { neededModules } = await script("test-modules.js");
const needed = (...files: string[]): string[] =>
  neededModules(
    projectRoot,
    files.map((file) => join("test", `${file}.test.ts`)),
    all,
  );

test("tests of one part need its module alone", () => {
  assert.equal(needed("crypto/known-answers"), ["testing/crypto"]);
  assert.equal(needed("wasm-checker/limits"), ["checker"]);
  assert.equal(needed("wasm3-node/traps"), []);
  assert.equal(needed("x509/der", "wasm-checker/limits"), ["checker", "testing/x509"]);
});

test("modules that are named in what a test imports, or in parts, are found", () => {
  assert.ok(needed("transport-protocol/frames").includes("testing/transport"));
  assert.ok(needed("session-manager/tls-duplex").includes("session-manager"));
  assert.ok(needed("veracruz-utils/policy").includes("policy"));
});

test("a test that makes firmware or takes all that is built needs all modules", () => {
  for (const file of ["mcu-client/links", "mcu-demo/scripts", "end-to-end/device-c", "package"])
    assert.is(needed(file).length, all.length, file);
});

test("a test that starts commands needs what they read, and none of what only tests read", () => {
  const some = needed("veracruz-server/cli");
  for (const name of ["runtime", "attestation", "session-manager", "policy", "checker", "engine"])
    assert.ok(some.includes(name), name);
  assert.not.ok(some.some((name) => name.startsWith("testing/")));
  assert.equal(needed("policy-generator/cli"), ["policy"]);
});

test("the runtime in a test's process, or in one of its own, is one module of all that can be made of it", () => {
  const builds = (file: string) =>
    needed(file).filter((name) => /^(?:testing\/)?runtime|weakened/.test(name));
  assert.equal(builds("runtime-manager/in-process"), ["runtime"]);
  assert.equal(builds("end-to-end/process"), ["runtime"]);
  for (const file of ["runtime-manager/in-process-scrubbed", "attacks/freed-memory"])
    assert.equal(builds(file), ["runtime", "testing/runtime-scrubbed"], file);
});

test("tests of firmware and of another Node.js are told from the rest", () => {
  assert.is(needsMore("mcu-client/links.test.js"), "an emulated board");
  assert.is(needsMore("end-to-end/device-c.test.js"), "an emulated board");
  assert.is(needsMore("session-manager/node24.test.js"), "another Node.js");
  for (const file of ["model/models", "model/arithmetic"])
    assert.is(needsMore(`${file}.test.js`), "a long search", file);
  for (const file of ["end-to-end/process", "runtime-manager/in-process", "mcu-demo/scripts"])
    assert.is(needsMore(`${file}.test.js`), undefined, file);
});

test("the longest files come first, and are there", () => {
  for (const file of LONGEST)
    assert.ok(existsSync(join(projectRoot, "test", file.replace(/\.js$/, ".ts"))), file);
  const [first = "", second = ""] = LONGEST;
  assert.equal(longFirst(["a.test.js", second, "b.test.js", first]), [
    first,
    second,
    "a.test.js",
    "b.test.js",
  ]);
});

test.run();
