#!/usr/bin/env node
// vc-pgen: writes a policy, or explains one.
import { createHash } from "node:crypto";
import { Command, InvalidArgumentError, Option } from "commander";
import { CliError, readUserFile, runCommand, writeUserFile } from "../common/cli.js";
import { parseBytes, parseWhole } from "../common/quantities.js";
import {
  CertificateError,
  certificateToPem,
  opensslCommand,
  readCertificate,
  requireCurrent,
  requireP256,
} from "../veracruz-utils/certificates.js";
import {
  type ExecutionLimits,
  Policy,
  type PolicyDate,
  type PolicyDocument,
  PolicyError,
  policyDefaults,
} from "../veracruz-utils/policy.js";
import { checkPolicyCertificates } from "../veracruz-utils/policy-certificates.js";
import { EntryCollector, parseRfc2822Date, parseRuntimeHashes } from "./arguments.js";
import { explainPolicy, warningsOf } from "./explain.js";

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
  outputPolicyFile: string;
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
  check?: string;
  strict?: boolean;
}

const entries = new EntryCollector();
const U32 = 2 ** 32 - 1;

/** Reads hash files as they come: `[kind=]FILE`. */
function collectRuntimeHashes(value: string, before: Options["runtimeHashFile"]) {
  const [, kind, path] = /^(?:(linux|mcu)=)?(.+)$/.exec(value) ?? [];
  if (path === undefined) throw new InvalidArgumentError("expected linux=FILE, mcu=FILE or FILE");
  const content = Buffer.from(readUserFile(path, "runtime hash file")).toString("latin1");
  const hashes = parseRuntimeHashes(content, kind);
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
    "rights of the certificate or binary before it, as in input-0:w,output:r",
    (value) => entries.addCapability(value),
  )
  .option("--veracruz-server-ip <host:port>", "where the Veracruz server is")
  .option("--proxy-attestation-server-ip <host:port>", "where the proxy attestation server is")
  .option(
    "--proxy-attestation-server-cert <file>",
    "certificate of the proxy attestation server's CA",
  )
  .option(
    "--certificate-expiry <date>",
    "when isolates' certificates are no longer good (RFC 2822)",
    parseRfc2822Date,
  )
  .option(
    "--runtime-hash-file <[kind=]file>",
    "SHA-256 of the trusted runtime, kind linux or mcu; repeat",
    collectRuntimeHashes,
    {},
  )
  .addOption(
    new Option("--execution-strategy <name>", "how programs are run")
      .choices(["Interpretation", "JIT"])
      .default("Interpretation"),
  )
  .addOption(
    new Option("--ciphersuite <name>", "the TLS 1.3 cipher suite")
      .choices(["TLS1_3_CHACHA20_POLY1305_SHA256", "TLS1_3_AES_128_GCM_SHA256"])
      .default("TLS1_3_CHACHA20_POLY1305_SHA256"),
  )
  .option("--max-rounds <n>", "successful runs allowed (1 where not given)", (text) =>
    parseWhole(text, 1, U32),
  )
  .option("--max-failed-runs <n>", "failed runs allowed (3 where not given)", (text) =>
    parseWhole(text, 1, U32),
  )
  .option("--fuel <n>", "calls, loop turns and 256-byte copies allowed to a run", (text) =>
    parseWhole(text, 1, Number.MAX_SAFE_INTEGER),
  )
  .option("--deadline <ms>", "wall time allowed to a run, in milliseconds", (text) =>
    parseWhole(text, 1, U32),
  )
  .option("--memory <bytes>", "linear memory allowed to a program", (text) => parseBytes(text))
  .option("--stack <bytes>", "interpreter stack of a program", (text) => parseBytes(text))
  .option("--max-output <bytes>", "largest result", (text) => parseBytes(text))
  .option("--max-file <bytes>", "largest file that a principal may write", (text) =>
    parseBytes(text),
  )
  .option("--allow-development", "accept isolates of development grade")
  .option("--debug", "allow debug messages of the isolate")
  .addOption(new Option("--enclave-debug-mode", "the original's name of --debug"))
  .option("-o, --output-policy-file <file>", "where the policy goes (- is standard output)", "-")
  .option("--check <policy>", "explain a policy in words and warn of surprises; write nothing")
  .option("--strict", `with --check: exit with ${EXIT_WARNINGS} when there are warnings`)
  .addHelpText(
    "after",
    `
Files of a computation: input-0, input-1, … (written once), stream-0, … (an item each round), output
(the result), and the programs. Rights are r, w or rw. Defaults of limits that are not given:
fuel ${policyDefaults.fuel}, deadline ${policyDefaults.deadline_ms} ms, memory ${policyDefaults.memory_bytes}, stack ${policyDefaults.stack_bytes}, output ${policyDefaults.output_bytes}, file ${policyDefaults.file_bytes}.

Exit codes: 0 the policy was written, or is good; 1 the policy is refused; 2 wrong arguments or
files; ${EXIT_WARNINGS} --check --strict found warnings.

A key and certificate for a principal:
  ${opensslCommand}

Example: two principals provide an input each, the second reads the result
  vc-pgen --certificate alice.cert.pem --capability "sum.wasm:w,input-0:w" \\
    --certificate bob.cert.pem --capability "input-1:w,output:r" \\
    --binary sum.wasm=./sum.wasm --capability "input-0:r,input-1:r,output:w" \\
    --veracruz-server-ip 127.0.0.1:3017 --proxy-attestation-server-ip 127.0.0.1:3010 \\
    --proxy-attestation-server-cert ca.cert.pem --runtime-hash-file linux=runtime.sha256 \\
    --certificate-expiry "Fri, 31 Dec 2027 23:59:00 +0000" --output-policy-file policy.json
  vc-pgen --check policy.json`,
  )
  .action((options: Options) => (options.check === undefined ? generate(options) : check(options)));

