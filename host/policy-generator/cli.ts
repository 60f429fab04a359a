#!/usr/bin/env node
// vc-pgen: writes a policy, or explains one.
import { randomBytes } from "node:crypto";
import { Command, InvalidArgumentError, Option } from "commander";
import { CliError, readUserFile, readUserText, runCommand, writeUserFile } from "../common/cli.js";
import { parseBytes, parseWhole } from "../common/quantities.js";
import { MAX_RESTARTS } from "../continuity/scope.js";
import type { ComponentVersion } from "../psa-attestation/versions.js";
import {
  type ExecutionLimits,
  type Policy,
  type PolicyDate,
  type PolicyDocument,
  PolicyError,
  policyDefaults,
} from "../veracruz-utils/policy.js";
import { CertificateError, opensslCommand } from "../x509/principal-certificate.js";
import {
  collectInstanceId,
  collectMinimumVersion,
  EntryCollector,
  measureRuntime,
  parseComputationId,
  parseExpiry,
  parsePolicyAddress,
  parseRuntimeHashes,
} from "./arguments.js";
import { explainPolicy, renewalsOf, warningsOf } from "./explain.js";
import { certificateOf, goodPolicy, policyText, programHash } from "./inputs.js";

const EXIT_REFUSED = 1;
const EXIT_WARNINGS = 3;

interface Options {
  veracruzServerIp?: string;
  proxyAttestationServerIp?: string;
  proxyAttestationServerCert?: string;
  certificateExpiry?: PolicyDate;
  executionStrategy: "Interpretation" | "JIT";
  ciphersuite: PolicyDocument["ciphersuite"];
  runtimeHashFile: { linux?: string; mcu?: string };
  runtime: { linux?: string };
  outputPolicyFile: string;
  allowClassical?: boolean;
  debug?: boolean;
  enclaveDebugMode?: boolean;
  allowDevelopment?: boolean;
  fuel?: number;
  deadline?: number;
  memory?: number;
  stack?: number;
  maxOutput?: number;
  maxFile?: number;
  maxRounds?: number;
  maxFailedRuns?: number;
  maxRestarts?: number;
  computationId?: string;
  instanceId: string[];
  minimumVersion: ComponentVersion[];
  again?: string;
  check?: string;
  strict?: boolean;
}

const entries = new EntryCollector();
const U32 = 2 ** 32 - 1;

/** Hashes a trusted runtime for computers. */
function measuredRuntime(path: string, before: Options["runtimeHashFile"]) {
  if ("linux" in before) throw new InvalidArgumentError("two hashes for linux");
  return { ...before, linux: measureRuntime(readUserFile(path, "trusted runtime")) };
}

/** Reads hash files as they come: `[kind=]FILE`. */
function collectRuntimeHashes(value: string, before: Options["runtimeHashFile"]) {
  const [, kind, path] = /^(?:(linux|mcu)=)?(.+)$/.exec(value) ?? [];
  if (path === undefined) throw new InvalidArgumentError("expected linux=FILE, mcu=FILE or FILE");
  const hashes = parseRuntimeHashes(readUserText(path, "runtime hash file"), kind);
  for (const known of Object.keys(hashes)) {
    if (known in before) throw new InvalidArgumentError(`two hashes for ${known}`);
  }
  return { ...before, ...hashes };
}

