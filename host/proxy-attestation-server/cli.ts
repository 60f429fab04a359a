#!/usr/bin/env node
import { createHash } from "node:crypto";
import { Command, InvalidArgumentError, Option } from "commander";
import { addresses, formatAddress } from "../common/addresses.js";
import { CliError, readUserFile, readUserText, runCommand, writeUserFile } from "../common/cli.js";
import { networkReason } from "../common/network-reason.js";
import { parseWhole } from "../common/quantities.js";
import { readSecretFile } from "../common/secret-files.js";
import { forTerminal } from "../common/terminal.js";
import { VERSION } from "../common/version.js";
import { describeToken, tokenToJson } from "../psa-attestation/inspect.js";
import { describeLifecycle, gradeOf, LIFECYCLE_SECURED } from "../psa-attestation/lifecycle.js";
import { importP256 } from "../psa-attestation/p256.js";
import { SOFTWARE_IMPLEMENTATION_ID } from "../psa-attestation/software-implementation.js";
import { readToken, verifyToken } from "../psa-attestation/verifier.js";
import { isComponent, isVersion } from "../psa-attestation/versions.js";
import { initialiseCa, loadCa } from "./ca.js";
import { endorse, parseManufacturerKey } from "./endorsement.js";
import {
  type Applicant,
  checkApplicant,
  enrol,
  enrolmentChallenge,
  parseEnrolmentFile,
  parseHex,
  parsePublicKey,
} from "./enrolment.js";
import { kindOf } from "./enrolment-decision.js";
import { RUNTIME_COMPONENT } from "./measured.js";
import { openStore } from "./open-store.js";
import type { Evidence, Store } from "./store.js";

/** The request was refused, or what it names does not exist. */
const EXIT_REFUSED = 1;

const EXIT_CODES = `
Exit codes: 0 done; 1 refused (the device is known already, the token is not valid, …);
2 wrong arguments, or a file or database that cannot be used; 70 a defect of this program.`;

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

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

const whole = (least: number, most: number) => (text: string) => parseWhole(text, least, most);

function parseComponent(text: string): string {
  if (!isComponent(text))
    throw new InvalidArgumentError("expected a measurement type such as ARoT: at most 16 letters");
  return text;
}

function parseVersion(text: string): string {
  if (!isVersion(text))
    throw new InvalidArgumentError("expected one to four numbers up to 65535, as in 1.2.3");
  return text;
}

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
  .version(VERSION)
  .addHelpText("after", EXIT_CODES);

program
  .command("init-ca")
  .description("make the CA that signs certificates: a P-256 key and its certificate")
  .option("--ca-key <file>", "where the key goes, PEM, readable by its owner only", "ca-key.pem")
  .option("--ca-certificate <file>", "where the certificate goes, PEM", "ca.pem")
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
  .option("--config <file>", "take options from a file (YAML); the command line comes first")
  .option(
    "--ca-key <file>",
    "the CA's key, PEM; only its owner may be able to read it",
    "ca-key.pem",
  )
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
    "also certify devices of development grade (software root of trust, emulator); never in production",
    false,
  )
  .option(
    "--max-open-challenges <n>",
    "challenges that may be open at once (250000)",
    whole(1, 10_000_000),
  )
  .option(
    "--max-starts-per-second <n>",
    "/Start requests of one address, on average (1000)",
    whole(1, 1_000_000),
  )
  .option("--max-connections <n>", "open connections (1024)", whole(1, 65535))
  .addOption(
    new Option("--log-level <level>", "lowest level to log")
      .choices(["silent", "error", "warn", "info", "debug"])
      .default("info"),
  )
  .addHelpText(
    "after",
    `
A configuration file has the same options by their long names, as in "port: 3010" and "allow-development: true".`,
  )
  .action(async (_options, command: Command) => {
    const { config } = command.opts();
    if (config !== undefined) {
      // Loaded for who has such a file.
      const { readConfiguration } = await import("../common/configuration-file.js");
      readConfiguration(command, config);
    }
    const options = command.opts();
    // Loaded here alone: the other commands start twice as fast without them.
    const [{ serverLog }, { startServer }] = await Promise.all([
      import("../common/server-log.js"),
      import("./server.js"),
    ]);
    const ca = loadCa(options.caKey, options.caCertificate);
    const logger = serverLog(options.logLevel);
    const store = await openStore(options.database);
    if (store.isUnconfirmedCopy) {
      await store.close();
      throw new CliError(
        `${JSON.stringify(options.database)} is a copy: see what it does not know with vc-pas confirm-restore, then confirm it`,
        EXIT_REFUSED,
      );
    }
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
      const where = formatAddress({ host: options.host, port: options.port });
      throw error.code === "EADDRINUSE"
        ? new CliError(`${where} is in use by another program`)
        : new CliError(`cannot listen on ${where}: ${networkReason(error)}`);
    });
    const stop = async (signal: string) => {
      logger.info({ signal }, "stopping");
      await server.close();
    };
    process.once("SIGINT", stop);
    process.once("SIGTERM", stop);
  });