/** A policy of these bytes that isolates and clients will take. */
function goodPolicy(bytes: Uint8Array, what: string): Policy {
  try {
    const policy = new Policy(bytes);
    checkPolicyCertificates(policy, new Date());
    return policy;
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    throw new CliError(`${what} is refused: ${error.message}`, EXIT_REFUSED);
  }
}

/** Options that explain a policy; all the others make one. */
const CHECK_OPTIONS = new Set(["check", "strict"]);

function check(options: Options): void {
  const path = options.check as string;
  for (const option of command.options) {
    const name = option.attributeName();
    const given = command.getOptionValueSource(name) === "cli";
    if (given && !CHECK_OPTIONS.has(name)) {
      throw new CliError(`--check explains a policy as it is: it takes no ${option.long}`);
    }
  }
  const policy = goodPolicy(readUserFile(path, "policy"), `the policy ${JSON.stringify(path)}`);
  process.stdout.write(explainPolicy(policy));
  if (options.strict && warningsOf(policy).length > 0) process.exitCode = EXIT_WARNINGS;
}

/** The certificate in a file, as canonical PEM. */
function certificateOption(path: string, what: string): string {
  const content = readUserFile(path, what);
  try {
    const certificate = readCertificate(content);
    requireP256(certificate);
    requireCurrent(certificate, new Date());
    return certificateToPem(certificate.raw);
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
  const content = readUserFile(path, "program");
  if (Buffer.compare(content.subarray(0, 4), Buffer.from("\0asm")) !== 0) {
    throw new CliError(`the program ${JSON.stringify(path)} is not a WebAssembly module`);
  }
  return { name, hash: createHash("sha256").update(content).digest("hex") };
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
    ),
    enclave_cert_expiry: required(options.certificateExpiry, "certificate-expiry"),
    ciphersuite: options.ciphersuite,
    debug: options.debug === true || options.enclaveDebugMode === true,
    execution_strategy: options.executionStrategy,
  };
  for (const { kind, value, rights } of entries.entries) {
    if (rights === undefined) {
      throw new CliError(`--${kind} ${JSON.stringify(value)}: --capability must follow it`);
    }
    if (kind === "certificate") {
      const id = document.identities.length;
      const certificate = certificateOption(value, "certificate");
      document.identities.push({ certificate, id, file_rights: rights });
    } else {
      const id = document.programs.length;
      const { name, hash } = program(value);
      document.programs.push({ program_file_name: name, id, pi_hash: hash, file_rights: rights });
    }
  }
  if (document.identities.length === 0) required(undefined, "certificate");
  const { linux, mcu } = options.runtimeHashFile;
  if (linux === undefined && mcu === undefined) required(undefined, "runtime-hash-file");
  if (linux !== undefined) document.runtime_manager_hash_linux = linux;
  if (mcu !== undefined) document.runtime_manager_hash_mcu = mcu;
  if (options.allowDevelopment) document.allow_development = true;
  const limits = executionLimits(options);
  if (limits !== undefined) document.execution_limits = limits;
  if (options.maxRounds !== undefined) document.max_rounds = options.maxRounds;
  if (options.maxFailedRuns !== undefined) document.max_failed_runs = options.maxFailedRuns;

  const text = `${JSON.stringify(document, null, 2)}\n`;
  const policy = goodPolicy(Buffer.from(text), "the policy");
  writeUserFile(options.outputPolicyFile, "policy", text);
  // What is said goes to standard error: standard output may be the policy.
  console.error(`policy SHA-256 ${policy.hash.toString("hex")}`);
  for (const warning of warningsOf(policy)) console.error(`warning: ${warning}`);
}

await runCommand(command);
