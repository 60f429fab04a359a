import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectRoot, wasmPath } from "../../host/common/paths.js";

/** The example programs of `examples/no_std/`. */
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
] as const;
export type ExampleName = (typeof exampleNames)[number];

/** The built module of an example. */
export function exampleProgram(name: ExampleName): Uint8Array {
  return new Uint8Array(readFileSync(wasmPath(`examples/${name}`)));
}

/** What a generator made for one round. */
export interface Round {
  inputs: Uint8Array[];
  streams: Uint8Array[];
  /** The result that the generator says to expect; undefined where it says none. */
  expected: Uint8Array | undefined;
}

/** The files `PREFIX0`, `PREFIX1`, … of a folder. */
function numbered(folder: string, prefix: string, files: readonly string[]): Uint8Array[] {
  const count = files.filter((file) => file.startsWith(prefix)).length;
  return Array.from({ length: count }, (_, index) =>
    Uint8Array.from(readFileSync(join(folder, `${prefix}${index}`))),
  );
}

/** Runs a command and gives its exit code and output. */
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

/** Path of an example's generator, from the repository's folder. */
export function generatorPath(name: ExampleName): string {
  return `build/js/examples/no_std/${name}/generate.js`;
}

/** Runs an example's generator and reads what it made, round by round. Throws if it fails. */
export async function generateData(
  name: ExampleName,
  options: readonly string[] = [],
): Promise<Round[]> {
  const folder = mkdtempSync(join(tmpdir(), `veracruz-${name}-`));
  try {
    const { code, stderr } = await runScript(generatorPath(name), [
      "--output-dir",
      folder,
      ...options,
    ]);
    if (code !== 0) throw new Error(`the generator of ${name} exits with ${code}: ${stderr}`);
    const files = readdirSync(folder);
    const inputs = numbered(folder, "input-", files);
    const rounds = Math.max(1, files.filter((file) => file.startsWith("round-")).length);
    return Array.from({ length: rounds }, (_, index) => {
      const roundFolder = join(folder, `round-${index + 1}`);
      const streams = files.includes(`round-${index + 1}`)
        ? numbered(roundFolder, "stream-", readdirSync(roundFolder))
        : [];
      const expected = files.includes(`expected-${index + 1}`)
        ? Uint8Array.from(readFileSync(join(folder, `expected-${index + 1}`)))
        : undefined;
      return { inputs, streams, expected };
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
