#!/usr/bin/env node
import { createHash } from "node:crypto";
import { Command, InvalidArgumentError, Option } from "commander";
import { addresses, formatAddress } from "../common/addresses.js";
import { CliError, readUserFile, runCommand } from "../common/cli.js";
import { parseWhole } from "../common/quantities.js";
import { forTerminal } from "../common/terminal.js";
import { describeToken, tokenToJson } from "../psa-attestation/inspect.js";
import { describeLifecycle, gradeOf } from "../psa-attestation/lifecycle.js";
import { importP256 } from "../psa-attestation/p256.js";
import { readToken, verifyToken } from "../psa-attestation/verifier.js";
import { initialiseCa, loadCa } from "./ca.js";
import {
  checkEnrolment,
  ENROL_REFUSALS,
  type Enrolment,
  parseEnrolmentFile,
  parseHex,
  parseKind,
  parsePublicKey,
} from "./enrolment.js";
import { openStore } from "./open-store.js";
import type { Store } from "./store.js";
import { SERVER_VERSION } from "./version.js";

/** What was asked for was refused, or is not there. */
const EXIT_REFUSED = 1;

const EXIT_CODES = `
Exit codes: 0 done; 1 refused (the device is known already, the token is not valid, …);
2 wrong arguments, or a file or database that cannot be used; 70 a defect of this program.`;

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const utf8 = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** Text of someone else's making, on one line, without anything that a terminal would act on. */
const shown = (text: string) => forTerminal(JSON.stringify(text).slice(1, -1));

/** A duration such as 30s, 15m, 24h or 7d, in milliseconds. */
function parseDuration(text: string): number {
  const [, digits, unit] = /^(\d{1,6})(s|m|h|d)$/.exec(text) ?? [];
  const scale = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }[unit ?? ""];
  const value = Number(digits) * (scale ?? Number.NaN);
  if (!(value > 0 && value <= 366 * 86_400_000))
    throw new InvalidArgumentError("expected a duration such as 30s, 15m, 24h or 7d, at most 366d");
  return value;
}

function parseLifecycle(text: string): number {
  if (!/^(0x[0-9a-f]{1,4}|\d{1,5})$/i.test(text))
    throw new InvalidArgumentError("expected a lifecycle such as 0x3000");
  return Number(text);
}

const whole = (least: number, most: number) => (text: string) => parseWhole(text, least, most);

const databaseOption = () =>
  new Option("--database <file|url>", "SQLite file, or postgres://user@host/name")
    .default("proxy-attestation-server.sqlite")
    .env("VC_PAS_DATABASE");

async function withStore<T>(database: string, use: (store: Store) => Promise<T>): Promise<T> {
  const store = await openStore(database);
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}

const program = new Command("vc-pas")
  .description(
    "Proxy attestation server: verifies PSA attestation tokens of enrolled devices and issues short-lived certificates to the isolates on them.",
  )
  .version(SERVER_VERSION)
  .addHelpText("after", EXIT_CODES);

program
  .command("init-ca")
  .description("make the CA under which certificates are issued: a P-256 key and its certificate")
  .option("--ca-key <file>", "key to write, PEM, for its owner only", "ca-key.pem")
  .option("--ca-certificate <file>", "certificate to write, PEM", "ca.pem")
  .option("--name <text>", "common name", "Veracruz proxy attestation CA")
  .option("--days <n>", "validity of the certificate", whole(1, 36500), 3650)
  .action((options) => {
    initialiseCa(options.caKey, options.caCertificate, options.name, options.days);
    console.log(
      `CA key:         ${options.caKey} (keep it secret: it vouches for every isolate)\nCA certificate: ${options.caCertificate} (goes into policies, as --proxy-attestation-server-cert)`,
    );
  });