program
  .command("trust-manufacturer")
  .description("take a manufacturer's word on which devices of an implementation are secured")
  .addOption(databaseOption())
  .requiredOption("--implementation-id <hex>", "32 bytes")
  .requiredOption("--public-key <file>", "the key that signs its endorsements: P-256, PEM")
  .option("--name <text>", "a name for people", "")
  .option("--withdraw", "trust it no more; what it has endorsed stays enrolled", false)
  .action(async (options) => {
    const implementationId = parseHex(options.implementationId, [32], "implementation ID");
    if (SOFTWARE_IMPLEMENTATION_ID.every((byte, at) => implementationId[at] === byte))
      throw new CliError(
        "the implementation ID is that of the software root of trust: nobody can make it more than development grade",
      );
    const publicKey = parsePublicKey(readUserText(options.publicKey, "public key"));
    const changed = await withStore(options.database, (store) =>
      options.withdraw
        ? store.distrustManufacturer(implementationId, publicKey, Date.now())
        : store.trustManufacturer({
            implementationId,
            publicKey,
            name: options.name,
            trustedAt: Date.now(),
          }),
    );
    if (!changed)
      throw new CliError(
        options.withdraw ? "it is not trusted" : "it is trusted already",
        EXIT_REFUSED,
      );
    const done = options.withdraw ? "no longer trusts" : "trusts";
    console.log(`${done} the key ${createHash("sha256").update(publicKey).digest("hex")}`);
  });

program
  .command("endorse")
  .description("a manufacturer's part: sign that a device left it with debug and readout locked")
  .requiredOption("--from <file>", "the device's enrolment file")
  .requiredOption("--key <file>", "the manufacturer's private key: P-256, PEM, mode 600")
  .requiredOption("--output <file>", "where the endorsement goes")
  .action((options) => {
    const json = readUserText(options.from, "enrolment file");
    const device = parseEnrolmentFile(json, true);
    const kind = kindOf(device.implementationId);
    const key = parseManufacturerKey(readSecretFile(options.key, "manufacturer's key"));
    const endorsement = endorse({ ...device, kind, lifecycle: LIFECYCLE_SECURED }, key);
    writeUserFile(options.output, "endorsement", endorsement);
    console.log(
      `endorsed ${hex(device.instanceId)} (${describeLifecycle(LIFECYCLE_SECURED)}) in ${options.output}`,
    );
  });

program
  .command("challenge")
  .description("print a challenge over which a secured device proves its key when it is enrolled")
  .addOption(databaseOption())
  .option("--lifetime <time>", "how long it may be used", parseDuration, 3_600_000)
  .action(async ({ database, lifetime }) => {
    console.log(hex(await withStore(database, (store) => enrolmentChallenge(store, lifetime))));
  });