const command = new Command("vc-pgen")
  .description(
    "Policy generator: writes the policy that all parties of a computation agree on, or explains one in words.",
  )
  .option("-c, --certificate <file>", "a principal's certificate (P-256); repeat", (value) =>
    entries.add("certificate", value),
  )
  .option(
    "-b, --binary <name=file>",
    "a program and the name it has in the policy; repeat",
    (value) => entries.add("binary", value),
  )
  .option(
    "-p, --capability <rights>",
    "rights of the preceding certificate or binary, as in input-0:w,output:r",
    (value) => entries.addCapability(value),
  )
  .option("--veracruz-server-ip <host:port>", "where the Veracruz server is", parsePolicyAddress)
  .option(
    "--proxy-attestation-server-ip <host:port>",
    "where the proxy attestation server is",
    parsePolicyAddress,
  )
  .option(
    "--proxy-attestation-server-cert <file>",
    "certificate of the proxy attestation server's CA",
  )
  .option(
    "--certificate-expiry <date>",
    "when the policy ends: 2027-12-31T23:59:00Z (RFC 3339), a date of RFC 2822, or from now as in +12h (m, h, d)",
    (text) => parseExpiry(text),
  )
  .option(
    "--runtime-hash-file <[kind=]file>",
    "SHA-256 of the trusted runtime on linux or mcu; repeat",
    collectRuntimeHashes,
    {},
  )
  .option(
    "--runtime <file>",
    "the trusted runtime on linux itself (runtime.wasm), in place of its hash",
    (path, before: Options["runtimeHashFile"]) => measuredRuntime(path, before),
    {},
  )
  .addOption(
    new Option("--execution-strategy <name>", "how programs run")
      .choices(["Interpretation", "JIT"])
      .default("Interpretation"),
  )
  .addOption(
    new Option("--ciphersuite <name>", "the TLS 1.3 cipher suite")
      .choices(["TLS1_3_CHACHA20_POLY1305_SHA256", "TLS1_3_AES_128_GCM_SHA256"])
      .default("TLS1_3_CHACHA20_POLY1305_SHA256"),
  )
  .option(
    "--allow-classical",
    "allow key exchanges that a quantum computer breaks, for clients without X25519MLKEM768",
  )
  .option("--max-rounds <n>", "successful runs allowed (default: 1)", (text) =>
    parseWhole(text, 1, U32),
  )
  .option("--max-failed-runs <n>", "failed runs allowed (default: 3)", (text) =>
    parseWhole(text, 1, U32),
  )
  .option(
    "--max-restarts <n>",
    "isolates that may take over the computation after the first one (default: 0)",
    (text) => parseWhole(text, 0, MAX_RESTARTS),
  )
  .option(
    "--computation-id <hex>",
    "16 bytes that distinguish this computation from others (default: random)",
    parseComputationId,
  )
  .option(
    "--instance-id <hex>",
    "instance ID of a device that may compute, instead of every enrolled one; repeat",
    collectInstanceId,
    [],
  )
  .option(
    "--minimum-version <component=version>",
    "lowest version of a software component of the isolate, as in ARoT=1.2.0; repeat",
    collectMinimumVersion,
    [],
  )
  .option("--fuel <n>", "calls, loop turns and 256-byte copies allowed in a run", (text) =>
    parseWhole(text, 1, Number.MAX_SAFE_INTEGER),
  )
  .option("--deadline <ms>", "wall time of a run, in milliseconds", (text) =>
    parseWhole(text, 1, U32),
  )
  .option("--memory <bytes>", "linear memory of a program", (text) => parseBytes(text))
  .option("--stack <bytes>", "interpreter stack of a program", (text) => parseBytes(text))
  .option("--max-output <bytes>", "largest result", (text) => parseBytes(text))
  .option("--max-file <bytes>", "largest file that a principal may write", (text) =>
    parseBytes(text),
  )
  .option("--allow-development", "accept isolates of development grade")
  .option("--debug", "allow debug messages of the isolate")
  .addOption(new Option("--enclave-debug-mode", "another name for --debug"))
  .option("-o, --output-policy-file <file>", "where the policy goes (- is standard output)", "-")
  .option(
    "--again <policy>",
    "write the same policy for another computation, and say what its parties must renew",
  )
  .option("--check <policy>", "explain a policy in words and warn of surprises; write nothing")
  .option("--strict", `with --check: exit with ${EXIT_WARNINGS} when there are warnings`)
  .addHelpText(
    "after",
    `
A computation's files are input-0, input-1, … (written once), stream-0, … (one item in each round),
output (the result), and the programs. Rights are r, w or rw. A policy has at most 32 principals,
16 programs, 128 files and 64 KiB of text. Default limits:
fuel ${policyDefaults.fuel}, deadline ${policyDefaults.deadline_ms} ms, memory ${policyDefaults.memory_bytes}, stack ${policyDefaults.stack_bytes}, output ${policyDefaults.output_bytes}, file ${policyDefaults.file_bytes}.

Exit codes: 0 the policy is written or good; 1 the policy is refused; 2 wrong arguments or
files; ${EXIT_WARNINGS} --check --strict found warnings.

A key and certificate for a principal:
  ${opensslCommand}

Example: two principals provide one input each, and the second reads the result
  vc-pgen --certificate alice.cert.pem --capability "sum.wasm:w,input-0:w" \\
    --certificate bob.cert.pem --capability "input-1:w,output:r" \\
    --binary sum.wasm=./sum.wasm --capability "input-0:r,input-1:r,output:w" \\
    --veracruz-server-ip 127.0.0.1:3017 --proxy-attestation-server-ip 127.0.0.1:3010 \\
    --proxy-attestation-server-cert ca.cert.pem --runtime runtime.wasm \\
    --certificate-expiry 2027-12-31T23:59:00Z --output-policy-file policy.json
  vc-pgen --check policy.json
  vc-pgen --again policy.json --output-policy-file next.json`,
  )
  .action((options: Options) => {
    if (options.check !== undefined) check(options);
    else if (options.again !== undefined) again(options);
    else generate(options);
  });

