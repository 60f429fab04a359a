#!/usr/bin/env node
// vc-client: a principal's end of a computation.
import { Command, InvalidArgumentError, Option } from "commander";
import { CliError, readUserFile, runCommand, writeUserFile } from "../common/cli.js";
import { parseWhole, seconds } from "../common/quantities.js";
import { readSecretFile } from "../common/secret-files.js";
import { minute } from "../common/times.js";
import type { Commit } from "../continuity/commit-statement.js";
import { ComputationRecords } from "../continuity/records.js";
import { MAX_RESTARTS } from "../continuity/scope.js";
import { describeLifecycle, gradeOf } from "../psa-attestation/lifecycle.js";
import { OUTPUT, Policy, PolicyError } from "../veracruz-utils/policy.js";
import { checkPolicyCertificates } from "../veracruz-utils/policy-certificates.js";
import { displayName } from "../x509/principal-certificate.js";
import { type ConnectOptions, type Progress, stateName, VeracruzClient } from "./client.js";
import { ClientError, failureKinds } from "./errors.js";
import { openSources, type Transfer } from "./files.js";
import { entryOf, loadIdentity } from "./identity.js";
import { progressBar } from "./progress-bar.js";
import { type AttestedThrough, laterIsolate } from "./reattestation.js";
import { describeKeyExchange } from "./secure-channel.js";
import { checkSendings, type Sending, sendAll } from "./sending.js";
import { parseServerAddress, type ServerAddress } from "./server-address.js";
import { whenReady } from "./waiting.js";