/** What shows that a device is production grade: all of it, or nothing. */
function evidenceFrom(options: Record<string, string | undefined>): Evidence | undefined {
  const { endorsement, token, challenge } = options;
  if (endorsement === undefined && token === undefined && challenge === undefined) return undefined;
  if (endorsement === undefined || token === undefined || challenge === undefined)
    throw new CliError(
      "a secured device is enrolled with all of --endorsement, --token and --challenge",
    );
  return {
    challenge: parseHex(challenge, [32], "challenge"),
    token: tokenBytes(readUserFile(token, "token")),
    endorsement: readUserFile(endorsement, "endorsement"),
  };
}

program
  .command("enroll")
  .description("enrol a device, so that its tokens are accepted")
  .addOption(databaseOption())
  .option("--from <file>", "enrolment file written by the root of trust; - is standard input")
  .option("--instance-id <hex>", "33 bytes, the first of them 01")
  .option(
    "--public-key <file>",
    "the public half of the key by which it is known (identity key, or attestation key), PEM",
  )
  .option("--implementation-id <hex>", "32 bytes")
  .option(
    "--endorsement <file>",
    "for a secured device: what its manufacturer has signed of it (endorse), by a key that is trusted (trust-manufacturer)",
  )
  .option(
    "--token <file>",
    "for a secured device: the token by which it proves its key (vc-mcu prove)",
  )
  .option("--challenge <hex>", "what the token was made over (challenge)")
  .option("--label <text>", "a name for people")
  .addHelpText(
    "after",
    `
A device is development grade (0x4000), unless endorsement, token and challenge show that it is secured. Its kind
follows from its implementation ID.`,
  )
  .action(async (options) => {
    const evidence = evidenceFrom(options);
    let applicant: Applicant;
    if (options.from !== undefined) {
      const json = readUserText(options.from, "enrolment file");
      applicant = parseEnrolmentFile(json, evidence !== undefined);
      if (options.label !== undefined) applicant = { ...applicant, label: options.label };
    } else {
      for (const name of ["instanceId", "publicKey", "implementationId"])
        if (options[name] === undefined)
          throw new CliError(
            "give --from, or all of --instance-id, --public-key, --implementation-id",
          );
      applicant = checkApplicant({
        instanceId: parseHex(options.instanceId, [33], "instance ID"),
        publicKey: parsePublicKey(readUserText(options.publicKey, "public key")),
        implementationId: parseHex(options.implementationId, [32], "implementation ID"),
        label: options.label ?? "",
      });
    }
    const application = {
      ...applicant,
      enrolledAt: Date.now(),
      ...(evidence !== undefined && { evidence }),
    };
    const { kind, lifecycle } = await withStore(options.database, (store) =>
      enrol(store, application),
    );
    console.log(
      `enrolled ${hex(applicant.instanceId)} (${kind}, ${describeLifecycle(lifecycle)}, ${gradeOf(lifecycle)} grade)`,
    );
  });

program
  .command("revoke")
  .description("accept no more tokens of a device; its certificates stay valid until they expire")
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
  .command("backup")
  .description("copy an SQLite database as it is at one moment, while the server runs")
  .argument("<file>", "where the copy is to be; not there yet")
  .addOption(databaseOption())
  .addHelpText(
    "after",
    `
To restore: stop the server, remove the database with its -wal and -shm files, put the copy in its place, and
confirm it (vc-pas confirm-restore): until then no server takes it.`,
  )
  .action(async (file: string, options) => {
    const { backUp } = await import("./backup.js");
    backUp(options.database, file);
    console.log(`backed up ${options.database} to ${file}`);
  });

