// The long fuzzing command of the WASM checker: `npm run fuzz:checker`.
import { writeFileSync } from "node:fs";
import { Command } from "commander";
import { runCommand } from "../../../host/common/cli.js";
import { parseWhole } from "../../../host/common/quantities.js";
import { Checker } from "../../../host/wasm-checker/checker.js";
import { buildRunner, hasSanitizers } from "../native/build.js";
import { compareVerdicts } from "./differential.js";
import { compareExecution } from "./executed.js";
import { mutants } from "./modules.js";
import { failures, runSanitized } from "./sanitized.js";

interface Options {
  execute: number;
  compare: number;
  sanitize: number;
  seed: number;
}

const whole = (text: string): number => parseWhole(text, 0, 2 ** 31 - 1);
const seconds = (since: number): string => `${((Date.now() - since) / 1000).toFixed(0)} s`;

function compare(seed: number, count: number): boolean {
  const started = Date.now();
  const { compared, accepted, outside, explanations, unexplained } = compareVerdicts(seed, count);
  console.log(
    `compared with V8 and wabt: ${compared} modules, ${accepted} accepted, ${outside} refused for features, ABI or limits, ${unexplained.length} unexplained differences, ${seconds(started)}`,
  );
  for (const [reason, times] of explanations) console.log(`  ${times} × ${reason}`);
  for (const [index, { code, v8, wabt, module }] of unexplained.slice(0, 10).entries()) {
    const file = `checker-difference-${seed}-${index}.wasm`;
    writeFileSync(file, module);
    console.log(`  ${file}: checker ${code}; V8: ${v8 ?? "accepted"}; wabt: ${wabt ?? "accepted"}`);
  }
  return unexplained.length === 0;
}

async function sanitize(seed: number, count: number): Promise<boolean> {
  if (!hasSanitizers()) {
    console.log("no C compiler with AddressSanitizer (Debian: gcc)");
    return false;
  }
  const runner = await buildRunner();
  const started = Date.now();
  const checker = new Checker("host");
  function* accepted(): Generator<Uint8Array> {
    for (const module of mutants(seed, count)) if (checker.check(module).code === 0) yield module;
  }
  const run = await runSanitized(runner, accepted());
  const failed = failures(run);
  console.log(
    `behind the checker: ${count} mutated modules, ${run.modules} accepted and given to wasm3 under ASan and UBSan, ${run.finding ? "a finding" : "no finding"}, ${seconds(started)}`,
  );
  for (const [outcome, times] of run.outcomes) console.log(`  ${times} × ${outcome}`);
  if (run.finding) {
    const file = `checker-finding-${seed}.wasm`;
    writeFileSync(file, run.finding.module);
    console.log(`${run.finding.report}\nmodule: ${file}`);
  }
  if (failed.length > 0) console.log(`accepted, but wasm3 failed: ${failed.join("; ")}`);
  return run.finding === undefined && failed.length === 0;
}

async function execute(seed: number, count: number): Promise<boolean> {
  if (!hasSanitizers()) return false;
  const runner = await buildRunner();
  const started = Date.now();
  // In parts, each held in memory.
  const part = 20_000;
  let compared = 0;
  let differ = 0;
  for (let from = 0; from < count; from += part) {
    const result = await compareExecution(runner, seed + from, Math.min(part, count - from));
    compared += result.compared;
    differ += result.differences.length;
    for (const [index, { module, wasm3, v8 }] of result.differences.slice(0, 3).entries()) {
      const file = `checker-execution-${seed + from}-${index}.wasm`;
      writeFileSync(file, module);
      console.log(`  ${file}: wasm3: ${wasm3}; V8: ${v8}`);
    }
    if (result.run.finding) {
      console.log(result.run.finding.report);
      return false;
    }
  }
  console.log(
    `run by wasm3 and by V8: ${count} random programs, ${compared} outcomes compared, ${differ} differ, ${seconds(started)}`,
  );
  return differ === 0;
}

await runCommand(
  new Command("fuzz:checker")
    .description(
      "Fuzzes the WASM checker: against V8 and wabt, and in front of wasm3 under sanitizers.",
    )
    .option("--compare <n>", "mutated modules to compare verdicts on", whole, 100_000)
    .option("--sanitize <n>", "mutated modules to run behind the checker", whole, 1_000_000)
    .option("--execute <n>", "random programs to run in wasm3 and in V8", whole, 100_000)
    .option("--seed <n>", "which modules", whole, 1)
    .action(async (options: Options) => {
      const same = compare(options.seed, options.compare);
      const sound = await sanitize(options.seed + 1, options.sanitize);
      const right = await execute(options.seed + 2, options.execute);
      if (!same || !sound || !right) process.exitCode = 1;
    }),
);
