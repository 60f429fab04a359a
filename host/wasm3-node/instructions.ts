import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { wasmPath } from "../common/paths.js";
import { buildDriver } from "./driver/build.js";

const run = promisify(execFile);

/** A kernel of `assembly/testing/wasm3-kernels.ts`, and the two sizes between which instructions are counted. */
export interface Kernel {
  readonly label: string;
  readonly name: string;
  readonly small: number;
  readonly large: number;
}

/** Instructions of the interpreter between the two sizes: free of loading and compiling. */
export interface InstructionCount {
  readonly kernel: string;
  /** wasm3's sources as the npm package has them. */
  readonly upstream: number;
  readonly patched: number;
  readonly ratio: number;
}

/** Whether instructions can be counted here. */
export async function hasCallgrind(): Promise<boolean> {
  return run("valgrind", ["--version"]).then(
    () => true,
    () => false,
  );
}

async function instructions(driver: string, name: string, argument: number): Promise<number> {
  const { stdout, stderr } = await run("valgrind", [
    ...["--tool=callgrind", "--callgrind-out-file=/dev/null"],
    ...[driver, wasmPath("testing/wasm3-kernels"), name, "--compile", `${argument}`],
  ]);
  const collected = /Collected : (\d+)/.exec(stderr)?.[1];
  if (!stdout.startsWith("result: ") || !collected)
    throw new Error(`the driver did not run ${name}(${argument}): ${stdout}${stderr}`);
  return Number(collected);
}

/** Counts under callgrind, the same compiler flags on both sides. The figures repeat exactly. */
export async function countInstructions(kernels: readonly Kernel[]): Promise<InstructionCount[]> {
  const drivers = {
    upstream: await buildDriver({ patched: false, sanitize: false }),
    patched: await buildDriver({ patched: true, sanitize: false }),
  };
  const counts: InstructionCount[] = [];
  for (const { label, name, small, large } of kernels) {
    const count = async (driver: string): Promise<number> =>
      (await instructions(driver, name, large)) - (await instructions(driver, name, small));
    const upstream = await count(drivers.upstream);
    const patched = await count(drivers.patched);
    counts.push({ kernel: label, upstream, patched, ratio: patched / upstream });
  }
  return counts;
}
