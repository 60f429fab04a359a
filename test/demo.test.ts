// The README's main command: from keys and policy to the result, by the very commands of a user.
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../host/common/paths.js";

const { demoModules } = (await import(
  pathToFileURL(join(projectRoot, "scripts/wasm-modules.js")).href
)) as { demoModules: string[] };

function demo(args: string[], env: Record<string, string> = {}) {
  return spawnSync(process.execPath, [join(projectRoot, "build/js/host/demo/cli.js"), ...args], {
    encoding: "utf8",
    timeout: 240_000,
    env: { ...process.env, ...env },
  });
}

/** Run first in every process of the demo: notes each WebAssembly module of the build that is read. */
const notes = (file: string) => String.raw`
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
for (const name of ["readFileSync", "copyFileSync"]) {
  const original = fs[name];
  fs[name] = (path, ...rest) => {
    const [, module] = /build\/wasm\/(.+)\.wasm$/.exec(String(path)) ?? [];
    if (module) fs.appendFileSync(${JSON.stringify(file)}, module + "\n");
    return original(path, ...rest);
  };
}
syncBuiltinESMExports();
`;

test("two parties compute, and the result is right; what is read is what is built for it", () => {
  const folder = mkdtempSync(join(tmpdir(), "demo-"));
  const noted = join(folder, "noted");
  writeFileSync(join(folder, "notes.mjs"), notes(noted));
  const kept = join(folder, "kept");
  const { status, stdout, stderr } = demo(["--keep", kept], {
    NODE_OPTIONS: `--import ${pathToFileURL(join(folder, "notes.mjs")).href}`,
  });
  const read = new Set(readFileSync(noted, "utf8").trim().split("\n"));
  const left = existsSync(kept) ? readdirSync(kept) : [];
  const mode = statSync(join(kept, "config/veracruz/people/hospital-a/key.pem")).mode & 0o777;
  rmSync(folder, { recursive: true });
  assert.is(status, 0, stdout + stderr);
  assert.match(stdout, /On both lists: (?:[^,\n]+, ){4}[^,\n]+\. Nobody saw the rest/);
  // Each step is a command that a user would type, and every client checked what it talks to.
  const steps = [...stdout.matchAll(/^ {2}\$ veracruz (\w+)/gm)].map(([, step]) => step);
  assert.equal(steps, "init init plan review review up send send fetch".split(" "));
  assert.is(stdout.match(/checked the isolate: on a computer/g)?.length, 3);
  const hybrid = /keys agreed on by X25519MLKEM768: recorded traffic stays secret$/gm;
  assert.is(stdout.match(hybrid)?.length, 3, stdout);
  // Short, without hashes; then what to do next.
  assert.not.match(stdout, /[0-9a-f]{32}/);
  assert.ok(stdout.split("\n").length < 70, stdout);
  assert.match(stdout, /Next, with your own files/);
  for (const file of ["plan.yaml", "policy.json", "result.bin", "hospital-a.contact"])
    assert.ok(left.includes(file), `${file} is not left`);
  assert.is(mode, 0o600);
  assert.equal([...read].sort(), [...demoModules].sort());
});

test("a runtime changed by one byte is blocked, and the reason is told", () => {
  const before = readdirSync(tmpdir()).filter((name) => name.startsWith("veracruz-demo-"));
  const { status, stdout, stderr } = demo(["--tamper", "--verbose"]);
  assert.is(status, 0, stdout + stderr);
  assert.match(stdout, /the attestation server refuses the isolate \(measurement-not-allowed/);
  assert.match(stdout, /^Blocked: /m);
  assert.not.match(stdout, /sent (data|program)/);
  assert.match(stdout, /certificate +SHA-256 [0-9a-f]{64}/);
  const after = readdirSync(tmpdir()).filter((name) => name.startsWith("veracruz-demo-"));
  assert.ok(after.length <= before.length, `it left ${after.join(", ")}`);
});

test.run();
