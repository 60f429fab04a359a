// The example programs of `examples/no_std/` and the data that their generators make.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectRoot, wasmPath } from "../../host/common/paths.js";

export const exampleNames = [
  "nop",
  "random-source",
  "linear-regression",
  "string-edit-distance",
  "private-set-intersection",
  "intersection-set-sum",
  "number-stream-accumulation",
  "shamir-secret-sharing",
  "audio-event-triangulation",
  "idash2017-logistic-regression",
  "moving-average-convergence-divergence",
  "private-set-intersection-sum",
  "second-price-auction",
  "decision-tree",
  "noisy-histogram",
  "logistic-regression",
  "private-inference",
] as const;
export type ExampleName = (typeof exampleNames)[number];

/** Examples whose data are not made up: their generators know no `--seed`. */
const unseeded = new Set<string>([
  "nop",
  "random-source",
  "linear-regression",
  "moving-average-convergence-divergence",
  "private-inference",
]);

/** The built module of an example. */
export function exampleProgram(name: ExampleName): Uint8Array {
  return new Uint8Array(readFileSync(wasmPath(`examples/${name}`)));
}

/** Path of an example's generator, from the repository's folder. */
export function generatorPath(name: string): string {
  return `build/js/examples/no_std/${name}/generate.js`;
}

/**
 * The files that an example's generator makes, by name: `input-0`, `round-2/stream-0`, `expected-1`. The
 * same each time, unless the arguments hold another `--seed`.
 *
 * @throws when the generator fails
 */
export function exampleData(name: string, ...args: string[]): Record<string, Uint8Array> {
  const folder = mkdtempSync(join(tmpdir(), "vc-example-"));
  try {
    const generator = join(projectRoot, generatorPath(name));
    const seed = unseeded.has(name) || args.includes("--seed") ? [] : ["--seed", "test"];
    execFileSync(process.execPath, [generator, "--output-dir", folder, ...seed, ...args], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    return Object.fromEntries(
      readdirSync(folder, { recursive: true, encoding: "utf8" })
        .filter((file) => statSync(join(folder, file)).isFile())
        .map((file) => [file, new Uint8Array(readFileSync(join(folder, file)))]),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What a generator made for one round. */
export interface Round {
  inputs: Uint8Array[];
  streams: Uint8Array[];
  /** The result that the generator says to expect; undefined where it says none. */
  expected: Uint8Array | undefined;
}

/** The same data, round by round. */
export function exampleRounds(name: ExampleName, ...args: string[]): [Round, ...Round[]] {
  const files = exampleData(name, ...args);
  const numbered = (prefix: string): Uint8Array[] => {
    const list: Uint8Array[] = [];
    for (;;) {
      const file = files[`${prefix}${list.length}`];
      if (file === undefined) return list;
      list.push(file);
    }
  };
  const round = (number: number): Round => ({
    inputs: numbered("input-"),
    streams: numbered(`round-${number}/stream-`),
    expected: files[`expected-${number}`],
  });
  const rounds: [Round, ...Round[]] = [round(1)];
  while (files[`round-${rounds.length + 1}/stream-0`] !== undefined) {
    rounds.push(round(rounds.length + 1));
  }
  return rounds;
}

/** Runs one of the project's scripts and gives its exit code and output. */
export async function runScript(
  script: string,
  options: readonly string[],
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [join(projectRoot, script), ...options], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const code = await new Promise<number | null>((done) => child.on("close", done));
  return { code, stdout, stderr };
}
