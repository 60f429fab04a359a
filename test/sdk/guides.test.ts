// The guides of the SDKs, block by block, each in an empty folder elsewhere: what they show as a file is written, what
// they show as commands is run.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../../host/common/paths.js";
import { systemTool } from "../../host/common/system-tools.js";
import { quickCompilers } from "../support/quick-compiler.js";
import { hasRegistry, skip } from "../support/shared.js";
import { rustEnvironment, rusts } from "./rust-compiler.js";

interface Guide {
  readonly document: string;
  /** Commands that it needs besides bash and Node.js, with their Debian packages. */
  readonly tools: Readonly<Record<string, string>>;
  /** Whether it needs cargo for WebAssembly. */
  readonly rust?: boolean;
  /** Whether it installs packages: without a registry, they are linked instead. */
  readonly installs?: boolean;
  /** Where blocks of a language go; those of `sh` are run, others only shown. */
  readonly files: Readonly<Record<string, string>>;
  /** What the commands must print, in this order. */
  readonly prints: readonly RegExp[];
}

const guides: readonly Guide[] = [
  {
    document: "assembly/sdk/README.md",
    tools: {},
    installs: true,
    files: { ts: "program.ts" },
    prints: [/program\.wasm: accepted/, /result \(8 bytes\): 12$/m, /result \(8 bytes\): 0+2840$/m],
  },
  {
    document: "sdk/data.md",
    tools: {},
    files: {},
    prints: [/value\[0\]\.x {2}f64 = 1/, /\{"gradient":2,"intercept":1\}/],
  },
  {
    document: "sdk/testing.md",
    tools: {},
    files: { yaml: "line.yaml" },
    prints: [/^4 passed, 0 failed$/m, /^ok 1 - a line through two points \(jit\)$/m],
  },
  {
    document: "sdk/debugging.md",
    tools: {},
    files: {},
    prints: [/result \(32 bytes\)/],
  },
  {
    document: "sdk/c/README.md",
    tools: { clang: "clang", "wasm-ld": "lld", cmake: "cmake" },
    files: { c: "program.c", cmake: "CMakeLists.txt" },
    prints: [/program\.wasm: accepted/, /result \(8 bytes\): 21/, /temperature\.wasm: accepted/],
  },
  {
    document: "sdk/rust/README.md",
    tools: { "wasm-ld": "lld" },
    rust: true,
    files: { toml: "Cargo.toml", rust: "program.rs", json: "schema.json" },
    prints: [/temperature\.wasm: accepted/, /result \(8 bytes\): 21/],
  },
];

/** Puts the clone and the compiler that it has where npm would install them. */
function link(folder: string): void {
  const modules = join(folder, "node_modules");
  mkdirSync(modules);
  symlinkSync(projectRoot, join(modules, "veracruz-mcu"));
  for (const name of ["assemblyscript", ".bin"])
    symlinkSync(join(projectRoot, "node_modules", name), join(modules, name));
}

for (const { document, tools, rust, installs, files, prints } of guides) {
  const missing = Object.entries(tools).filter(([tool]) => systemTool(tool) === undefined);
  if (missing.length > 0) {
    const packages = missing.map(([, debian]) => debian).join(" ");
    skip(
      1,
      `${document} needs ${missing.map(([tool]) => tool).join(", ")}: apt-get install ${packages}`,
    );
    continue;
  }
  const [cargo] = rusts;
  if (rust && cargo === undefined) {
    skip(1, `${document} needs cargo: apt-get install cargo rustc libstd-rust-dev-wasm32`);
    continue;
  }
  test(`every block of ${document} works`, () => {
    const folder = mkdtempSync(join(tmpdir(), "vc-guide-"));
    try {
      const commands: string[] = [];
      const text = readFileSync(join(projectRoot, document), "utf8");
      for (const [, language = "", block = ""] of text.matchAll(/^```([\w,]+)\n(.*?)^```$/gms)) {
        const file = files[language];
        const here = block.replaceAll("PATH_OF_THE_CLONE", projectRoot);
        if (file !== undefined) writeFileSync(join(folder, file), here);
        else if (language === "sh") commands.push(here);
      }
      assert.ok(commands.length > 0);
      let script = commands.join("\n");
      if (installs) {
        const { devDependencies } = JSON.parse(
          readFileSync(join(projectRoot, "package.json"), "utf8"),
        );
        const installation = `npm install --save-dev assemblyscript@${devDependencies.assemblyscript} ${projectRoot}\n`;
        assert.ok(script.includes(installation), script);
        if (!hasRegistry()) {
          link(folder);
          script = script.replace(installation, "");
        }
      }
      const run = spawnSync("bash", ["-euc", script], {
        cwd: folder,
        encoding: "utf8",
        timeout: 300_000,
        env: {
          ...(cargo === undefined ? { ...process.env, NO_COLOR: "1" } : rustEnvironment(cargo)),
          ...quickCompilers,
        },
      });
      assert.is(run.status, 0, `${run.stdout}\n${run.stderr}`);
      let rest = run.stdout;
      for (const expected of prints) {
        const found = expected.exec(rest);
        assert.ok(found, `${expected} is not in:\n${run.stdout}`);
        rest = rest.slice(found.index + found[0].length);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}

test.run();