program
  .command("serve")
  .description("run the server until SIGINT or SIGTERM")
  .option("--ca-key <file>", "the CA's key, PEM; refused when others may read it", "ca-key.pem")
  .option("--ca-certificate <file>", "the CA's certificate, PEM", "ca.pem")
  .addOption(databaseOption())
  .option("--host <address>", "address to listen on", addresses.proxyAttestationServer.host)
  .option(
    "--port <n>",
    "port to listen on; 0 takes a free one",
    whole(0, 65535),
    addresses.proxyAttestationServer.port,
  )
  .option(
    "--certificate-validity <time>",
    "validity of isolates' certificates (24h)",
    parseDuration,
  )
  .option("--challenge-lifetime <time>", "how long a challenge may be used (60s)", parseDuration)
  .option(
    "--allow-development",
    "certify development-grade devices too (software root of trust, emulator); never in production",
    false,
  )
  .option(
    "--max-open-challenges <n>",
    "challenges that may be unused and in time at once (250000)",
    whole(1, 10_000_000),
  )
  .option(
    "--max-starts-per-second <n>",
    "/Start requests of one address, on average (1000)",
    whole(1, 1_000_000),
  )
  .option("--max-connections <n>", "open connections (1024)", whole(1, 65535))
  .addOption(
    new Option("--log-level <level>", "least severity that is logged")
      .choices(["silent", "error", "warn", "info", "debug"])
      .default("info"),
  )
  .action(async (options) => {
    // Loaded here alone: the other commands start twice as fast without them.
    const [{ pino }, { startServer }] = await Promise.all([import("pino"), import("./server.js")]);
    const ca = loadCa(options.caKey, options.caCertificate);
    const logger = pino({ level: options.logLevel, base: null });
    const store = await openStore(options.database);
    if (options.allowDevelopment)
      logger.warn("development-grade devices get certificates: for development only");
    const { certificateValidity, challengeLifetime, maxOpenChallenges } = options;
    const { maxStartsPerSecond, maxConnections } = options;
    const server = await startServer(store, ca, {
      host: options.host,
      port: options.port,
      logger,
      allowDevelopment: options.allowDevelopment,
      ...(certificateValidity !== undefined && { certificateValidity }),
      ...(challengeLifetime !== undefined && { challengeLifetime }),
      ...(maxOpenChallenges !== undefined && { maxOpenChallenges }),
      ...(maxStartsPerSecond !== undefined && { maxStartsPerSecond }),
      ...(maxConnections !== undefined && { maxConnections }),
    }).catch(async (error: NodeJS.ErrnoException) => {
      await store.close();
      const where = formatAddress(options);
      throw error.code === "EADDRINUSE"
        ? new CliError(`${where} is in use by another program`)
        : new CliError(`cannot listen on ${where}: ${error.message}`);
    });
    const stop = async (signal: string) => {
      logger.info({ signal }, "stopping");
      await server.close();
    };
    process.once("SIGINT", stop);
    process.once("SIGTERM", stop);
  });

program
  .command("enroll")
  .description("enrol a device: from then on its tokens are believed")
  .addOption(databaseOption())
  .option("--from <file>", "enrolment file written by the root of trust; - is standard input")
  .option("--instance-id <hex>", "33 bytes, the first of them 01")
  .option("--public-key <file>", "the attestation key's public half, PEM")
  .option("--implementation-id <hex>", "32 bytes")
  .option("--lifecycle <n>", "0x3000 secured, 0x4000 development grade", parseLifecycle)
  .addOption(new Option("--kind <kind>", "kind of isolate").choices(["linux", "mcu"]))
  .option("--label <text>", "a name for people")
  .action(async (options) => {
    let enrolment: Enrolment;
    if (options.from !== undefined) {
      enrolment = parseEnrolmentFile(utf8(readUserFile(options.from, "enrolment file")));
      if (options.label !== undefined) enrolment = { ...enrolment, label: options.label };
    } else {
      for (const name of ["instanceId", "publicKey", "implementationId", "lifecycle", "kind"])
        if (options[name] === undefined)
          throw new CliError(
            "give --from, or all of --instance-id, --public-key, --implementation-id, --lifecycle, --kind",
          );
      enrolment = checkEnrolment({
        instanceId: parseHex(options.instanceId, [33], "instance ID"),
        publicKey: parsePublicKey(utf8(readUserFile(options.publicKey, "public key"))),
        implementationId: parseHex(options.implementationId, [32], "implementation ID"),
        lifecycle: options.lifecycle,
        kind: parseKind(options.kind),
        label: options.label ?? "",
      });
    }
    const outcome = await withStore(options.database, (store) =>
      store.enrol({ ...enrolment, enrolledAt: Date.now() }),
    );
    const id = hex(enrolment.instanceId);
    if (outcome !== "enrolled") throw new CliError(ENROL_REFUSALS[outcome], EXIT_REFUSED);
    console.log(
      `enrolled ${id} (${enrolment.kind}, ${describeLifecycle(enrolment.lifecycle)}, ${gradeOf(enrolment.lifecycle)} grade)`,
    );
  });

program
  .command("revoke")
  .description("believe a device no longer; certificates that it has run out by themselves")
  .argument("<instance-id>", "33 bytes in hexadecimal")
  .addOption(databaseOption())
  .action(async (instanceId: string, options) => {
    const id = parseHex(instanceId, [33], "instance ID");
    const outcome = await withStore(options.database, (store) => store.revoke(id, Date.now()));
    if (outcome !== "revoked")
      throw new CliError(
        outcome === "unknown" ? "no such device is enrolled" : "the device is revoked already",
        EXIT_REFUSED,
      );
    console.log(`revoked ${hex(id)}`);
  });

