import { resolve } from "node:path";
import { CliError } from "../common/cli.js";
import type { IsolateLauncher } from "../common/isolate-launcher.js";
import { readControlKeyFile } from "../isolate/control-key.js";
import { emulatedIsolate, serialIsolate } from "../mcu/isolate-launchers.js";
import { missingTools } from "../mcu/toolchain.js";
import { SoftwareRootOfTrust } from "../psa-attestation/root-of-trust.js";
import type { ModuleHost } from "../translated-module/index.js";
import { computerMemoryFor } from "../veracruz-utils/isolate-memory.js";
import type { Policy } from "../veracruz-utils/policy.js";
import { boardPool } from "./board-pool.js";
import type { IsolateChoice } from "./isolate-choice.js";
import { processIsolate, tcpIsolate } from "./isolate-launchers.js";
import { type IsolateSource, onlyIsolate, processIsolates } from "./isolate-source.js";

/** Options of `vc-server` that say what its isolates are. */
export interface IsolateOptions {
  /** Process isolates, which is meant where there is none; or boards. */
  isolate: readonly IsolateChoice[];
  rootOfTrust?: string;
  controlKey?: string;
  runtime?: string;
  isolateMemory?: number;
  host?: ModuleHost;
  isolateUser?: string;
  reset: boolean;
}

const EXIT_START = 1;

/** The key that isolates demand which somebody else started, from its file. */
const controlKeyOf = (file: string | undefined): Uint8Array | undefined =>
  file === undefined ? undefined : readControlKeyFile(file);

/** Refuses options that would be ignored. */
function checkOptions(options: IsolateOptions, choices: readonly IsolateChoice[]): void {
  const { rootOfTrust, controlKey } = options;
  const has = (kind: IsolateChoice["kind"]) => choices.some((choice) => choice.kind === kind);
  if (has("process") && choices.length > 1) {
    throw new CliError("--isolate process is for all computations: it cannot stand beside others");
  }
  if (!has("process")) {
    const given = {
      "--runtime": options.runtime,
      "--isolate-memory": options.isolateMemory,
      "--host": options.host,
      "--isolate-user": options.isolateUser,
    };
    for (const [option, value] of Object.entries(given)) {
      if (value !== undefined) throw new CliError(`${option} is for --isolate process`);
    }
  }
  if (controlKey !== undefined && !has("tcp") && !has("serial"))
    throw new CliError("--control-key is for --isolate tcp, or serial");
  if (rootOfTrust !== undefined && !has("process") && !has("qemu"))
    throw new CliError("--root-of-trust is for --isolate process, or qemu");
  if (rootOfTrust === undefined && has("process"))
    throw new CliError("--root-of-trust is missing: a file for the isolate's attestation key");
  if (has("qemu")) {
    const missing = missingTools();
    if (missing !== undefined) throw new CliError(missing, EXIT_START);
  }
}

function boardOf(
  choice: Exclude<IsolateChoice, { kind: "process" }>,
  options: IsolateOptions,
  number: number,
): IsolateLauncher {
  switch (choice.kind) {
    case "tcp":
      return tcpIsolate(choice.address, controlKeyOf(options.controlKey));
    case "serial":
      return serialIsolate(choice.device, controlKeyOf(options.controlKey));
    case "qemu": {
      const { board, runtimeHost } = choice;
      const { rootOfTrust } = options;
      // Each emulated board has a secret of its own.
      const state = rootOfTrust && resolve(number === 0 ? rootOfTrust : `${rootOfTrust}.${number}`);
      return emulatedIsolate({ board, runtimeHost, state });
    }
  }
}

/**
 * Where isolates come from, as a server's options say.
 *
 * @param single whether the server has one computation: it then works with what the isolate holds as `--reset` says
 * @throws CliError
 */
export function isolatesOf(options: IsolateOptions, single: boolean): IsolateSource {
  const choices: readonly IsolateChoice[] =
    options.isolate.length === 0 ? [{ kind: "process" }] : options.isolate;
  checkOptions(options, choices);
  const boards = choices.filter((choice) => choice.kind !== "process");
  const [first] = boards;
  if (first === undefined) {
    const { rootOfTrust = "", runtime, host: moduleHost, isolateUser: user } = options;
    const memoryFor = (policy: Policy) => options.isolateMemory ?? computerMemoryFor(policy);
    const launcherFor = (policy: Policy) =>
      processIsolate({
        rootOfTrust,
        ...(runtime !== undefined && { runtime }),
        memory: memoryFor(policy),
        ...(moduleHost !== undefined && { moduleHost }),
        ...(user !== undefined && { user }),
      });
    return processIsolates(launcherFor, memoryFor);
  }
  if (single) {
    if (boards.length > 1)
      throw new CliError(
        "several boards are for several computations: see --policies and --admin-socket",
      );
    return onlyIsolate(boardOf(first, options, 0), options.reset);
  }
  const launchers = boards.map((choice, number) => ({
    launcher: boardOf(choice, options, number),
    lasts: choice.kind !== "qemu",
  }));
  const names = launchers.map(({ launcher }, number) =>
    boards[number]?.kind === "qemu" ? String(number) : launcher.description,
  );
  if (new Set(names).size < names.length)
    throw new CliError("--isolate: the same board is there twice");
  return boardPool(launchers, options.reset);
}

/** The enrolment of the root of trust that process isolates have, as JSON; undefined for boards. */
export function enrolmentOf(options: IsolateOptions): (() => string) | undefined {
  const { rootOfTrust, isolate } = options;
  if (rootOfTrust === undefined || isolate.some(({ kind }) => kind !== "process")) return undefined;
  return () => {
    const root = SoftwareRootOfTrust.open(rootOfTrust);
    try {
      return `${JSON.stringify(root.enrolment(), null, 2)}\n`;
    } finally {
      root.free();
    }
  };
}
