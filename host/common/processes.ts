import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { CliError } from "./cli.js";
import { projectRoot } from "./paths.js";

const room = join(projectRoot, "build/js/host");

/** Where each command of this project stands. */
export const commands = {
  "vc-root-of-trust": join(room, "psa-attestation/cli.js"),
  "vc-pas": join(room, "proxy-attestation-server/cli.js"),
  "vc-pgen": join(room, "policy-generator/cli.js"),
  "vc-server": join(room, "veracruz-server/cli.js"),
  "vc-client": join(room, "veracruz-client/cli.js"),
} as const;
/** The name of a command that can be started here. */
export type CommandName = keyof typeof commands;

/** How long a server may take to end in order. */
const STOP_MS = 15_000;

/** What a command left behind. */
export interface Finished {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a command to its end. Never rejects: the exit code says what happened. */
export function run(name: CommandName, args: readonly string[], cwd: string): Promise<Finished> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [commands[name], ...args], {
      cwd,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk) => {
      stdout += chunk;
    });
    child.stderr.on("data", (chunk) => {
      stderr += chunk;
    });
    child.on("close", (code) => resolve({ code: code ?? 1, stdout, stderr }));
  });
}

/** A server that runs in the background and logs a JSON object a line. */
export class Background {
  private readonly child: ChildProcess;
  private readonly lines: Record<string, unknown>[] = [];
  private readonly waiting = new Set<() => void>();
  private errors = "";
  private code: number | undefined;

  constructor(
    private readonly name: CommandName,
    args: readonly string[],
    cwd: string,
  ) {
    const child = spawn(process.execPath, [commands[name], ...args], {
      cwd,
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.child = child;
    createInterface({ input: child.stdout }).on("line", (line) => {
      try {
        this.lines.push(JSON.parse(line));
      } catch {
        this.errors += `${line}\n`;
      }
      this.wake();
    });
    child.stderr.on("data", (chunk) => {
      this.errors += chunk;
    });
    child.on("close", (code) => {
      this.code = code ?? 1;
      process.off("exit", this.terminate);
      this.wake();
    });
    // However this process ends, its servers do not outlive it.
    process.once("exit", this.terminate);
  }

  private readonly terminate = (): void => {
    this.child.kill("SIGTERM");
  };

  private wake(): void {
    for (const each of this.waiting) each();
  }

  /** The first line it logs of which this holds. Rejects with what it said when it ends before. */
  line(holds: (entry: Record<string, unknown>) => boolean): Promise<Record<string, unknown>> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = this.lines.find(holds);
        if (found === undefined && this.code === undefined) return;
        this.waiting.delete(look);
        if (found !== undefined) resolve(found);
        else reject(new CliError(`${this.name} ended: ${this.why()}`, 1));
      };
      this.waiting.add(look);
      look();
    });
  }

  /** Its last words: the last reason that it logged. */
  private why(): string {
    const reason = this.lines.findLast((entry) => typeof entry.reason === "string")?.reason;
    return String(reason ?? (this.errors.trim() || `exit code ${this.code}`));
  }

  /** Ends it, and waits until it has. */
  async stop(): Promise<void> {
    if (this.code !== undefined) return;
    const ended = new Promise<void>((resolve) => this.child.once("close", () => resolve()));
    this.terminate();
    const last = setTimeout(() => this.child.kill("SIGKILL"), STOP_MS);
    await ended;
    clearTimeout(last);
  }
}