/** A policy of these bytes that isolates and clients will take. */
function takenPolicy(bytes: Uint8Array, what: string): Policy {
  try {
    return goodPolicy(bytes);
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    throw new CliError(`${what} is refused: ${error.message}`, EXIT_REFUSED);
  }
}

/** Refuses every given option that is not one of these. */
function allowOnly(names: readonly string[], what: string): void {
  for (const option of command.options) {
    const name = option.attributeName();
    const given = command.getOptionValueSource(name) === "cli";
    if (given && !names.includes(name)) throw new CliError(`${what}: it takes no ${option.long}`);
  }
}

/** Writes the same policy for another computation. */
function again(options: Options): void {
  allowOnly(
    ["again", "computationId", "outputPolicyFile"],
    "--again takes everything but the computation's ID from the policy",
  );
  const path = options.again as string;
  const before = takenPolicy(readUserFile(path, "policy"), `the policy ${JSON.stringify(path)}`);
  const document = { ...before.document, computation_id: newComputationId(options) };
  if (document.computation_id === before.document.computation_id)
    throw new CliError("--computation-id is that of the policy: it would be the same computation");
  const policy = writePolicy(document, options);
  for (const line of renewalsOf(before, policy)) console.error(line);
}

const newComputationId = (options: Options): string =>
  options.computationId ?? randomBytes(16).toString("hex");

/** Checks a policy, writes it, says its hash. */
function writePolicy(document: PolicyDocument, options: Options): Policy {
  const text = policyText(document);
  const policy = takenPolicy(Buffer.from(text), "the policy");
  writeUserFile(options.outputPolicyFile, "policy", text);
  // Messages go to standard error: standard output may be the policy.
  console.error(`policy SHA-256 ${policy.hash.toString("hex")}`);
  return policy;
}

function check(options: Options): void {
  const path = options.check as string;
  allowOnly(["check", "strict"], "--check explains a policy as it is");
  const policy = takenPolicy(readUserFile(path, "policy"), `the policy ${JSON.stringify(path)}`);
  process.stdout.write(explainPolicy(policy));
  if (options.strict && warningsOf(policy).length > 0) process.exitCode = EXIT_WARNINGS;
}

/** The certificate in a file, as canonical PEM; a principal's must be one with which isolates let it connect. */
function certificateOption(path: string, what: string, isPrincipal: boolean): string {
  const content = readUserFile(path, what);
  try {
    return certificateOf(content, isPrincipal);
  } catch (error) {
    if (!(error instanceof CertificateError)) throw error;
    throw new CliError(`the ${what} ${JSON.stringify(path)}: ${error.message}`, EXIT_REFUSED);
  }
}

/** The value of an option that a new policy cannot do without. */
function required<T>(value: T | undefined, option: string): T {
  if (value === undefined) throw new CliError(`--${option} is missing (see --help)`);
  return value;
}

