import { execFile } from "node:child_process";
import { systemTool } from "../host/common/system-tools.js";

/** Tools that the models need, each with the Debian package that has it. */
const needed = { spin: "spin", gcc: "gcc", maude: "maude" } as const;

/** Debian packages of tools that are missing here. */
export function missingTools(): string[] {
  return Object.entries(needed)
    .filter(([tool]) => systemTool(tool) === undefined)
    .map(([, debianPackage]) => debianPackage);
}

/**
 * Runs a tool to its end.
 *
 * @returns what it printed, and its exit code
 * @throws where it could not be started or was ended by a signal
 */
export function run(
  tool: string,
  args: readonly string[],
  cwd: string,
): Promise<{ output: string; code: number }> {
  return new Promise((done, fail) => {
    execFile(tool, args, { cwd, maxBuffer: 1 << 28 }, (error, stdout, stderr) => {
      const output = stdout + stderr;
      if (error === null) done({ output, code: 0 });
      else if (typeof error.code === "number") done({ output, code: error.code });
      else fail(error);
    });
  });
}

/** Runs a tool that has to succeed. */
export async function mustRun(tool: string, args: readonly string[], cwd: string): Promise<string> {
  const { output, code } = await run(tool, args, cwd);
  if (code !== 0) throw new Error(`${tool} ${args.join(" ")} exited with ${code}: ${output}`);
  return output;
}

/** Does all of `jobs`, `atOnce` at a time, and returns their results in order. */
export async function inParallel<T>(jobs: (() => Promise<T>)[], atOnce: number): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  const worker = async () => {
    for (let job = jobs[next]; job !== undefined; job = jobs[next]) {
      const place = next++;
      results[place] = await job();
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return results;
}