interface Options {
  identity: string;
  key: string;
  program: Transfer[];
  data: Transfer[];
  stream: Transfer[];
  compute?: string | true;
  run?: string;
  output: Transfer[];
  allowEmpty?: boolean;
  nextRound?: boolean;
  shutdown?: boolean;
  state?: boolean;
  wait: number;
  server?: ServerAddress;
  transport?: "connect" | "post";
  tls: "node" | "own";
  expectIsolate?: string;
  acceptRestart?: number;
  records?: string;
  fresh?: AttestedThrough;
  timeout: number;
  quiet?: boolean;
}

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
  .option("--allow-empty", "send files that are empty, too; what was sent is final")
  .option("-n, --next-round", "before anything else, end the previous round")
  .option("-c, --compute [program]", "run the program without fetching the result")
  .option("--run <program>", "the program that computes the result, if the policy has several")
  .option(
    "-o, --output <[name=]file>",
    "fetch a file, `output` if NAME is left out (- is standard output); repeat",
    collectOutput,
    [],
  )
  .option("--state", "print how far the computation is, and which files are missing from whom")
  .option("--shutdown", "agree to the end of the computation (as --output does)")
  .option("--no-shutdown", "fetch a result without agreeing to the end")
  .option(
    "-w, --wait <seconds>",
    "keep trying while the server is not up, or others have not sent their files",
    seconds(0, 1_000_000),
    0,
  )
  .option(
    "--server <address>",
    "the Veracruz server: host:port, or https://host[:port] behind a reverse proxy (default: the policy's)",
    parseServerAddress,
  )
  .addOption(
    new Option("--transport <how>", "carry TLS in a raw stream or in POST requests")
      .choices(["connect", "post"])
      .default(undefined, "connect; behind HTTPS, post"),
  )
  .addOption(
    new Option("--tls <whose>", "use the TLS of Node.js or this project's session manager")
      .choices(["node", "own"])
      .default("own"),
  )
  .option("--expect-isolate <fingerprint>", "refuse any other isolate", parseFingerprint)
  .option(
    "--accept-restart <n>",
    "go to isolate number n of the computation although another one is on record: begin again with it",
    (text) => parseWhole(text, 2, MAX_RESTARTS + 1),
  )
  .option(
    "--records <folder>",
    "where to remember which isolate was spoken to (default: veracruz/computations in $XDG_STATE_HOME)",
  )
  .addOption(
    new Option(
      "--fresh [through]",
      "demand a new attestation before anything is sent; by way of the isolate where the attestation server cannot be reached from here",
    )
      .choices(["attestation-server", "isolate"])
      .preset("attestation-server"),
  )
  .option(
    "--timeout <seconds>",
    "time limit of connection and handshake",
    seconds(1, 1_000_000),
    30_000,
  )
  .option("-q, --quiet", "print errors only")
  .addHelpText(
    "after",
    `
The client first checks the isolate's certificate, runtime and policy. Before the first file is sent, the
computation is committed to the isolate's key, once and for ever, and the isolate is recorded here: under one policy
this command goes to no other one, unless --accept-restart says so. Then it goes on in this order:
--next-round, --program, --data, --stream, --compute, --output, shutdown.

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

/** Says what happens, on standard error: standard output may be the result. */
class Narrator {
  constructor(private readonly quiet: boolean) {}

  say(line: string): void {
    if (!this.quiet) console.error(line);
  }

  readonly waiting = (reason: string): void => this.say(`waiting: ${reason}`);

  /** Which isolate of the computation it is. That it is not the first one is said in any case. */
  commitment(commit: Commit | undefined): void {
    if (commit === undefined) this.say("committed  not yet: nobody has sent a file");
    else this.say(`committed  isolate ${commit.n} of ${commit.of}`);
    if (commit === undefined || commit.n === 1) return;
    console.error(
      `WARNING: the computation has restarted: this is isolate ${commit.n}, and ${commit.n - 1} began before it`,
    );
  }

  /** A bar for a long transfer, when somebody is watching. */
  progress(title: string): { report: Progress; stop: () => void } {
    if (this.quiet || !process.stderr.isTTY) {
      return { report: () => undefined, stop: () => undefined };
    }
    return progressBar(title, process.stderr);
  }
}

/** Everything to send, and what it is sent as. */
function sendings({ program, data, stream, output }: Options): Sending[] {
  if (output.filter(({ path }) => path === "-").length > 1)
    throw new CliError("standard output (-) can take one file only");
  return openSources([
    ...program.map((each) => ({ ...each, what: "program" as const })),
    ...data.map((each) => ({ ...each, what: "data" as const })),
    ...stream.map((each) => ({ ...each, what: "stream" as const })),
  ]);
}

async function work(
  client: VeracruzClient,
  sources: readonly Sending[],
  options: Options,
  narrator: Narrator,
  policy: Policy,
): Promise<void> {
  if (options.fresh !== undefined) {
    const anew = await client.reattest(options.fresh);
    narrator.say(`attested anew at ${minute(anew.verifiedAt)}, in this session`);
    const later = laterIsolate(anew, client.commitment?.n);
    if (later !== "") narrator.say(`WARNING: ${later}`);
  }
  if (options.nextRound) {
    await client.nextRound();
    narrator.say(`round ${(await client.state()).round} begins`);
  }
  await sendAll(client, sources, policy, narrator);
  const until = Date.now() + options.wait;
  const program = options.run ?? (typeof options.compute === "string" ? options.compute : "");
  if (options.compute !== undefined) {
    const length = await whenReady(until, narrator.waiting, () => client.compute(program));
    narrator.say(`computed: a result of ${length} bytes`);
  }
  for (const { name, path } of options.output) {
    const bar = narrator.progress(name);
    let content: Buffer;
    try {
      content = await whenReady(until, narrator.waiting, () =>
        client.read(name, program, bar.report),
      );
    } finally {
      bar.stop();
    }
    writeUserFile(path, name, content);
    narrator.say(`fetched ${name}, ${content.length} bytes${path === "-" ? "" : `, into ${path}`}`);
  }
  if (options.state) {
    const { state, round, maxRounds, failedRuns, maxFailedRuns } = await client.state();
    console.log(
      `state ${stateName(state)}, round ${round} of ${maxRounds}, failed runs ${failedRuns} of ${maxFailedRuns}`,
    );
    for (const name of await client.missing()) {
      const writers = policy.writersOf(name).join(" or ");
      console.log(`missing ${name}, ${writers ? `from ${writers}` : "which nobody may send"}`);
    }
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
    const sources = sendings(options);
    const who = displayName(identity.certificate);
    checkSendings(sources, entryOf(policy, identity), who, options.allowEmpty ?? false);
    const connection: ConnectOptions = {
      policy,
      identity,
      ...(options.transport !== undefined && { transport: options.transport }),
      tls: options.tls,
      timeoutMs: options.timeout,
      ...(options.server !== undefined && { server: options.server }),
      ...(options.expectIsolate !== undefined && { expectIsolate: options.expectIsolate }),
      ...(options.acceptRestart !== undefined && { acceptRestart: options.acceptRestart }),
      ...(options.records !== undefined && { records: new ComputationRecords(options.records) }),
    };
    const client = await whenReady(
      Date.now() + options.wait,
      narrator.waiting,
      () => VeracruzClient.connect(connection),
      "connection",
    );
    const { kind, lifecycle, runtimeHash, versions, fingerprint, notAfter } = client.isolate;
    const said = versions.map(({ component, version }) => `${component} ${version}`).join(", ");
    narrator.say(
      [
        `principal  ${who}`,
        `policy     ${policy.hash.toString("hex")}, the isolate agrees`,
        `isolate    ${kind}, ${gradeOf(lifecycle)} grade, ${describeLifecycle(lifecycle)}, attested until ${minute(notAfter)}`,
        `runtime    ${Buffer.from(runtimeHash).toString("hex")}, as the policy says`,
        ...(said === "" ? [] : [`versions   ${said}`]),
        `fingerprint ${fingerprint}`,
        `exchange   ${describeKeyExchange(client.keyExchange)}`,
      ].join("\n"),
    );
    try {
      if (sources.length > 0) await client.commit();
      narrator.commitment(client.commitment);
      await work(client, sources, options, narrator, policy);
    } finally {
      await client.close();
    }
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    throw new CliError(error.message, failureKinds[error.kind].exitCode);
  }
}

await runCommand(command);
