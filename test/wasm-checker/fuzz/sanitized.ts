// What the checker accepts goes to wasm3 under AddressSanitizer and UndefinedBehaviorSanitizer.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface SanitizedRun {
  /** Modules that reached wasm3. */
  modules: number;
  /** How often each outcome was seen: a stage and wasm3's message, or `returned`. */
  outcomes: Map<string, number>;
  /** Outcome of each module and what `main` returned, where they were asked for. */
  each: { outcome: string; returned: number }[];
  /** The sanitizers' report and the module that caused it, when there is a finding. */
  finding?: { report: string; module: Uint8Array };
}

/**
 * Gives modules to the runner (`native/run-modules.c`).
 *
 * @param runner the built program
 * @param modules what it is to load, compile and run
 * @param each whether to tell the outcome of each module
 */
export async function runSanitized(
  runner: string,
  modules: Iterable<Uint8Array>,
  each = false,
): Promise<SanitizedRun> {
  const folder = mkdtempSync(join(tmpdir(), "wasm-checker-"));
  const atHand = join(folder, "module");
  const child = spawn(runner, each ? [atHand, "--each"] : [atHand], {
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, ASAN_OPTIONS: "detect_leaks=1:quarantine_size_mb=8" },
  });
  let output = "";
  let report = "";
  child.stdout.on("data", (chunk) => {
    output += chunk;
  });
  child.stderr.on("data", (chunk) => {
    report += chunk;
  });
  // A finding closes the pipe while it is written to.
  let closed = false;
  child.stdin.on("error", () => {
    closed = true;
  });
  const ended = once(child, "close");
  const result: SanitizedRun = { modules: 0, outcomes: new Map(), each: [] };
  for (const module of modules) {
    if (closed || child.exitCode !== null) break;
    const frame = Buffer.alloc(4 + module.length);
    frame.writeUInt32LE(module.length);
    frame.set(module, 4);
    result.modules++;
    if (!child.stdin.write(frame)) {
      await Promise.race([once(child.stdin, "drain").catch(() => undefined), ended]);
    }
  }
  child.stdin.end();
  const [code, signal] = await ended;
  if (code !== 0) {
    const frame = readFileSync(atHand);
    const module = frame.subarray(4, 4 + frame.readUInt32LE());
    result.finding = { report: report || `ended by ${signal ?? code}`, module };
  }
  for (const line of output.split("\n").filter(Boolean)) {
    const [first, second] = line.split("\t") as [string, string];
    if (each) {
      result.each.push({ outcome: first, returned: Number(second) });
      result.outcomes.set(first, (result.outcomes.get(first) ?? 0) + 1);
    } else result.outcomes.set(second, Number(first));
  }
  rmSync(folder, { recursive: true });
  return result;
}

/**
 * Outcomes that say that wasm3 could not load or compile what the checker accepted. What the runner has
 * no memory for is not among them.
 */
export function failures(run: SanitizedRun): string[] {
  return [...run.outcomes.keys()].filter(
    (outcome) => !/^(returned$|run: |load: runtime ran out of memory$)/.test(outcome),
  );
}
