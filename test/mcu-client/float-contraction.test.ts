// No build fuses a multiplication and an addition of floats: the last bit would differ from every other home's.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../../host/common/paths.js";
import { missingTools } from "../../host/mcu/toolchain.js";
import { skip } from "../support/shared.js";

const source = `
float f(float a, float b, float c) { return a * b + c; }
float g(float a, float b, float c) { return c - a * b; }
double h(double a, double b, double c) { return a * b + c; }
`;
const fused = /\bv?fn?m(?:add|sub|a|s|la|ls)[.\w]*|\bvml[as]\.f/i;

/** Assembler text of the functions. */
function compile(compiler: string, args: string[]): string {
  const input = { input: source, encoding: "utf8", cwd: projectRoot } as const;
  const made = spawnSync(compiler, [...args, "-x", "c", "-S", "-", "-o", "-"], input);
  assert.is(made.status, 0, made.stderr);
  return made.stdout;
}

/** What makes gcc fuse on that machine, so that the test cannot pass for want of the instruction. */
const settings = (args: readonly string[]) =>
  args.filter((flag) => !/^-(ffp-contract|MMD|MP|fstack-usage)/.test(flag));

const { compilerArguments } = (await import(
  pathToFileURL(join(projectRoot, "host/wasm3-node/prepare-sources.js")).href
)) as { compilerArguments: (home: "host" | "translated") => string[] };

for (const home of ["host", "translated"] as const) {
  const args = [...compilerArguments(home), process.arch === "x64" ? "-mfma" : "-O2"];
  if (process.arch === "x64" || process.arch === "arm64")
    test(`on a computer: ${home}`, () => {
      assert.match(compile("cc", [...settings(args), "-ffp-contract=fast"]), fused);
      assert.not.match(compile("cc", args), fused);
    });
}

const reason = missingTools();
if (reason !== undefined) {
  skip(2, reason);
} else {
  for (const variable of ["WASM2C_CFLAGS", "WASM3_CFLAGS"])
    test(`on a Cortex-M4F: ${variable}`, () => {
      const print = `print:;@echo $(CC) $(${variable})`;
      const { stdout } = spawnSync(
        "make",
        [
          ...["-C", "mcu-client", "--no-print-directory", "--silent", "--eval", print],
          ...["BOARD=mps2-an386", "HOST=c", "IMAGE=isolate", "print"],
        ],
        { cwd: projectRoot, encoding: "utf8" },
      );
      const [compiler = "", ...all] = stdout.trim().split("\n").at(-1)?.split(" ") ?? [];
      const args = all.filter((flag) => !/^-(MMD|MP|fstack-usage)$/.test(flag));
      assert.match(compile(compiler, [...settings(args), "-ffp-contract=fast"]), fused);
      assert.not.match(compile(compiler, args), fused);
    });
}

test.run();
