// The install script and the preparation of wasm3's sources: what they say when something is missing or changed.
import { execFileSync, spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../../host/common/paths.js";
import { skip } from "../support/shared.js";

const room = join(projectRoot, "host", "wasm3-node");
const upstream = join(projectRoot, "node_modules", "react-native-webassembly", "cpp");
const addon = join(projectRoot, "build", "wasm3", "wasm3.node");
const folder = mkdtempSync(join(tmpdir(), "wasm3-install-"));
test.after(() => rmSync(folder, { recursive: true }));

function install(environment: Record<string, string>): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(room, "install.js")], {
    env: environment,
    encoding: "utf8",
  });
  return { status, output: stdout + stderr };
}

interface PrepareSources {
  prepareSources(outDir: string, from?: { upstream?: string; patches?: string }): Promise<string>;
}
const { prepareSources } = (await import(join(room, "prepare-sources.js"))) as PrepareSources;

async function failure(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return (error as Error).message;
  }
  return assert.unreachable("expected a failure") as never;
}

test("without a C compiler, install says how to get one", () => {
  const before = existsSync(addon) && statSync(addon).mtimeMs;
  // nothing is on this path, least of all cc
  const { status, output } = install({ PATH: folder });
  assert.is(status, 1);
  assert.match(output, /wasm3-node: no C compiler found \(looked for "cc"\)/);
  assert.match(output, /apt-get install gcc libc6-dev/);
  assert.match(output, /xcode-select --install/);
  assert.match(output, /CC=clang npm install/);
  assert.not.match(output, /\n\s+at /, "no stack trace");
  assert.is(existsSync(addon) && statSync(addon).mtimeMs, before, "nothing was touched");
});

test("a compiler that CC names and that is not there", () => {
  const { status, output } = install({ PATH: process.env.PATH ?? "", CC: "no-such-compiler -m64" });
  assert.is(status, 1);
  assert.match(output, /looked for "no-such-compiler"/);
});

test("a compiler that fails is quoted", () => {
  const { status, output } = install({ PATH: process.env.PATH ?? "", CC: "false" });
  assert.is(status, 1);
  assert.match(output, /wasm3-node: false failed on --version \(exit code 1\)/);
});

test("what is up to date is not built again", () => {
  const environment = { ...process.env } as Record<string, string>;
  assert.is(install(environment).status, 0);
  const { mtimeMs } = statSync(addon);
  const { status, output } = install(environment);
  assert.is(status, 0);
  assert.is(output, "");
  assert.is(statSync(addon).mtimeMs, mtimeMs);
});

test("the patched sources are written once, and whole", async () => {
  const out = join(folder, "src");
  const hash = await prepareSources(out);
  assert.match(hash, /^[0-9a-f]{64}$/);
  const names = readdirSync(out).filter((name) => name !== ".stamp");
  assert.is(names.length, 24);
  assert.not.ok(names.some((name) => /wasi|libc|tracer/.test(name)));
  assert.match(readFileSync(join(out, "m3_env.c"), "utf8"), /m3_SetFuel/);
  const { mtimeMs } = statSync(join(out, "m3_env.c"));
  assert.is(await prepareSources(out), hash);
  assert.is(statSync(join(out, "m3_env.c")).mtimeMs, mtimeMs);
  // a folder with the result of other sources is replaced, stray files and all
  writeFileSync(join(out, ".stamp"), "another");
  writeFileSync(join(out, "stray.c"), "");
  await prepareSources(out);
  assert.not.ok(existsSync(join(out, "stray.c")));
});

test("sources that are not those the patches were made for are refused", async () => {
  const changed = join(folder, "changed");
  cpSync(upstream, changed, { recursive: true });
  const file = join(changed, "m3_env.c");
  const text = readFileSync(file, "utf8");
  const line = "memory->mallocated->maxStack = (m3slot_t *) io_runtime->stack";
  assert.ok(text.includes(line));
  writeFileSync(
    file,
    text.replace(line, "memory->mallocated->maxStack = (void *) io_runtime->stack"),
  );
  const out = join(folder, "out-changed");
  assert.match(
    await failure(prepareSources(out, { upstream: changed })),
    /01-stack-end\.patch does not apply to m3_env\.c/,
  );
  assert.not.ok(existsSync(out), "nothing half-patched is left");
});

test("so are patches that name another file, or are none", async () => {
  const patches = join(folder, "patches");
  mkdirSync(patches);
  writeFileSync(
    join(patches, "1.patch"),
    "why\n\n--- m3_none.c\n+++ m3_none.c\n@@ -1,1 +1,1 @@\n-a\n+b\n",
  );
  assert.match(
    await failure(prepareSources(join(folder, "x"), { patches })),
    /1\.patch: m3_none\.c is not one of wasm3's sources/,
  );
  writeFileSync(join(patches, "1.patch"), "nothing of the kind\n");
  assert.match(await failure(prepareSources(join(folder, "x"), { patches })), /not a unified diff/);
  assert.match(
    await failure(prepareSources(join(folder, "x"), { upstream: join(folder, "nowhere") })),
    /sources are missing .*: run npm install first/,
  );
});

test("every patch says why, in words, before its first line", () => {
  for (const name of readdirSync(join(room, "patches"))) {
    const text = readFileSync(join(room, "patches", name), "utf8");
    assert.match(text, /^\w[^\n]+\.\n\n/, name);
  }
});

const crossCompiler = "arm-none-eabi-gcc";
if (spawnSync(crossCompiler, ["--version"]).status === 0)
  test("the patched sources compile for Cortex-M, with the firmware's flags and no warning", async () => {
    const out = join(folder, "firmware");
    await prepareSources(out);
    const flags = execFileSync(
      process.execPath,
      [join(room, "prepare-sources.js"), "--flags", "firmware"],
      { encoding: "utf8" },
    );
    const sources = readdirSync(out).filter((name) => name.endsWith(".c"));
    const result = spawnSync(
      crossCompiler,
      [
        ...flags.trim().split("\n"),
        ...["-mcpu=cortex-m3", "-mthumb", "-fsyntax-only", "-Wall", "-Werror"],
        ...sources.map((name) => join(out, name)),
      ],
      { encoding: "utf8" },
    );
    assert.is(result.status, 0, result.stderr);
  });
else
  skip(1, `${crossCompiler} is not installed (Debian: gcc-arm-none-eabi libnewlib-arm-none-eabi)`);

test.run();
