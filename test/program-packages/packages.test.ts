// @veracruz/sdk, @veracruz/tools and @veracruz/create-program as npm packs them: from an empty folder elsewhere to a
// tested program in each language, in four commands, without a C compiler for what is ours.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../../host/common/paths.js";
import { canCompileC } from "../sdk/c-compiler.js";
import { rustEnvironment, rusts } from "../sdk/rust-compiler.js";
import { quickCompilers } from "../support/quick-compiler.js";
import { bytesBelow, hasRegistry, skip } from "../support/shared.js";

const folder = mkdtempSync(join(tmpdir(), "vc-packages-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

function run(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
  cwd = folder,
) {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd,
    encoding: "utf8",
    env: { ...env, ...quickCompilers, NO_COLOR: "1", npm_config_update_notifier: "false" },
  });
  return { status, stdout, output: `${stdout}${stderr}` };
}

const tarballs = join(folder, "tarballs");
mkdirSync(tarballs);
const packed = run("npm", [
  ...["pack", "--json", "--prefix", projectRoot, "--pack-destination", tarballs],
  ...["sdk", "tools", "create-program"].flatMap((name) => ["-w", `@veracruz/${name}`]),
]);
assert.is(packed.status, 0, packed.output);

/** The create script, out of its own tarball. */
const create = join(folder, "package/create.js");
run("tar", ["xzf", join(tarballs, "veracruz-create-program-0.1.0.tgz")]);

/** Makes, installs and tests a project; the folder of it. */
function project(language: string, env: NodeJS.ProcessEnv = process.env): string {
  const name = `my-${language}`;
  const made = run(process.execPath, [
    create,
    name,
    "--language",
    language,
    "--packages",
    tarballs,
  ]);
  assert.is(made.status, 0, made.output);
  const path = join(folder, name);
  const installed = run(
    "npm",
    ["install", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"],
    env,
    path,
  );
  assert.is(installed.status, 0, installed.output);
  const tested = run("npm", ["test"], env, path);
  assert.is(tested.status, 0, tested.output);
  assert.match(tested.output, /program\.wasm: accepted/);
  assert.match(tested.output, /^4 passed, 0 failed$/m);
  return path;
}

test("the packages hold nothing but what they need, and no native code", () => {
  for (const { name, files, unpackedSize } of JSON.parse(packed.stdout) as {
    name: string;
    unpackedSize: number;
    files: { path: string }[];
  }[]) {
    const paths = files.map(({ path }) => path);
    assert.ok(unpackedSize < 1024 * 1024, `${name}: ${unpackedSize} bytes`);
    assert.equal(
      paths.filter((path) =>
        /\.(node|so|wat|stamp|key|pem|tgz)$|node_modules|(^|\/)target\//.test(path),
      ),
      [],
      name,
    );
    if (name !== "@veracruz/create-program") assert.ok(paths.includes("build/LICENSE"), name);
  }
});

test("create-program says what is wrong", () => {
  for (const [args, expected] of [
    [[], /expected one folder/],
    [["a", "b"], /expected one folder/],
    [["my-program", "--language", "cobol"], /there are assemblyscript, c, rust/],
    [["My Program"], /small letters/],
    [["my-program", "--packages", folder], /there is no veracruz-sdk-VERSION\.tgz/],
    [["package"], /package is not empty/],
    [["my-program", "--what"], /Unknown option '--what'/],
  ] as [string[], RegExp][]) {
    const { status, output } = run(process.execPath, [create, ...args]);
    assert.is(status, 2, output);
    assert.match(output, expected);
  }
  assert.not.ok(existsSync(join(folder, "my-program")), "nothing was made");
});

if (!canCompileC) skip(1, "clang or wasm-ld is missing (Debian packages clang and lld)");
else
  test("a program in C, from an empty folder, tested", () => {
    const path = project("c");
    const help = run(join(path, "node_modules/.bin/vc-fee"), ["--help"], process.env, path);
    assert.match(help.output, /Usage: vc-fee/);
    const interp = run(
      join(path, "node_modules/.bin/vc-fee"),
      ["-p", "program.wasm", "-x", "interp"],
      process.env,
      path,
    );
    assert.is(interp.status, 2);
    assert.match(
      interp.output,
      /the interpreter is not installed here; jit, the default, needs none/,
    );
  });

const [rust] = rusts;
if (rust === undefined)
  skip(
    1,
    "no cargo for wasm32-unknown-unknown, or no wasm-ld (Debian: cargo, rustc, libstd-rust-dev-wasm32, lld)",
  );
else
  test("a program in Rust, from an empty folder, tested", () => {
    project("rust", rustEnvironment(rust));
  });

if (!hasRegistry()) skip(2, "no npm registry can be reached: the compiler cannot be installed");
else {
  test("a program in AssemblyScript, from an empty folder, tested; an editor's tsc understands it", () => {
    const path = project("assemblyscript");
    const tsc = join(projectRoot, "node_modules/typescript/bin/tsc");
    const checked = run(process.execPath, [tsc, "-p", "tsconfig.json"], process.env, path);
    assert.is(checked.status, 0, checked.output);
    const bin = (name: string) => join(path, "node_modules/.bin", name);
    const debug = run("npm", ["run", "debug"], process.env, path);
    assert.is(debug.status, 0, debug.output);
    const misspelt = run(
      bin("asc"),
      ["program.ts", "--target", "wasm32-veracruz", "--outFile", "p.wasm"],
      process.env,
      path,
    );
    assert.is(misspelt.status, 1);
    assert.match(
      misspelt.output,
      'there is no target "wasm32-veracruz"; there are: wasm32-arm-veracruz, wasm32-arm-veracruz-debug',
    );
    const traced = run(bin("vc-fee"), ["-p", "program.wasm", "--trace"], process.env, path);
    assert.match(traced.output, /input_count\(out \d+\) = 0, out = 0/);
  });

  test("the SDK and the compiler take at most 110 MB, of which ours at most 5 MB", () => {
    const modules = join(folder, "my-assemblyscript/node_modules");
    const ours =
      bytesBelow(join(modules, "@veracruz/sdk")) + bytesBelow(join(modules, "@veracruz/tools"));
    assert.ok(ours < 5e6, `${ours} bytes`);
    const all = bytesBelow(modules);
    assert.ok(all < 110e6, `${all} bytes`);
    const { dependencies } = JSON.parse(
      readFileSync(join(modules, "@veracruz/sdk/package.json"), "utf8"),
    );
    assert.equal(Object.keys(dependencies), ["assemblyscript"]);
  });
}

test.run();
