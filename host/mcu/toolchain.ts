import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { CliError } from "../common/cli.js";
import { interruptions } from "../common/interruption.js";
import { projectRoot } from "../common/paths.js";
import { systemTool } from "../common/system-tools.js";

/** Boards that QEMU emulates. */
export const emulatedBoards = ["mps2-an385", "mps2-an386", "mps2-an500", "mps2-an505"] as const;
/** A board that QEMU emulates. */
export type EmulatedBoard = (typeof emulatedBoards)[number];

/** Boards whose isolate is two images, one for each world of TrustZone-M (`TWO_WORLDS` in the board's board.mk). */
const boardsOfTwoWorlds: ReadonlySet<string> = new Set<EmulatedBoard>(["mps2-an505"]);

/** Whether the board's isolate is two images: the secure one, and the one outside. */
export function hasTwoWorlds(board: string): boolean {
  return boardsOfTwoWorlds.has(board);
}

/** How a trusted module is hosted by the firmware: interpreted, or compiled through C. */
export const hosts = ["wasm3", "c"] as const;
/** How the trusted runtime is hosted by an isolate: compiled by the Thumb-2 compiler, without C, or as above. */
export const runtimeHosts = ["thumb2", "c", "wasm3"] as const;
/** One of them. */
export type Host = (typeof runtimeHosts)[number];
/** The one that an isolate has unless somebody chooses another; for make, `mcu-client/images/isolate/host.mk` says the same. */
export const defaultRuntimeHost: Host = "thumb2";

/** An emulated board, and how its isolate hosts the trusted runtime. */
export interface EmulatedChoice {
  readonly board: EmulatedBoard;
  readonly runtimeHost: Host;
}

/** Reads `BOARD` or `BOARD:HOST`; undefined where there is no such board or host. */
export function parseEmulated(text: string): EmulatedChoice | undefined {
  const [boardName, hostName = defaultRuntimeHost, ...more] = text.split(":");
  const board = emulatedBoards.find((each) => each === boardName);
  const runtimeHost = runtimeHosts.find((each) => each === hostName);
  return board && runtimeHost && more.length === 0 ? { board, runtimeHost } : undefined;
}

/** The forms of an emulated isolate's name, as in `qemu:BOARD[:thumb2|c|wasm3]`, for help texts. */
export const emulatedForms = `qemu:BOARD[:${runtimeHosts.join("|")}]`;
/** How a runtime is hosted when nobody chooses, and what there is, for help texts. */
export const hostsInWords =
  "its trusted runtime compiled without C (thumb2, the default), compiled through C (c) or interpreted (wasm3)";
/** What is wrong with an isolate's name of another form; begins with what else is expected, as in `process or `. */
export const expectedEmulated = (others: string): string =>
  `expected ${others}${emulatedForms}, where BOARD is one of ${emulatedBoards.join(", ")}`;

/** Where everything that is built for microcontrollers goes. */
export const mcuBuildFolder: string = join(projectRoot, "build", "mcu");

const debianPackages: ReadonlyMap<string, string> = new Map([
  ["arm-none-eabi-gcc", "gcc-arm-none-eabi libnewlib-arm-none-eabi"],
  ["make", "make"],
  ["flock", "util-linux"],
  ["wasm2c", "wabt"],
  ["qemu-system-arm", "qemu-system-arm"],
]);

/**
 * Whether the tools to build and emulate firmware are installed.
 *
 * @returns undefined, or a sentence that says what is missing and which Debian packages bring it
 */
export function missingTools(): string | undefined {
  const missing = [...debianPackages].filter(([tool]) => systemTool(tool) === undefined);
  if (missing.length === 0) return undefined;
  const names = missing.map(([tool]) => tool).join(", ");
  const packages = missing.map(([, name]) => name).join(" ");
  return `${names} not found; on Debian: apt-get install --no-install-recommends ${packages}`;
}

/** Ends a process that was started detached, with all that it has started in turn. */
function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, signal);
  } catch {
    // It has ended by itself.
  }
}

/**
 * Runs a command to its end. A signal that interrupts this process ends the command and all that it has
 * started, so that no compiler outlives an interrupted build.
 *
 * @returns what it wrote on standard output
 * @throws Error with its output when it fails
 */
export function runCommand(
  command: string,
  args: readonly string[],
  options: { timeoutMs?: number } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: projectRoot,
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    const interrupt = (signal: NodeJS.Signals) => {
      killGroup(child, "SIGTERM");
      settle();
      // Whoever else listens has its turn; else this process ends as it would have.
      if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
    };
    const settle = () => {
      clearTimeout(timer);
      for (const signal of interruptions) process.off(signal, interrupt);
    };
    for (const signal of interruptions) process.on(signal, interrupt);
    let output = "";
    let errors = "";
    let timedOut = false;
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      errors += text;
    });
    const timer =
      options.timeoutMs === undefined
        ? undefined
        : setTimeout(() => {
            timedOut = true;
            killGroup(child, "SIGKILL");
          }, options.timeoutMs);
    child.on("error", (error) => {
      settle();
      reject(error);
    });
    child.on("close", (code, signal) => {
      settle();
      if (code === 0) resolve(output);
      else {
        const end = timedOut
          ? `took more than ${options.timeoutMs} ms`
          : `ended with ${code ?? signal}`;
        reject(new Error(`${command} ${args.join(" ")} ${end}\n${output}${errors}`));
      }
    });
  });
}

/**
 * Why firmware cannot be built in a folder, in one sentence; undefined where it can. make splits and expands what stands in
 * a path, whatever quotes are put around it.
 */
export function folderProblem(folder: string): string | undefined {
  const wrong = /[^\p{L}\p{M}\p{N}/._+@-]/u.exec(folder)?.[0];
  if (wrong === undefined) return undefined;
  return `firmware cannot be built in ${JSON.stringify(folder)}: make takes no ${wrong === " " ? "blank" : JSON.stringify(wrong)} in a path; use a folder whose path has letters, digits and / . _ + @ - only`;
}

/** @throws CliError where the project's folder has a path that make does not take: see `folderProblem` */
export function requireFolderForMake(): void {
  const problem = folderProblem(projectRoot);
  if (problem !== undefined) throw new CliError(problem);
}

/**
 * Builds firmware with the Makefile in `mcu-client/`. Two builds never run at once, as boards share
 * objects between images.
 *
 * @param variables the Makefile's variables
 * @param goal what is to be made of the image: `image` is all of it, `objects` all but modules and the linking
 * @throws CliError where the folder's path is none for make; Error with the output when the build fails
 */
export async function make(
  variables: Readonly<Record<string, string>>,
  goal: "image" | "objects" = "image",
): Promise<void> {
  requireFolderForMake();
  mkdirSync(mcuBuildFolder, { recursive: true });
  const settings = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  await runCommand("flock", [
    join(mcuBuildFolder, "lock"),
    "make",
    "--silent",
    "--jobs=2",
    "-C",
    "mcu-client",
    ...settings,
    goal,
  ]);
}