program
  .command("allow-measurement")
  .description("let devices of an implementation run a piece of software")
  .addOption(databaseOption())
  .requiredOption("--implementation-id <hex>", "32 bytes")
  .option("--measurement <hex>", "its hash: 32, 48 or 64 bytes")
  .option("--measurement-of <file>", "the software itself, to be hashed with SHA-256")
  .option("--description <text>", "what it is, for people", "")
  .option("--withdraw", "take it off the list instead", false)
  .action(async (options) => {
    const implementationId = parseHex(options.implementationId, [32], "implementation ID");
    if ((options.measurement === undefined) === (options.measurementOf === undefined))
      throw new CliError("give one of --measurement and --measurement-of");
    const measurement =
      options.measurement !== undefined
        ? parseHex(options.measurement, [32, 48, 64], "measurement")
        : new Uint8Array(
            createHash("sha256").update(readUserFile(options.measurementOf, "software")).digest(),
          );
    const changed = await withStore(options.database, (store) =>
      options.withdraw
        ? store.withdraw(implementationId, measurement, Date.now())
        : store.allow({
            implementationId,
            measurement,
            description: options.description,
            allowedAt: Date.now(),
          }),
    );
    if (!changed)
      throw new CliError(
        options.withdraw ? "it is not on the list" : "it is on the list already",
        EXIT_REFUSED,
      );
    console.log(`${options.withdraw ? "withdrew" : "allowed"} ${hex(measurement)}`);
  });

const date = (milliseconds: number) => new Date(milliseconds).toISOString();

/** The contents of one list, as records of plain values. */
async function listOf(
  what: string,
  store: Store,
  limit: number,
): Promise<Record<string, unknown>[]> {
  switch (what) {
    case "devices":
      return (await store.devices()).map((device) => ({
        instanceId: hex(device.instanceId),
        kind: device.kind,
        grade: gradeOf(device.lifecycle),
        lifecycle: describeLifecycle(device.lifecycle),
        implementationId: hex(device.implementationId),
        label: device.label,
        enrolled: date(device.enrolledAt),
        revoked: device.revokedAt === undefined ? null : date(device.revokedAt),
      }));
    case "measurements":
      return (await store.measurements()).map((allowed) => ({
        implementationId: hex(allowed.implementationId),
        measurement: hex(allowed.measurement),
        description: allowed.description,
        allowed: date(allowed.allowedAt),
      }));
    case "certificates":
      return (await store.certificates(limit)).map((issued) => ({
        serial: hex(issued.serial),
        instanceId: hex(issued.instanceId),
        runtimeHash: hex(issued.runtimeHash),
        issued: date(issued.issuedAt),
        expires: date(issued.notAfter),
      }));
    default:
      return (await store.log(limit)).map((entry) => ({
        sequence: entry.sequence,
        at: date(entry.at),
        event: entry.event,
        ...entry.detail,
      }));
  }
}

program
  .command("list")
  .description("show what the database holds")
  .addOption(
    new Option("--what <list>", "which list")
      .choices(["devices", "measurements", "certificates", "log"])
      .default("devices"),
  )
  .addOption(databaseOption())
  .option("--limit <n>", "at most so many certificates or log entries", whole(1, 1_000_000), 100)
  .option("--json", "one JSON array", false)
  .action(async (options) => {
    const records = await withStore(options.database, (store) =>
      listOf(options.what, store, options.limit),
    );
    if (options.json) {
      console.log(forTerminal(JSON.stringify(records, null, 2)));
      return;
    }
    if (records.length === 0) console.log(`no ${options.what}`);
    for (const record of records)
      console.log(
        Object.entries(record)
          .filter(([, value]) => value !== null && value !== "")
          .map(([name, value]) => `${name}: ${shown(String(value))}`)
          .join("\n  "),
      );
  });

/** A token's bytes from a file's content: the bytes themselves, or hexadecimal or base64 text. */
function tokenBytes(content: Uint8Array): Uint8Array {
  const text = Buffer.from(content).toString("latin1").replace(/\s+/g, "");
  if (/^([0-9a-f]{2})+$/i.test(text)) return new Uint8Array(Buffer.from(text, "hex"));
  if (/^[0-9a-z+/_-]+=*$/i.test(text)) return new Uint8Array(Buffer.from(text, "base64"));
  return content;
}

program
  .command("inspect")
  .description(
    "print a PSA attestation token; checks its form and claims, and its signature if told the key",
  )
  .argument("<token>", "file with the token: binary, hexadecimal or base64; - is standard input")
  .option("--public-key <file>", "the device's public key, PEM: check the signature too")
  .option("--json", "one JSON object", false)
  .action((path: string, options) => {
    const bytes = tokenBytes(readUserFile(path, "token"));
    const token = readToken(bytes);
    if (!token.ok)
      throw new CliError(`not a valid token (${token.rule}): ${token.detail}`, EXIT_REFUSED);
    let signature = "not checked (give --public-key)";
    if (options.publicKey !== undefined) {
      const key = importP256(parsePublicKey(utf8(readUserFile(options.publicKey, "public key"))));
      if (key === undefined) throw new CliError("the public key is not a P-256 key");
      const { nonce } = token.claims;
      const verdict = verifyToken(bytes, key, { nonce, allowDevelopment: true });
      signature = verdict.ok || verdict.rule === "lifecycle-not-trusted" ? "valid" : "NOT VALID";
    }
    if (options.json)
      console.log(
        forTerminal(JSON.stringify({ ...tokenToJson(token), signatureCheck: signature }, null, 2)),
      );
    else {
      for (const line of describeToken(token)) console.log(forTerminal(line));
      console.log(`signature check          ${signature}`);
    }
    if (signature === "NOT VALID") process.exitCode = EXIT_REFUSED;
  });

await runCommand(program);