function program(value: string): { name: string; hash: string } {
  const [, name, path] = /^([^=]+)=(.+)$/.exec(value) ?? [];
  if (name === undefined || path === undefined) {
    throw new CliError(`--binary ${JSON.stringify(value)}: expected NAME=FILE`);
  }
  const hash = programHash(readUserFile(path, "program"));
  if (hash === undefined) {
    throw new CliError(`the program ${JSON.stringify(path)} is not a WebAssembly module`);
  }
  return { name, hash };
}

function executionLimits(options: Options): ExecutionLimits | undefined {
  const limits: ExecutionLimits = {
    ...(options.fuel !== undefined && { fuel: options.fuel }),
    ...(options.deadline !== undefined && { deadline_ms: options.deadline }),
    ...(options.memory !== undefined && { memory_bytes: options.memory }),
    ...(options.stack !== undefined && { stack_bytes: options.stack }),
    ...(options.maxOutput !== undefined && { output_bytes: options.maxOutput }),
    ...(options.maxFile !== undefined && { file_bytes: options.maxFile }),
  };
  return Object.keys(limits).length > 0 ? limits : undefined;
}

function generate(options: Options): void {
  if (options.strict) throw new CliError("--strict is for --check");
  const document: PolicyDocument = {
    identities: [],
    programs: [],
    veracruz_server_url: required(options.veracruzServerIp, "veracruz-server-ip"),
    proxy_attestation_server_url: required(
      options.proxyAttestationServerIp,
      "proxy-attestation-server-ip",
    ),
    proxy_service_cert: certificateOption(
      required(options.proxyAttestationServerCert, "proxy-attestation-server-cert"),
      "certificate of the proxy attestation server",
      false,
    ),
    enclave_cert_expiry: required(options.certificateExpiry, "certificate-expiry"),
    ciphersuite: options.ciphersuite,
    ...(options.allowClassical ? {} : { key_exchange: "hybrid-required" }),
    debug: options.debug === true || options.enclaveDebugMode === true,
    execution_strategy: options.executionStrategy,
  };
  for (const { kind, value, rights } of entries.entries) {
    if (rights === undefined) {
      throw new CliError(`--${kind} ${JSON.stringify(value)}: --capability must follow it`);
    }
    if (kind === "certificate") {
      const id = document.identities.length;
      const certificate = certificateOption(value, "certificate", true);
      document.identities.push({ certificate, id, file_rights: rights });
    } else {
      const id = document.programs.length;
      const { name, hash } = program(value);
      document.programs.push({ program_file_name: name, id, pi_hash: hash, file_rights: rights });
    }
  }
  if (document.identities.length === 0) required(undefined, "certificate");
  const { mcu } = options.runtimeHashFile;
  if (options.runtime.linux !== undefined && options.runtimeHashFile.linux !== undefined)
    throw new CliError("--runtime and --runtime-hash-file both give a hash for linux");
  const linux = options.runtime.linux ?? options.runtimeHashFile.linux;
  if (linux === undefined && mcu === undefined) required(undefined, "runtime-hash-file");
  if (linux !== undefined) document.runtime_manager_hash_linux = linux;
  if (mcu !== undefined) document.runtime_manager_hash_mcu = mcu;
  if (options.allowDevelopment) document.allow_development = true;
  const limits = executionLimits(options);
  if (limits !== undefined) document.execution_limits = limits;
  if (options.maxRounds !== undefined) document.max_rounds = options.maxRounds;
  if (options.maxFailedRuns !== undefined) document.max_failed_runs = options.maxFailedRuns;
  if (options.maxRestarts !== undefined) document.max_restarts = options.maxRestarts;
  if (options.instanceId.length > 0) document.instance_ids = options.instanceId;
  if (options.minimumVersion.length > 0) document.minimum_versions = options.minimumVersion;
  document.computation_id = newComputationId(options);
  const policy = writePolicy(document, options);
  for (const warning of warningsOf(policy)) console.error(`warning: ${warning}`);
}

await runCommand(command);
