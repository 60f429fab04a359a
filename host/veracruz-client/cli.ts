#!/usr/bin/env node
// vc-client: a principal's end of a computation.
import { createReadStream, statSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { Command, InvalidArgumentError, Option } from "commander";
import { parseAddress } from "../common/addresses.js";
import { CliError, readUserFile, runCommand, writeUserFile } from "../common/cli.js";
import { parseWhole } from "../common/quantities.js";
import { readSecretFile } from "../common/secret-files.js";
import { describeLifecycle, gradeOf } from "../psa-attestation/lifecycle.js";
import { displayName } from "../veracruz-utils/certificates.js";
import { OUTPUT, Policy, PolicyError } from "../veracruz-utils/policy.js";
import { checkPolicyCertificates } from "../veracruz-utils/policy-certificates.js";
import { type Progress, type Source, VeracruzClient } from "./client.js";
import { ClientError, failureKinds } from "./errors.js";
import { loadIdentity } from "./identity.js";
import { progressBar } from "./progress-bar.js";

/** A file's name in the policy and its path here. */
interface Transfer {
  name: string;
  path: string;
}

interface Options {
  identity: string;
  key: string;
  program: Transfer[];
  data: Transfer[];
  stream: Transfer[];
  compute?: string | true;
  run?: string;
  output: Transfer[];
  nextRound?: boolean;
  shutdown?: boolean;
  state?: boolean;
  wait: number;
  server?: { host: string; port: number };
  transport: "connect" | "post";
  tls: "node" | "own";
  expectIsolate?: string;
  fresh?: boolean;
  timeout: number;
  quiet?: boolean;
}

const WAIT_STEP_MS = 250;

function collectTransfer(value: string, list: Transfer[]): Transfer[] {
  const [, name, path] = /^([^=]+)=(.+)$/.exec(value) ?? [];
  if (name === undefined || path === undefined) {
    throw new InvalidArgumentError("expected NAME=FILE, as in input-0=./data.bin (- is stdin)");
  }
  return [...list, { name, path }];
}

function collectOutput(value: string, list: Transfer[]): Transfer[] {
  if (!value.includes("=")) return [...list, { name: OUTPUT, path: value }];
  return collectTransfer(value, list);
}

function parseFingerprint(text: string): string {
  const digits = text.replaceAll(":", "").toLowerCase();
  if (!/^[0-9a-f]{64}$/.test(digits)) {
    throw new InvalidArgumentError("expected the 64 hexadecimal digits of a fingerprint");
  }
  return digits;
}

const seconds = (text: string) => parseWhole(text, 0, 1_000_000) * 1000;
const exitCodes = Object.values(failureKinds)
  .map(({ exitCode, doc }) => `  ${String(exitCode).padStart(2)}  ${doc}`)
  .join("\n");

const command = new Command("vc-client")
  .description(
    "Veracruz client: checks the isolate, sends programs and secrets into it over TLS, and fetches results.",
  )
  .argument("<policy>", "the policy that all parties agreed on")
  .requiredOption("-i, --identity <file>", "this principal's certificate, as in the policy")
  .requiredOption("-k, --key <file>", "its private key, PEM, readable by its owner only")
  .option("-p, --program <name=file>", "send a program; repeat", collectTransfer, [])
  .option(
    "-d, --data <name=file>",
    "send an input; repeat (- is standard input)",
    collectTransfer,
    [],
  )
  .option(
    "-s, --stream <name=file>",
    "send this round's item of a stream; repeat",
    collectTransfer,
    [],
  )
  .option("-n, --next-round", "end the round before, first of all")
  .option("-c, --compute [program]", "run the program without fetching the result")
  .option("--run <program>", "which program to run for the result, where the policy has several")
  .option(
    "-o, --output <[name=]file>",
    "fetch a file, `output` where no name is given (- is standard output); repeat",
    collectOutput,
    [],
  )
  .option("--state", "print how far the computation is")
  .option("--shutdown", "agree to the end of the computation (as --output does)")
  .option("--no-shutdown", "fetch a result without agreeing to the end")
  .option("-w, --wait <seconds>", "try again while others have not provided theirs", seconds, 0)
  .option("--server <host:port>", "the Veracruz server (default: the policy's)", (text) =>
    parseAddress(text),
  )
  .addOption(
    new Option("--transport <how>", "carry TLS in a raw stream, or in POST requests")
      .choices(["connect", "post"])
      .default("connect"),
  )
  .addOption(
    new Option("--tls <whose>", "TLS of Node.js, or this project's own session manager")
      .choices(["node", "own"])
      .default("node"),
  )
  .option("--expect-isolate <fingerprint>", "refuse any other isolate", parseFingerprint)
  .option("--fresh", "insist on a new attestation before anything is sent")
  .option(
    "--timeout <seconds>",
    "time for the connection and the handshake",
    (text) => parseWhole(text, 1, 1_000_000) * 1000,
    30_000,
  )
  .option("-q, --quiet", "say nothing but errors")
  .addHelpText(
    "after",
    `
Steps are done in this order: checks, --next-round, --program, --data, --stream, --compute, --output,
shutdown. Before the first of them the isolate's certificate, runtime and policy have been checked.

Exit codes:
   0  done
${exitCodes}

Examples:
  vc-client policy.json --identity alice.cert.pem --key alice.key.pem \\
    --program sum.wasm=./sum.wasm --data input-0=./numbers.bin
  vc-client policy.json --identity bob.cert.pem --key bob.key.pem --wait 60 --output result.bin`,
  )
  .action(main);

function readPolicy(path: string): Policy {
  const bytes = readUserFile(path, "policy");
  try {
    const policy = new Policy(bytes);
    checkPolicyCertificates(policy, new Date());
    return policy;
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    throw new CliError(
      `the policy ${JSON.stringify(path)} is refused: ${error.message}`,
      failureKinds.policy.exitCode,
    );
  }
}

/** A file to be sent; large ones are read as they go. */
function sourceOf({ name, path }: Transfer): Source {
  if (path === "-") return readUserFile(path, name);
  try {
    const entry = statSync(path);
    if (entry.isFile()) return { length: entry.size, pieces: readable(path, name) };
  } catch {
    // Said below, with the reason.
  }
  return readUserFile(path, `file for ${name}`);
}

async function* readable(path: string, name: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(path, { highWaterMark: 256 * 1024 }) as AsyncIterable<Buffer>;
  } catch (error) {
    throw new CliError(`cannot read the file for ${name}: ${(error as Error).message}`);
  }
}

