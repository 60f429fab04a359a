import { type ChildProcess, type ChildProcessByStdio, spawn, spawnSync } from "node:child_process";
import { connect } from "node:net";
import type { Readable, Writable } from "node:stream";

/** Whether a command can be run here. */
export function hasCommand(command: string, ...args: string[]): boolean {
  return spawnSync(command, args, { stdio: "ignore" }).status === 0;
}

/** Waits until something listens on a port of the loopback address, or the command has ended. */
export async function reachable(port: number, command: Command): Promise<void> {
  while (command.child.exitCode === null) {
    const open = await new Promise<boolean>((done) => {
      const socket = connect({ port, host: "127.0.0.1" });
      socket.on("connect", () => {
        socket.destroy();
        done(true);
      });
      socket.on("error", () => done(false));
    });
    if (open) return;
    await new Promise((again) => setTimeout(again, 10));
  }
  throw new Error(`${command.child.spawnfile} ended: ${command.errors}`);
}

/** A running command, with all that it printed. */
export class Command {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly exited: Promise<number>;
  private readonly chunks: Buffer[] = [];
  private total = 0;
  errors = "";
  private waiting: (() => void)[] = [];

  constructor(command: string, args: readonly string[]) {
    this.child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] });
    this.child.stdin.on("error", () => {
      // The command may end before it has read everything.
    });
    this.child.stdout.on("data", (chunk: Buffer) => {
      this.chunks.push(chunk);
      this.total += chunk.length;
      this.wake();
    });
    this.child.stderr.on("data", (chunk: Buffer) => {
      this.errors += chunk.toString();
      this.wake();
    });
    this.exited = new Promise((done) => {
      this.child.on("close", (code) => {
        this.wake();
        done(code ?? -1);
      });
    });
  }

  private wake(): void {
    const waiting = this.waiting;
    this.waiting = [];
    for (const each of waiting) each();
  }

  get printed(): number {
    return this.total;
  }

  /** All that went to standard output. */
  get output(): Buffer {
    return Buffer.concat(this.chunks);
  }

  /** Waits until the output satisfies `condition`; rejects when the command ends first. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.child.exitCode !== null || this.child.signalCode !== null) {
        await this.exited;
        if (condition()) return;
        throw new Error(`${this.child.spawnfile} ended: ${this.errors || this.output.toString()}`);
      }
      await new Promise<void>((done) => this.waiting.push(done));
    }
  }

  async stop(): Promise<void> {
    end(this.child);
    await this.exited;
  }
}

function end(child: ChildProcess): void {
  if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
}

/** Rejects when `work` takes longer than `seconds`, so that a test that hangs says where. */
export async function within<T>(seconds: number, what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_done, fail) => {
    timer = setTimeout(() => fail(new Error(`${what}: no end after ${seconds} s`)), seconds * 1000);
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}