program
  .command("confirm-restore")
  .description("show what a restored copy does not know; with --yes, let servers take it")
  .addOption(databaseOption())
  .option("--yes", "you have seen to what the copy does not know", false)
  .action(async (options) => {
    const { confirmCopy } = await import("./restored-copy.js");
    const { lastEntry, openChallenges } = confirmCopy(options.database, options.yes);
    const until = lastEntry === undefined ? "nothing" : new Date(lastEntry).toISOString();
    console.log(`the copy's log ends with ${until}. What came later is unknown to it:
  devices revoked and measurements withdrawn since are accepted again: repeat that first
  computations committed since can be committed again, to another isolate
  certificates issued since stay valid until they expire, and are not listed
  ${openChallenges} challenges were open: ${options.yes ? "they are dropped" : "--yes drops them"}`);
    if (!options.yes) throw new CliError("not confirmed: say so with --yes", EXIT_REFUSED);
    console.log("confirmed");
  });

program
  .command("allow-measurement")
  .description("allow devices of an implementation to run some software")
  .addOption(databaseOption())
  .requiredOption("--implementation-id <hex>", "32 bytes")
  .option(
    "--component <type>",
    "its measurement type: NSPE is a non-secure image",
    parseComponent,
    RUNTIME_COMPONENT,
  )
  .option("--measurement <hex>", "its hash: 32, 48 or 64 bytes")
  .option("--measurement-of <file>", "the software itself, to hash with SHA-256")
  .option("--description <text>", "a description for people", "")
  .option("--withdraw", "remove it from the list instead", false)
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
            component: options.component,
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

program
  .command("set-floor")
  .description("certify no device of an implementation whose component is older than a version")
  .addOption(databaseOption())
  .requiredOption("--implementation-id <hex>", "32 bytes")
  .option("--component <type>", "its measurement type", parseComponent, RUNTIME_COMPONENT)
  .requiredOption("--at-least <version>", "the least version: 1.2.3", parseVersion)
  .option("--lower", "let older versions in again, down to this one", false)
  .action(async (options) => {
    const implementationId = parseHex(options.implementationId, [32], "implementation ID");
    const { component, atLeast: version, lower } = options;
    const floor = { implementationId, component, version, setAt: Date.now() };
    const outcome = await withStore(options.database, (store) => store.setFloor(floor, lower));
    if (outcome !== "set")
      throw new CliError(
        outcome === "same"
          ? "that is its floor already"
          : "its floor is higher: --lower lets older versions in again",
        EXIT_REFUSED,
      );
    console.log(`${component} of ${hex(implementationId)} is ${version} or newer`);
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
        component: allowed.component || "any",
        measurement: hex(allowed.measurement),
        description: allowed.description,
        allowed: date(allowed.allowedAt),
      }));
    case "floors":
      return (await store.floors()).map((floor) => ({
        implementationId: hex(floor.implementationId),
        component: floor.component,
        version: floor.version,
        set: date(floor.setAt),
      }));
    case "manufacturers":
      return (await store.manufacturers()).map((manufacturer) => ({
        implementationId: hex(manufacturer.implementationId),
        publicKeyHash: createHash("sha256").update(manufacturer.publicKey).digest("hex"),
        name: manufacturer.name,
        trusted: date(manufacturer.trustedAt),
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
      .choices(["devices", "manufacturers", "measurements", "floors", "certificates", "log"])
      .default("devices"),
  )
  .addOption(databaseOption())
  .option("--limit <n>", "most certificates or log entries to show", whole(1, 1_000_000), 100)
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
    "print a PSA attestation token and check its form and claims, and its signature if given the key",
  )
  .argument("<token>", "file with the token, binary, hexadecimal or base64; - is standard input")
  .option("--public-key <file>", "the device's public key, PEM, to check the signature")
  .option("--json", "one JSON object", false)
  .action((path: string, options) => {
    const bytes = tokenBytes(readUserFile(path, "token"));
    const token = readToken(bytes);
    if (!token.ok)
      throw new CliError(`not a valid token (${token.rule}): ${token.detail}`, EXIT_REFUSED);
    let signature = "not checked (give --public-key)";
    if (options.publicKey !== undefined) {
      const key = importP256(parsePublicKey(readUserText(options.publicKey, "public key")));
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