/** Says what happens, on standard error: standard output may be the result. */
class Narrator {
  constructor(private readonly quiet: boolean) {}

  say(line: string): void {
    if (!this.quiet) console.error(line);
  }

  /** A bar for a long transfer, when somebody is watching. */
  progress(title: string): { report: Progress; stop: () => void } {
    if (this.quiet || !process.stderr.isTTY) {
      return { report: () => undefined, stop: () => undefined };
    }
    return progressBar(title, process.stderr);
  }
}

/** Tries again while the isolate says that it is not ready, up to the deadline. */
async function whenReady<T>(until: number, narrator: Narrator, run: () => Promise<T>): Promise<T> {
  for (let said = false; ; ) {
    try {
      return await run();
    } catch (error) {
      const notReady = error instanceof ClientError && error.kind === "not-ready";
      if (!notReady || Date.now() + WAIT_STEP_MS > until) throw error;
      if (!said) narrator.say(`waiting: ${error.message}`);
      said = true;
      await delay(WAIT_STEP_MS);
    }
  }
}

const stateNames = ["initial", "provisioning", "streaming", "ready", "result", "ended"];

/** A file that is to be sent, opened. */
interface Sending extends Transfer {
  what: "program" | "data" | "stream";
  source: Source;
}

/** Opens all that is to be sent: what cannot be read is told before the isolate is bothered. */
function openSources({ program, data, stream, output }: Options): Sending[] {
  const listed = [
    ...program.map((each) => ({ ...each, what: "program" as const })),
    ...data.map((each) => ({ ...each, what: "data" as const })),
    ...stream.map((each) => ({ ...each, what: "stream" as const })),
  ];
  const uses = (list: readonly Transfer[]) => list.filter(({ path }) => path === "-").length;
  if (uses(listed) > 1) throw new CliError("standard input (-) can be sent as one file only");
  if (uses(output) > 1) throw new CliError("standard output (-) can take one file only");
  return listed.map((each) => ({ ...each, source: sourceOf(each) }));
}

