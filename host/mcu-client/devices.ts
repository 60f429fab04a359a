import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { CliError } from "../common/cli.js";
import type { EmulatedBoard, Host } from "../mcu/toolchain.js";
import { EmulatedDevice, type Sample } from "./device.js";
import { DEVICES } from "./scenarios.js";

const HEALTH_MS = 2000;

/** After so long, whoever waits is told for what, in milliseconds. */
const TELL_MS = 2000;

/** What a deployment says of itself in `ready.json`. */
export interface Ready {
  sample: Sample;
  server: { host: string; port: number };
  /** Of the demo server: its network is where the devices must be. */
  pid: number;
  /** Another one for each deployment. */
  id: string;
}

/** What the servers have said to be ready with; undefined before that. */
export function readReady(folder: string): Ready | undefined {
  const path = join(folder, "ready.json");
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Ready) : undefined;
}

/** Waits for a deployment in a folder to be ready: another one than `after`. */
export async function waitReady(folder: string, timeoutMs: number, after?: string): Promise<Ready> {
  const [beginning, deadline] = [Date.now(), Date.now() + timeoutMs];
  for (let told = false; ; await delay(100)) {
    const ready = readReady(folder);
    if (ready !== undefined && ready.id !== after) return ready;
    if (!told && Date.now() > beginning + TELL_MS) {
      console.error(
        `waiting up to ${Math.ceil(timeoutMs / 1000)} s for a demo's servers in ${folder}: vc-mcu-client demo starts them`,
      );
      told = true;
    }
    if (Date.now() > deadline) throw new CliError(`no server is ready in ${folder}`, 1);
  }
}

/** Whether a deployment's server answers, and has its isolate attested. */
async function isHealthy({ server }: Ready): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(HEALTH_MS);
    return (await fetch(`http://${server.host}:${server.port}/healthz`, { signal })).ok;
  } catch {
    return false;
  }
}

/** Waits until that is so. @throws CliError when it is not, once the deadline has passed */
export async function waitHealthy(ready: Ready, deadline: number): Promise<void> {
  for (; !(await isHealthy(ready)); await delay(100)) {
    if (Date.now() <= deadline) continue;
    const { host, port } = ready.server;
    throw new CliError(
      `the server on ${host}:${port} does not answer, or has no attested isolate`,
      1,
    );
  }
}

/** Where the deployment is, and on which boards its devices run. */
export interface DevicesOptions {
  folder: string;
  sample: Sample;
  board: EmulatedBoard;
  host: Host;
  /** Which of the devices; default: all. */
  numbers?: readonly number[];
  tell: (who: string, text: string) => void;
}

/** Starts the emulated devices of a deployment, at once. */
export function startDevices(options: DevicesOptions): EmulatedDevice[] {
  const { folder, sample, board, host, tell } = options;
  const numbers = options.numbers ?? Array.from({ length: DEVICES }, (_, index) => index);
  return numbers.map((number) => {
    const name = `device-${number}`;
    return new EmulatedDevice({
      board,
      host,
      sample,
      page: readFileSync(join(folder, "pages", `${name}.bin`)),
      console: (line) => tell(name, line.replace(/^device: /, "")),
    });
  });
}

/** Waits for the devices to end. @throws CliError naming those that failed */
export async function finishDevices(devices: readonly { ended: Promise<number> }[]): Promise<void> {
  const codes = await Promise.all(devices.map(({ ended }) => ended));
  const failed = codes.flatMap((code, index) =>
    code === 0 ? [] : [`device ${index} (exit code ${code})`],
  );
  if (failed.length > 0) throw new CliError(`failed: ${failed.join(", ")}`, 1);
}
