import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Whether valgrind can be run here. */
export function hasValgrind(): boolean {
  return spawnSync("valgrind", ["--version"], { stdio: "ignore" }).status === 0;
}

/**
 * Counts the instructions of one native function, with all that it calls, by valgrind's callgrind. The
 * count is the same each time, whatever else the machine does.
 *
 * @param counted name of the function in the program's symbol table
 * @returns the instructions, and what the program printed
 */
export function countNative(
  command: string,
  args: readonly string[],
  counted: string,
): { instructions: number; output: string } {
  const folder = mkdtempSync(join(tmpdir(), "vc-callgrind-"));
  const report = join(folder, "callgrind.out");
  try {
    const output = execFileSync(
      "valgrind",
      [
        "--quiet",
        "--tool=callgrind",
        `--callgrind-out-file=${report}`,
        `--toggle-collect=${counted}`,
        command,
        ...args,
      ],
      { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] },
    );
    const total = /^(?:summary|totals): (\d+)/m.exec(readFileSync(report, "utf8"));
    if (!total) throw new Error(`no count in callgrind's report of ${command}`);
    return { instructions: Number(total[1]), output };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
