// The processes that `bench.ts` measures and those that it measures them with.
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { projectRoot } from "../../host/common/paths.js";
import { Policy } from "../../host/veracruz-utils/policy.js";
import {
  exampleModule,
  makePolicy,
  type SystemOptions,
  type TestAttestation,
} from "../support/system.js";

const roles = join(projectRoot, "build/js/test/veracruz-server/bench-roles.js");
const children: ChildProcess[] = [];

/** Ends every process that was started here. */
export function endAll(): void {
  for (const child of children) child.kill("SIGKILL");
}

/** A process with a part to play, see `bench-roles.ts`. */
export interface Helper {
  readonly pid: number;
  /** The next line that the process reports. */
  next(): Promise<Record<string, number>>;
  end(): void;
}

export function startHelper(...args: (string | number)[]): Helper {
  const child = spawn(process.execPath, [roles, ...args.map(String)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  const lines: string[] = [];
  let wake: () => void = () => undefined;
  child.stdout.on("data", (chunk: Buffer) => {
    lines.push(...chunk.toString().trim().split("\n"));
    wake();
  });
  return {
    pid: child.pid as number,
    async next() {
      while (lines.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return JSON.parse(lines.shift() as string);
    },
    end: () => child.kill(),
  };
}

/** Principals beside alice, who only read: each may ask for a session twice a second, and 120 times at once. */
export const READERS: readonly string[] = ["bob", "carol", "dave", "erin", "frank", "grace"];

export interface ServerProcess {
  readonly policy: Policy;
  readonly port: number;
  readonly pid: number;
  /** Of the isolate's process that it has started; NaN: none. */
  readonly isolatePid: number;
  end(): Promise<void>;
}

/** vc-server in a process of its own. */
export function startServer(
  attestation: TestAttestation,
  ...args: string[]
): Promise<ServerProcess> {
  const options = {
    principals: {
      alice: "nop.wasm:w,output:r",
      ...Object.fromEntries(READERS.map((name) => [name, "output:r"])),
      mallory: "",
    },
    programs: { "nop.wasm": { module: exampleModule("nop"), rights: "output:w" } },
  };
  return startServerFor(attestation, options, ...args);
}

/** The same for another policy. */
export async function startServerFor(
  attestation: TestAttestation,
  options: SystemOptions,
  ...args: string[]
): Promise<ServerProcess> {
  const document = makePolicy(attestation, options);
  const policy = join(attestation.folder, "bench-policy.json");
  const bytes = Buffer.from(JSON.stringify(document));
  writeFileSync(policy, bytes);
  const cli = join(projectRoot, "build/js/host/veracruz-server/cli.js");
  const child = spawn(
    process.execPath,
    [cli, policy, "--listen", "127.0.0.1:0", "--sessions-per-minute", "1000000", ...args],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  children.push(child);
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const started = await new Promise<{ port: number; isolatePid: number }>((resolve, reject) => {
    let text = "";
    child.stdout.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      const port = Number(/"port":(\d+)[^\n]*"msg":"listening"/.exec(text)?.[1]);
      const isolatePid = Number(/"pid":(\d+)[^\n]*"isolate process started"/.exec(text)?.[1]);
      if (text.includes('"msg":"ready"')) resolve({ port, isolatePid });
    });
    void ended.then(() => reject(new Error(`the server ended: ${text}`)));
  });
  return {
    policy: new Policy(bytes),
    ...started,
    pid: child.pid as number,
    end: () => {
      child.kill("SIGTERM");
      return ended;
    },
  };
}

/** vc-isolate in a process of its own, which takes whoever connects first. */
export async function startIsolate(
  attestation: TestAttestation,
): Promise<{ port: number; end(): void }> {
  const cli = join(projectRoot, "build/js/host/isolate/cli.js");
  const child = spawn(
    process.execPath,
    [
      ...[cli, "--listen", "127.0.0.1:0", "--root-of-trust", attestation.rootOfTrust],
      ...["--runtime", attestation.runtime, "--user", userInfo().username],
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  children.push(child);
  const port = await new Promise<number>((resolve, reject) => {
    let text = "";
    child.stdout.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      const found = /"address":"127\.0\.0\.1:(\d+)"[^\n]*"msg":"listening"/.exec(text)?.[1];
      if (found !== undefined) resolve(Number(found));
    });
    child.once("close", () => reject(new Error(`the isolate ended: ${text}`)));
  });
  return { port, end: () => child.kill("SIGTERM") };
}

/** Resident memory of a process in MB. */
export function memoryOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return (Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024) / 1e6;
}

/** Processor time of a process so far, user and system, in seconds. */
export function processorSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // Fields 14 and 15 (proc(5)), counted behind the name, which may hold spaces; in ticks of 1/100 s.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
