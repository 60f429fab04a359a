#!/usr/bin/env node
// vc-isolate: the trusted runtime as a process on a computer, behind a TCP port for the Veracruz server.
import { readFileSync } from "node:fs";
import type { Socket } from "node:net";
import { Command } from "commander";
import pino from "pino";
import { addresses, formatAddress, parseAddress } from "../common/addresses.js";
import { CliError, readUserFile, runCommand } from "../common/cli.js";
import { wasmPath } from "../common/paths.js";
import { parseBytes } from "../common/quantities.js";
import { IsolateServer } from "./isolate-server.js";
import { LEAST_MEMORY_BYTES } from "./worker-protocol.js";

const EXIT_START = 1;
const EXIT_RUNTIME_TRAPPED = 3;

interface Options {
  runtime?: string;
  rootOfTrust: string;
  listen: { host: string; port: number };
  memory: number;
  user: string;
  endWithInput?: boolean;
}

const command = new Command("vc-isolate")
  .description(
    "Host isolate: the trusted runtime in a process of its own, for the Veracruz server. Its root of trust is software: development grade.",
  )
  .option("--runtime <file>", "the trusted runtime (default: the one built in this project)")
  .requiredOption(
    "--root-of-trust <file>",
    "attestation key of the software root of trust; made on first use, enrolled with `vc-root-of-trust init` and `vc-pas enroll`",
  )
  .option(
    "--listen <host:port>",
    "where the Veracruz server connects; port 0 takes any free port",
    (text) => parseAddress(text),
    addresses.isolate,
  )
  .option(
    "--memory <bytes>",
    "memory that the runtime may take, for files and sessions",
    (text) => parseBytes(text, 2 ** 32 - 1, LEAST_MEMORY_BYTES),
    256 * 1024 * 1024,
  )
  .option("--user <name>", "when started as root: the user to become once started", "nobody")
  .option(
    "--end-with-input",
    "end, with all it holds, when standard input ends: whoever started it is gone",
  )
  .addHelpText(
    "after",
    `
Prints one JSON object a line. The line with "event":"listening" names the address and the measurement.

Exit codes: 0 ended by SIGTERM, SIGINT or the end of input, 1 could not start, 2 wrong arguments or files,
3 the runtime trapped (all it held is gone; start again).`,
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

async function main(options: Options): Promise<void> {
  const logger = pino({ base: null, formatters: { level: (label) => ({ level: label }) } });
  const runtime =
    options.runtime === undefined
      ? readFileSync(wasmPath("runtime"))
      : readUserFile(options.runtime, "runtime");
  let isolate: IsolateServer;
  try {
    isolate = await IsolateServer.start({
      runtime,
      rootOfTrust: options.rootOfTrust,
      ...options.listen,
      memoryLimit: options.memory,
      log: (event, details) => logger.info({ event, ...details }),
      onFatal: (reason) => {
        logger.fatal({ event: "runtime trapped", reason });
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
  logger.warn({ event: "development grade", rootOfTrust: isolate.rootOfTrust });
  logger.info({
    event: "listening",
    address: formatAddress(isolate.address),
    measurement: isolate.measurement,
  });
  const end = (why: { signal: string } | { reason: string }) => {
    logger.info({ event: "ended", ...why });
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
