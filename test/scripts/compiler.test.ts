// The compiler that stays warm: a module is the same as from a process of its own, whatever was compiled before it.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../../host/common/paths.js";

interface Module {
  name: string;
  entry: string;
  target: string;
  out: string;
  flags?: string[];
  inputs?: string[];
}
const script = (name: string) => import(pathToFileURL(join(projectRoot, "scripts", name)).href);
const all = (await script("wasm-modules.js")).modules(projectRoot) as Module[];
const named = (name: string): Module => {
  const module = all.find((candidate) => candidate.name === name);
  if (module === undefined) throw new Error(`no module ${name}`);
  return module;
};

test("byte-identical after the runtime, whose transform changes the compiler's library", async () => {
  process.chdir(projectRoot);
  const folder = mkdtempSync(join(tmpdir(), "compiler-"));
  const warm = new Worker(join(projectRoot, "scripts/compile-worker.js"));
  const compile = (module: Module) =>
    new Promise<{ wasm: Uint8Array; text: string }>((done, fail) => {
      warm.once("error", fail);
      warm.once("message", (outcome) =>
        "failure" in outcome ? fail(new Error(outcome.failure)) : done(outcome),
      );
      warm.postMessage(module);
    });
  try {
    // The second one has the same allocator without the transform.
    await compile(named("runtime"));
    const { name, entry, target } = named("testing/transport");
    const after = await compile(named(name));
    execFileSync(join(projectRoot, "node_modules/.bin/asc"), [
      ...[entry, "--config", "assembly/asconfig.json", "--target", target],
      ...["--outFile", join(folder, "alone.wasm"), "--textFile", join(folder, "alone.wat")],
    ]);
    assert.ok(readFileSync(join(folder, "alone.wasm")).equals(after.wasm));
    assert.is(after.text, readFileSync(join(folder, "alone.wat"), "utf8"));
    // And the runtime once more is what it was before.
    const again = await compile(named("runtime"));
    assert.ok(readFileSync(join(projectRoot, named("runtime").out)).equals(again.wasm));
  } finally {
    await warm.terminate();
    rmSync(folder, { recursive: true, force: true });
  }
});

test("a module that does not compile says where, and the others that were begun are finished", async () => {
  const { compileAll } = await script("compiler.js");
  const folder = mkdtempSync(join(projectRoot, "build/broken-"));
  const { writeFileSync } = await import("node:fs");
  const entry = join(folder, "broken.ts").slice(projectRoot.length + 1);
  writeFileSync(join(projectRoot, entry), "export function f(): i32 { return nothing; }\n");
  try {
    const module = { name: "broken", entry, target: "runtime", out: "build/broken.wasm" };
    let error: Error | undefined;
    await compileAll([module], assert.unreachable, () => {}).catch((reason: Error) => {
      error = reason;
    });
    assert.match(
      error?.message ?? "",
      /asc failed on build\/broken-.*\/broken\.ts \(target runtime\)/,
    );
    assert.match(error?.message ?? "", /Cannot find name 'nothing'/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("a draft offers the same unoptimised, is never taken for what ships, and is not released", async () => {
  process.chdir(projectRoot);
  const { compileAll, fingerprint } = await script("compiler.js");
  const module = named("testing/transport");
  const draft = { ...module, draft: true };
  assert.is.not(fingerprint(draft).key, fingerprint(module).key);
  let made = new Uint8Array();
  const keep = (_: Module, { wasm }: { wasm: Uint8Array }) => {
    made = new Uint8Array(wasm);
  };
  await compileAll([draft], keep, () => {});
  const shipped = new Uint8Array(readFileSync(module.out));
  const interfaceOf = (bytes: Uint8Array<ArrayBuffer>) => {
    const compiled = new WebAssembly.Module(bytes);
    return [WebAssembly.Module.exports(compiled), WebAssembly.Module.imports(compiled)];
  };
  assert.equal(interfaceOf(made), interfaceOf(shipped));
  assert.ok(made.length > shipped.length, `${made.length} bytes, shipped ${shipped.length}`);
  const { status, stderr } = spawnSync(
    process.execPath,
    ["scripts/build.js", "--release", "--draft"],
    { encoding: "utf8" },
  );
  assert.is(status, 1);
  assert.match(stderr, /a draft is not released/);
});

test.run();
