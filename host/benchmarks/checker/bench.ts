// npm run bench:checker: how fast the WASM checker is, on a large program of compiled code.
import { execFileSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { CliError, runCommand } from "../../common/cli.js";
import { projectRoot, wasmPath } from "../../common/paths.js";
import { systemTool } from "../../common/system-tools.js";
import { Checker } from "../../wasm-checker/checker.js";
import { Environment } from "../../wasm3-node/index.js";
import { enlarge } from "./large-program.js";

/** Bars: bytes of module checked in a second. */
const BAR_NATIVE = 20e6;
const BAR_WASM3 = 1e6;
const BAR_SIZE = 14 * 1024;

const folder = join(projectRoot, "build", "bench-checker");
const room = join(projectRoot, "host", "benchmarks", "checker");

/** Nanoseconds of one run of `work`, the best of several. */
function best(times: number, work: () => void): number {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < times; round++) {
    const start = process.hrtime.bigint();
    work();
    least = Math.min(least, Number(process.hrtime.bigint() - start));
  }
  return least;
}

/** The checker through wasm2c and a C compiler at -O2, as in the compiled firmware. */
function native(file: string): number {
  const runtime = ["/usr/share/wabt/wasm2c", "/usr/share/wabt"].find((path) =>
    existsSync(join(path, "wasm-rt-impl.c")),
  );
  const wasm2c = systemTool("wasm2c");
  if (runtime === undefined || wasm2c === undefined) {
    throw new CliError("wasm2c or its runtime is missing (Debian 12: apt-get install wabt)", 1);
  }
  const out = join(folder, "native");
  execFileSync(wasm2c, [wasmPath("checker"), "-n", "checker", "-o", join(folder, "checker.c")]);
  copyFileSync(join(room, "native.c"), join(folder, "native.c"));
  const sources = [
    join(folder, "checker.c"),
    join(folder, "native.c"),
    join(runtime, "wasm-rt-impl.c"),
  ];
  const options = ["-std=gnu11", "-O2", "-include", "stdbool.h", "-include", "stdlib.h"];
  execFileSync("cc", [...options, "-I", folder, "-I", runtime, ...sources, "-lm", "-o", out], {
    stdio: "pipe",
  });
  const runs = Array.from({ length: 5 }, () => {
    const [code, ns] = execFileSync(out, [file, "10"], { encoding: "utf8" }).split(" ");
    if (code !== "0") throw new Error(`refused: ${code}`);
    return Number(ns);
  });
  return Math.min(...runs);
}

/** The checker under wasm3, without the wasm3-node memory copies. */
function interpreted(module: Uint8Array): number {
  const environment = new Environment();
  const runtime = environment.newRuntime({ stackSize: 65536, memoryLimit: 64 << 20 });
  const checker = runtime.load(readFileSync(wasmPath("checker")), "checker");
  checker.compile();
  const call = (name: string, ...args: number[]) =>
    checker.findFunction(name).call(...args) as number;
  call("_initialize");
  call("limits", 0);
  const at = call("allocate", module.length) >>> 0;
  runtime.memory.write(at, module);
  const check = checker.findFunction("check");
  const ns = best(3, () => {
    if (check.call(at, module.length) !== 0) throw new Error("refused");
  });
  runtime.free();
  environment.free();
  return ns;
}

await runCommand(
  new Command("bench:checker")
    .description("Measures the WASM checker on a large program of compiled code.")
    .action(() => {
      mkdirSync(folder, { recursive: true });
      const module = enlarge(readFileSync(wasmPath("checker")), "report", 60);
      const file = join(folder, "large.wasm");
      writeFileSync(file, module);
      const checker = new Checker("host");
      const report = checker.check(module);
      if (report.code !== 0) throw new Error(`refused: ${report.code} at ${report.offset}`);
      console.log(
        `program: ${module.length} bytes, ${report.functions} functions, ${report.instructions} instructions`,
      );
      const size = statSync(wasmPath("checker")).size;
      console.log(
        `checker: ${size} bytes of wasm (bar ${BAR_SIZE}), ${report.workspaceBytes} bytes of memory for this program`,
      );
      const rows = [
        ["V8", best(10, () => checker.check(module)), 0],
        ["wasm2c, cc -O2", native(file), BAR_NATIVE],
        ["wasm3", interpreted(module), BAR_WASM3],
      ] as const;
      let met = size <= BAR_SIZE;
      for (const [name, ns, bar] of rows) {
        const rate = module.length / (ns / 1e9);
        met &&= rate >= bar;
        const wanted = bar === 0 ? "" : ` (bar ${bar / 1e6})`;
        console.log(`${name.padEnd(16)} ${(rate / 1e6).toFixed(1)} MB/s${wanted}`);
      }
      if (!met) throw new CliError("a bar is not met", 1);
    }),
);