async function work(
  client: VeracruzClient,
  sources: readonly Sending[],
  options: Options,
  narrator: Narrator,
): Promise<void> {
  if (options.fresh) {
    const { verifiedAt } = await client.reattest();
    narrator.say(`attested anew at ${new Date(verifiedAt).toISOString()}`);
  }
  if (options.nextRound) {
    await client.nextRound();
    narrator.say(`round ${(await client.state()).round} begins`);
  }
  const send = {
    program: client.sendProgram,
    data: client.sendData,
    stream: client.sendStream,
  };
  for (const { what, name, source } of sources) {
    const bar = narrator.progress(name);
    try {
      await send[what].call(client, name, source, bar.report);
    } finally {
      bar.stop();
    }
    narrator.say(`sent ${what} ${name}, ${source.length} bytes`);
  }
  const until = Date.now() + options.wait;
  const program = options.run ?? (typeof options.compute === "string" ? options.compute : "");
  if (options.compute !== undefined) {
    const length = await whenReady(until, narrator, () => client.compute(program));
    narrator.say(`computed: a result of ${length} bytes`);
  }
  for (const { name, path } of options.output) {
    const bar = narrator.progress(name);
    let content: Buffer;
    try {
      content = await whenReady(until, narrator, () => client.read(name, program, bar.report));
    } finally {
      bar.stop();
    }
    writeUserFile(path, name, content);
    narrator.say(`fetched ${name}, ${content.length} bytes${path === "-" ? "" : `, into ${path}`}`);
  }
  if (options.state) {
    const { state, round, maxRounds, failedRuns, maxFailedRuns } = await client.state();
    console.log(
      `state ${stateNames[state] ?? state}, round ${round} of ${maxRounds}, failed runs ${failedRuns} of ${maxFailedRuns}`,
    );
  }
  const fetched = options.output.some(({ name }) => name === OUTPUT);
  if (options.shutdown === true || (fetched && options.shutdown !== false)) {
    const remark = await client.requestShutdown();
    narrator.say(`agreed to the end of the computation${remark && `: ${remark}`}`);
  }
}

async function main(policyPath: string, options: Options): Promise<void> {
  const narrator = new Narrator(options.quiet ?? false);
  const policy = readPolicy(policyPath);
  try {
    const identity = loadIdentity(
      readUserFile(options.identity, "certificate"),
      readSecretFile(options.key, "key"),
    );
    const sources = openSources(options);
    const client = await VeracruzClient.connect({
      policy,
      identity,
      transport: options.transport,
      tls: options.tls,
      timeoutMs: options.timeout,
      ...(options.server !== undefined && { server: options.server }),
      ...(options.expectIsolate !== undefined && { expectIsolate: options.expectIsolate }),
    });
    const { kind, lifecycle, runtimeHash, fingerprint, notAfter } = client.isolate;
    narrator.say(
      [
        `principal  ${displayName(identity.certificate)}`,
        `policy     ${policy.hash.toString("hex")}, the isolate agrees`,
        `isolate    ${kind}, ${gradeOf(lifecycle)} grade, ${describeLifecycle(lifecycle)}, attested until ${notAfter.toISOString()}`,
        `runtime    ${Buffer.from(runtimeHash).toString("hex")}, as the policy says`,
        `fingerprint ${fingerprint}`,
      ].join("\n"),
    );
    try {
      await work(client, sources, options, narrator);
    } finally {
      await client.close();
    }
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    throw new CliError(error.message, failureKinds[error.kind].exitCode);
  }
}

await runCommand(command);
