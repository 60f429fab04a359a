// The package as npm packs it: what is in it, what must never be, and that it works in an empty folder elsewhere.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../host/common/paths.js";
import { hasRegistry, skip } from "./support/shared.js";

const folder = mkdtempSync(join(tmpdir(), "package-"));
const secretFolder = join(projectRoot, "quickstart");
const madeFolder = !existsSync(secretFolder);
const secret = join(secretFolder, `package-test-${process.pid}.key.pem`);
test.after(() => {
  rmSync(folder, { recursive: true, force: true });
  rmSync(madeFolder ? secretFolder : secret, { recursive: true, force: true });
});

interface Packed {
  readonly filename: string;
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

function run(command: string, args: readonly string[], cwd: string) {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd,
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1", npm_config_update_notifier: "false" },
  });
  return { status, output: `${stdout}${stderr}`, stdout };
}

/** Packs the clone as it is, with what a quick start leaves in it. */
function pack(): Packed {
  mkdirSync(secretFolder, { recursive: true });
  writeFileSync(secret, "-----BEGIN PRIVATE KEY-----\n", { mode: 0o600 });
  const { status, stdout, output } = run(
    "npm",
    ["pack", "--json", "--ignore-scripts", "--pack-destination", folder],
    projectRoot,
  );
  assert.is(status, 0, output);
  return (JSON.parse(stdout) as Packed[])[0] as Packed;
}

const packed = pack();
const paths = packed.files.map(({ path }) => path);

test("it holds what its user needs, and nothing else", () => {
  for (const needed of [
    "build/js/host/veracruz-client/cli.js",
    "build/wasm/runtime.wasm",
    "assembly/sdk/index.ts",
    "assembly/sdk/veracruz_rt/transform.js",
    "host/wasm3-node/install.js",
    "mcu-client/Makefile",
    "LICENSE",
    "README.md",
  ])
    assert.ok(paths.includes(needed), `${needed} is missing`);
  const stray = paths.filter((path) =>
    /^(quickstart|mcu-quickstart|test|node_modules|\.)|^build\/(mcu|wasm3|js\/test|js\/examples|wasm\/(testing|examples))|\.(pem|key|stamp|wat|sqlite|log|tgz)$/.test(
      path,
    ),
  );
  assert.equal(stray, []);
  const { bin } = JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8"));
  for (const path of Object.values(bin)) assert.ok(paths.includes(path as string), `${path}`);
  assert.ok(packed.size < 3_000_000, `${packed.size} bytes`);
});

test("git ignores what the documents make", () => {
  for (const path of ["quickstart/ca.key.pem", "mcu-quickstart/x", "demo-ca.pem", "client.key"]) {
    assert.is(run("git", ["check-ignore", "-q", path], projectRoot).status, 0, path);
  }
});

if (!hasRegistry())
  skip(1, "no npm registry can be reached: what it depends on cannot be installed");
else
  test("installed in an empty folder elsewhere, it compiles, checks and runs a program", () => {
    const project = join(folder, "project");
    mkdirSync(project);
    writeFileSync(join(project, "package.json"), JSON.stringify({ private: true, type: "module" }));
    const { devDependencies } = JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8"));
    const installed = run(
      "npm",
      [
        ...["install", "--prefer-offline", "--no-fund", "--no-audit", "--legacy-peer-deps"],
        join(folder, packed.filename),
        `assemblyscript@${devDependencies.assemblyscript}`,
      ],
      project,
    );
    assert.is(installed.status, 0, installed.output);
    writeFileSync(
      join(project, "program.ts"),
      `import { writeOutput } from "veracruz-mcu/assembly/sdk";
      export function main(): i32 {
        const bytes = new Uint8Array(3);
        bytes[2] = 42;
        return writeOutput(bytes);
      }`,
    );
    const bin = (name: string) => join(project, "node_modules", ".bin", name);
    const config = "node_modules/veracruz-mcu/asconfig.json";
    for (const [command, args, expected] of [
      [
        "asc",
        [
          "program.ts",
          "--config",
          config,
          "--target",
          "wasm32-arm-veracruz",
          "--outFile",
          "p.wasm",
        ],
        /^$/,
      ],
      ["vc-wc", ["p.wasm"], /p\.wasm: accepted/],
      ["vc-fee", ["--program", "p.wasm"], /result \(3 bytes\): 00002a/],
      [
        "vc-fee",
        ["--program", "p.wasm", "--execution-strategy", "jit"],
        /result \(3 bytes\): 00002a/,
      ],
      ["vc-pgen", ["--help"], /Usage: vc-pgen/],
      ["vc-client", ["--help"], /Usage: vc-client/],
      ["vc-server", ["--help"], /Usage: vc-server/],
      ["vc-pas", ["init-ca", "--ca-key", "ca.key", "--ca-certificate", "ca.crt"], /ca\.crt/],
      ["vc-mcu", ["--help"], /Usage: vc-mcu/],
    ] as const) {
      const { status, output } = run(bin(command), args, project);
      assert.is(status, 0, `${command} ${args.join(" ")}: ${output}`);
      assert.match(output, expected);
    }
  });

test.run();
