// npm run prove:field: proves field arithmetic of the compiled runtime for all inputs, and mutates it.
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { CliError, runCommand } from "../../host/common/cli.js";
import { projectRoot } from "../../host/common/paths.js";
import { systemTool } from "../../host/common/system-tools.js";
import { inParallel } from "../tools.js";
import { allProofs, readRuntime, watPath } from "./all-proofs.js";
import { type MutationReport, tryMutations } from "./mutations.js";
import type { Proof } from "./proofs.js";
import { Unproved } from "./unproved.js";

/** Mutations that must be caught, of those that change what is computed. */
const BAR = 0.99;

/** What became of one function: why it is not proved, or its mutations. */
interface Outcome {
  failure?: string;
  mutations?: MutationReport;
  /** Processor time that it took, in seconds. */
  seconds: number;
}

function prove(proof: Proof, mutate: boolean): Outcome {
  const module = readRuntime();
  const before = process.cpuUsage();
  const seconds = () => {
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1e6;
  };
  try {
    proof.prove(module);
  } catch (error) {
    if (!(error instanceof Unproved)) throw error;
    return { failure: error.message, seconds: seconds() };
  }
  const mutations = mutate ? { mutations: tryMutations(module, proof) } : {};
  return { ...mutations, seconds: seconds() };
}

/** Where the outcome for a function is kept: for this very module, and for these very proofs. */
function outcomePath(proof: Proof, mutate: boolean): string {
  const hash = createHash("sha256").update(readFileSync(watPath));
  const folder = dirname(fileURLToPath(import.meta.url));
  for (const file of readdirSync(folder)
    .filter((name) => name.endsWith(".js"))
    .toSorted()) {
    hash.update(readFileSync(join(folder, file)));
  }
  const name = hash.update(`${proof.function} ${mutate}`).digest("hex");
  return join(projectRoot, "build", "model", "proofs", `${name}.json`);
}

/** The same in a process of its own. */
function proveApart(proof: Proof, mutate: boolean, resume: boolean): Promise<Outcome> {
  const path = outcomePath(proof, mutate);
  if (resume && existsSync(path)) return Promise.resolve(JSON.parse(readFileSync(path, "utf8")));
  const args = [fileURLToPath(import.meta.url), "--one", proof.function];
  if (!mutate) args.push("--no-mutations");
  return new Promise((done, fail) => {
    execFile(process.execPath, args, { maxBuffer: 1 << 26 }, (error, stdout) => {
      if (error !== null) {
        fail(error);
        return;
      }
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, stdout);
      done(JSON.parse(stdout));
    });
  });
}

function print(proof: Proof, { failure, mutations, seconds }: Outcome): void {
  const name = proof.function.replace("$assembly/crypto/", "");
  if (failure !== undefined) console.log(`FAILED  ${name}: ${failure}`);
  else console.log(`proved  ${name}: ${proof.claim}`);
  if (mutations === undefined) return;
  const { tried, caught, equivalent, missed } = mutations;
  console.log(
    `        ${tried} mutations: ${caught} caught, ${equivalent} equivalent, ${missed.length} missed (${seconds.toFixed(1)} s)`,
  );
  for (const what of missed) console.log(`        missed: ${what}`);
}

interface Options {
  mutations: boolean;
  resume: boolean;
  jobs: string;
  one?: string;
}

const command = new Command("prove-field")
  .description("prove the field arithmetic of the compiled modules for all inputs")
  .option("--no-mutations", "do not try whether each single mutation is caught")
  .option("--resume", "take over what an earlier run has finished for the same modules", false)
  .option("--jobs <n>", "functions at a time", "2")
  .option("--one <function>", "one function, the outcome as JSON")
  .argument("[functions...]", "only functions whose name contains one of these")
  .action(async (names: string[], { mutations, resume, jobs, one }: Options) => {
    if (systemTool("z3") === undefined)
      throw new CliError("the proofs need z3: apt-get install z3");
    const atOnce = Number(jobs);
    if (!Number.isInteger(atOnce) || atOnce < 1) {
      throw new CliError(`--jobs wants a number from 1 on, not ${JSON.stringify(jobs)}`);
    }
    const chosen = allProofs.filter(({ function: name }) =>
      one !== undefined
        ? name === one
        : names.length === 0 || names.some((part) => name.includes(part)),
    );
    if (chosen.length === 0) throw new CliError("no proof is of a function of that name");
    if (one !== undefined) {
      console.log(JSON.stringify(prove(chosen[0] as Proof, mutations)));
      return;
    }
    const outcomes = await inParallel(
      chosen.map((proof) => async () => {
        const outcome = await proveApart(proof, mutations, resume);
        print(proof, outcome);
        return outcome;
      }),
      atOnce,
    );
    const sum = { tried: 0, caught: 0, equivalent: 0, seconds: 0 };
    outcomes.forEach((outcome) => {
      sum.seconds += outcome.seconds;
      sum.tried += outcome.mutations?.tried ?? 0;
      sum.caught += outcome.mutations?.caught ?? 0;
      sum.equivalent += outcome.mutations?.equivalent ?? 0;
    });
    const proved = outcomes.filter(({ failure }) => failure === undefined).length;
    console.log(
      `${proved} of ${chosen.length} functions proved for all inputs, ${sum.seconds.toFixed(0)} s of processor time`,
    );
    if (proved < chosen.length) process.exitCode = 1;
    if (!mutations) return;
    const different = sum.tried - sum.equivalent;
    console.log(
      `${sum.caught} of ${different} mutations caught, ` +
        `${((100 * sum.caught) / different).toFixed(2)} % (${sum.equivalent} more compute the same)`,
    );
    if (sum.caught < BAR * different) process.exitCode = 1;
  });

await runCommand(command);
