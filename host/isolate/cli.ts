#!/usr/bin/env node
// vc-isolate: the trusted runtime as a process on a computer, behind a TCP port for the Veracruz server.
import { readFileSync } from "node:fs";
import type { Socket } from "node:net";
import { Command, Option } from "commander";
import { addresses, formatAddress, parseAddress } from "../common/addresses.js";
import { CliError, readUserFile, runCommand } from "../common/cli.js";
import { wasmPath } from "../common/paths.js";
import { parseBytes } from "../common/quantities.js";
import { serverLog } from "../common/server-log.js";
import { HOST_VARIABLE, MODULE_HOSTS, type ModuleHost } from "../translated-module/index.js";
import { parseControlKey, readControlKeyFile } from "./control-key.js";
import { IsolateServer } from "./isolate-server.js";
import { COMPUTER_MEMORY_BYTES, LEAST_MEMORY_BYTES, MAX_MEMORY_BYTES } from "./worker-protocol.js";

const EXIT_START = 1;
const EXIT_RUNTIME_TRAPPED = 3;

interface Options {
  runtime?: string;
  rootOfTrust: string;
  listen: { host: string; port: number };
  memory: number;
  host?: ModuleHost;
  user: string;
  endWithInput?: boolean;
  controlKey?: string;
}

const command = new Command("vc-isolate")
  .description(
    "Host isolate: runs the trusted runtime in its own process, for the Veracruz server. Its root of trust is software: development grade.",
  )
  .option("--runtime <file>", "the trusted runtime (default: the one built in this project)")
  .requiredOption(
    "--root-of-trust <file>",
    "attestation key of the software root of trust; made on first use. Enrol it with `vc-root-of-trust init` and `vc-pas enroll`",
  )
  .option(
    "--listen <host:port>",
    "where the Veracruz server connects; port 0 takes any free port",
    (text) => parseAddress(text),
    addresses.isolate,
  )
  .option(
    "--memory <bytes>",
    "memory for files and sessions",
    (text) => parseBytes(text, MAX_MEMORY_BYTES, LEAST_MEMORY_BYTES),
    COMPUTER_MEMORY_BYTES,
  )
  .addOption(
    new Option(
      "--host <how>",
      `how the trusted runtime is hosted: c, native code made from it; wasm3, interpreted (default: what ${HOST_VARIABLE} says, else c where it was made)`,
    ).choices(MODULE_HOSTS),
  )
  .option("--user <name>", "when started as root: run as this user", "nobody")
  .option(
    "--end-with-input",
    "wipe everything and exit when standard input ends, because whoever started it is gone",
  )
  .option(
    "--control-key <file>",
    "take only a server that has this key: 64 hexadecimal digits, in a file of mode 600, or - for the first line of standard input (default: trust whoever connects first)",
  )
  .addHelpText(
    "after",
    `
Prints one JSON object in each line. The line with "msg":"listening" names the address and the measurement.

Exit codes: 0 ended by SIGTERM, SIGINT or the end of input, 1 could not start, 2 wrong arguments or files,
3 the runtime trapped (everything it held is gone; start it again).`,
  )
  .action(main);

/** Gives up root: a bug in a parser must not own the machine. */
function dropPrivileges(user: string): void {
  if (process.getuid?.() !== 0 || user === "root") return;
  const entry = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"))
    .find(([name]) => name === user);
  if (entry === undefined) throw new CliError(`--user: no user ${JSON.stringify(user)} here`);
  try {
    process.setgroups?.([]);
    process.setgid?.(Number(entry[3]));
    process.setuid?.(Number(entry[2]));
  } catch (error) {
    throw new CliError(
      `cannot become ${user}: ${(error as Error).message} (--user root keeps all privileges)`,
      EXIT_START,
    );
  }
}

/** The first line of standard input; what follows stays there. */
function firstLineOfInput(): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    const take = (chunk: Buffer) => {
      text += chunk.toString("latin1");
      if (!text.includes("\n") && text.length < 1000) return;
      process.stdin.off("data", take).off("end", end).pause();
      // An isolate that cannot start ends, although whoever started it keeps its input open.
      (process.stdin as Partial<Socket>).unref?.();
      resolve(text.split("\n")[0] ?? "");
    };
    const end = () => resolve(text);
    process.stdin.on("data", take).once("end", end);
  });
}

async function readControlKey(file: string | undefined): Promise<Uint8Array | undefined> {
  if (file === undefined) return undefined;
  if (file !== "-") return readControlKeyFile(file);
  const key = parseControlKey(await firstLineOfInput());
  if (key === undefined) throw new CliError("the control key: expected 64 hexadecimal digits");
  return key;
}

async function main(options: Options): Promise<void> {
  const logger = serverLog();
  const runtime =
    options.runtime === undefined
      ? readFileSync(wasmPath("runtime"))
      : readUserFile(options.runtime, "runtime");
  const controlKey = await readControlKey(options.controlKey);
  let isolate: IsolateServer;
  try {
    isolate = await IsolateServer.start({
      runtime,
      rootOfTrust: options.rootOfTrust,
      ...options.listen,
      memoryLimit: options.memory,
      moduleHost: options.host,
      controlKey,
      log: (event, details) => logger.info({ ...details }, event),
      onFatal: (reason) => {
        logger.fatal({ reason }, "runtime trapped");
        process.exitCode = EXIT_RUNTIME_TRAPPED;
      },
    });
  } catch (error) {
    throw new CliError(`cannot start: ${(error as Error).message}`, EXIT_START);
  }
  try {
    dropPrivileges(options.user);
  } catch (error) {
    await isolate.close();
    throw error;
  }
  if (controlKey === undefined) logger.warn("any server that connects is trusted");
  logger.warn({ rootOfTrust: isolate.rootOfTrust }, "development grade");
  const { measurement, moduleHost: host } = isolate;
  logger.info({ address: formatAddress(isolate.address), measurement, host }, "listening");
  const end = (why: { signal: string } | { reason: string }) => {
    logger.info(why, "ended");
    void isolate.close();
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.once(signal, () => end({ signal }));
  }
  if (options.endWithInput) {
    // Whether it ends or breaks: there is nobody at the other end.
    process.stdin.once("close", () => end({ reason: "standard input ended" }));
    process.stdin.on("error", () => undefined).resume();
    // A pipe that stays open must not keep the process when it ends for another reason.
    (process.stdin as Partial<Socket>).unref?.();
  }
}

await runCommand(command);
