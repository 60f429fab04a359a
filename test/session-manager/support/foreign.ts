/** Other TLS stacks as peers of the engine: OpenSSL and GnuTLS by their commands, Node in this process. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, createServer, type TLSSocket } from "node:tls";
import { freePort } from "../../../host/common/free-port.js";
import { privatePem, toPem } from "../../x509/support/certificates.js";
import type { Case } from "./cases.js";
import { authority, type Credential, serverName } from "./credentials.js";
import { client, clientCredentialOf, expired, payload, server } from "./exchange.js";
import { Command, hasCommand, reachable } from "./processes.js";

/** What a foreign peer got, and how it took the outcome. */
export interface ForeignOutcome {
  received: Buffer;
  /** What it said, for messages of failed tests. */
  log: string;
}

export interface ForeignClient {
  name: string;
  /** Why it cannot run here, if it cannot. */
  missing(): string | undefined;
  /** Whether it closes when it has everything, rather than after the server. */
  closesFirst: boolean;
  /** The most that the server should answer with: gnutls-cli takes 0.3 MB/s, from any server. */
  largestAnswer: number;
  /** Connects to the engine, sends the case's payload, receives as much, and closes after the server. */
  run(port: number, one: Case): Promise<ForeignOutcome>;
}

export interface ForeignServer {
  name: string;
  missing(): string | undefined;
  /** Listens; receives the case's payload from the engine, then sends as much. */
  listen(one: Case): Promise<{ port: number; finish(): Promise<ForeignOutcome> }>;
}

const folder = mkdtempSync(join(tmpdir(), "veracruz-tls-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const caFile = file("ca.pem", toPem(authority.certificate));
const written = new Map<Credential, { chain: string; key: string }>();

/** PEM files of a credential. */
function files(credential: Credential): { chain: string; key: string } {
  let paths = written.get(credential);
  if (paths === undefined) {
    const name = `credential-${written.size}`;
    paths = {
      chain: file(`${name}.pem`, credential.chain.map(toPem).join("")),
      key: file(`${name}.key`, privatePem(credential.key)),
    };
    written.set(credential, paths);
  }
  return paths;
}

/** A server trusts its clients by their own certificates; one that has expired is trusted, but expired. */
const trustedClients = file("clients.pem", [...client.chain, ...expired.chain].map(toPem).join(""));

const suiteName = (one: Case) =>
  one.suite === "AES_128_GCM" ? "TLS_AES_128_GCM_SHA256" : "TLS_CHACHA20_POLY1305_SHA256";

/** Groups for OpenSSL's lists; a client's first share is for the first one. */
const clientGroups = (one: Case) => (one.retry ? `P-384:${one.group}` : one.group);

/** GnuTLS's priority string. */
function priority(one: Case, isClient: boolean): string {
  const cipher = one.suite === "AES_128_GCM" ? "AES-128-GCM" : "CHACHA20-POLY1305";
  const group = one.group === "X25519" ? "GROUP-X25519" : "GROUP-SECP256R1";
  const unusable = one.retry && isClient ? ":+GROUP-SECP384R1" : "";
  return `NONE:+VERS-TLS1.3:+${cipher}:+AEAD:+SIGN-ECDSA-SECP256R1-SHA256:+CTYPE-X509${unusable}:+${group}`;
}

// ---- OpenSSL ----

const noOpenssl = () =>
  hasCommand("openssl", "version") ? undefined : "the command openssl is missing";

/** Ends what is written to a command once the whole answer is there, so that it goes on listening. */
async function feedCommand(command: Command, text: Buffer): Promise<void> {
  await new Promise<void>((done) => command.child.stdin.write(text, () => done()));
}

export const opensslClient: ForeignClient = {
  name: "openssl s_client",
  closesFirst: false,
  largestAnswer: Infinity,
  missing: noOpenssl,
  async run(port, one) {
    const credential = clientCredentialOf(one);
    const paths = credential === undefined ? undefined : files(credential);
    const command = new Command("openssl", [
      ...["s_client", "-quiet", "-connect", `127.0.0.1:${port}`, "-servername", serverName],
      ...["-CAfile", caFile, "-verify_return_error", "-verify_hostname", serverName],
      ...["-tls1_3", "-ciphersuites", suiteName(one), "-groups", clientGroups(one)],
      ...(paths === undefined ? [] : ["-cert", paths.chain, "-key", paths.key]),
    ]);
    feedCommand(command, payload(one.size));
    await command.exited;
    return { received: command.output, log: command.errors };
  },
};

export const opensslServer: ForeignServer = {
  name: "openssl s_server",
  missing: noOpenssl,
  async listen(one) {
    const paths = files(server);
    const command = new Command("openssl", [
      ...["s_server", "-accept", "127.0.0.1:0", "-cert", paths.chain, "-key", paths.key],
      ...["-cert_chain", caFile, "-CAfile", trustedClients, "-Verify", "1"],
      ...["-verify_return_error", "-tls1_3", "-ciphersuites", suiteName(one), "-groups", one.group],
    ]);
    await command.until(() => /ACCEPT .*:\d+\n/.test(command.output.toString()));
    const port = Number(/ACCEPT .*:(\d+)/.exec(command.output.toString())?.[1]);
    const text = payload(one.size);
    // It says so on standard output, amid the data, when it met a record without any (a KeyUpdate).
    const received = () =>
      Buffer.from(command.output.toString("latin1").replaceAll("Read BLOCK\n", ""), "latin1");
    const answered = command
      .until(() => command.printed >= one.size && received().includes(text))
      .then(() => (one.size > 0 ? feedCommand(command, text) : undefined))
      .catch(() => undefined);
    return {
      port,
      async finish() {
        if (one.certificate === "good") await answered;
        await command.stop();
        const whole = received();
        const at = whole.indexOf(text);
        return {
          received: at < 0 ? whole : whole.subarray(at, at + one.size),
          log: command.errors,
        };
      },
    };
  },
};

// ---- GnuTLS ----

const noGnutls = (command: string) => () =>
  hasCommand(command, "--version")
    ? undefined
    : `the command ${command} is missing (Debian package gnutls-bin)`;

export const gnutlsClient: ForeignClient = {
  name: "gnutls-cli",
  closesFirst: true,
  largestAnswer: 1 << 17,
  missing: noGnutls("gnutls-cli"),
  async run(port, one) {
    const credential = clientCredentialOf(one);
    const paths = credential === undefined ? undefined : files(credential);
    const logFile = join(folder, `gnutls-cli-${port}.log`);
    const command = new Command("gnutls-cli", [
      ...["--x509cafile", caFile, "--verify-hostname", serverName, "--sni-hostname", serverName],
      ...["--priority", priority(one, true), "--single-key-share", "--logfile", logFile],
      ...(paths === undefined ? [] : ["--x509certfile", paths.chain, "--x509keyfile", paths.key]),
      ...["-p", String(port), "127.0.0.1"],
    ]);
    feedCommand(command, payload(one.size));
    // At the end of its input it sends close_notify. (It does not where the server closes first.)
    const all = command.until(
      () => command.printed >= Math.min(one.size, gnutlsClient.largestAnswer),
    );
    all.then(
      () => command.child.stdin.end(),
      () => undefined,
    );
    await command.exited;
    return { received: command.output, log: command.errors + readFileSync(logFile, "utf8") };
  },
};

export const gnutlsServer: ForeignServer = {
  name: "gnutls-serv",
  missing: noGnutls("gnutls-serv"),
  async listen(one) {
    const paths = files(server);
    const port = await freePort();
    const command = new Command("gnutls-serv", [
      ...["--echo", "--port", String(port), "--x509cafile", trustedClients],
      ...["--x509certfile", paths.chain, "--x509keyfile", paths.key],
      ...["--require-client-cert", "--verify-client-cert", "--priority", priority(one, false)],
    ]);
    // What it prints stays in its buffer: only connecting tells that it listens.
    await reachable(port, command);
    return {
      port,
      async finish() {
        await command.stop();
        // It sends back what it gets: what the engine received says what it received.
        return { received: payload(one.size), log: `${command.output}${command.errors}` };
      },
    };
  },
};

/**
 * A client that sends lines, and behind them the commands with which it replaces its keys, and perhaps
 * asks for ours to be replaced. `received` is called, and awaited, for each line that was sent.
 */
export async function updateKeysByCommand(
  tool: "openssl" | "gnutls-cli",
  port: number,
  lines: readonly { text: string; command?: "update" | "update and ask" }[],
  received: (text: string) => Promise<void>,
): Promise<void> {
  const { chain, key } = files(client);
  const command =
    tool === "openssl"
      ? new Command("openssl", [
          ...["s_client", "-connect", `127.0.0.1:${port}`, "-servername", serverName],
          ...["-CAfile", caFile, "-verify_return_error", "-cert", chain, "-key", key],
        ])
      : new Command("gnutls-cli", [
          ...["--x509cafile", caFile, "--verify-hostname", serverName, "--inline-commands"],
          ...["--x509certfile", chain, "--x509keyfile", key, "-p", String(port), "127.0.0.1"],
        ]);
  const commands =
    tool === "openssl"
      ? { update: "k\n", "update and ask": "K\n" }
      : { update: "^rekey1^\n", "update and ask": "^rekey^\n" };
  try {
    let done = 0;
    for (const { text, command: next } of lines) {
      await feedCommand(command, Buffer.from(`${text}\n`));
      await received(text);
      if (next === undefined) continue;
      await feedCommand(command, Buffer.from(commands[next]));
      // A line that comes together with a command is lost on s_client.
      done++;
      const confirmed = tool === "openssl" ? "KEYUPDATE" : "Rekey was completed";
      const said = () => command.output.toString() + command.errors;
      await command.until(() => said().split(confirmed).length > done);
    }
    command.child.stdin.end();
    await command.exited;
  } finally {
    await command.stop();
  }
}

// ---- Node ----

function collect(socket: TLSSocket): { chunks: Buffer[]; length: () => number } {
  const chunks: Buffer[] = [];
  let length = 0;
  socket.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    length += chunk.length;
  });
  return { chunks, length: () => length };
}

export const nodeClient: ForeignClient = {
  name: "Node tls.connect",
  closesFirst: false,
  largestAnswer: Infinity,
  missing: () => undefined,
  run(port, one) {
    const credential = clientCredentialOf(one);
    return new Promise((done) => {
      const socket = connect({
        port,
        host: "127.0.0.1",
        servername: serverName,
        // So that it answers the KeyUpdate it owes before it closes; Node's types do not know it.
        ...{ allowHalfOpen: true },
        ca: toPem(authority.certificate),
        minVersion: "TLSv1.3",
        ciphers: suiteName(one),
        ecdhCurve: clientGroups(one),
        ...(credential === undefined
          ? {}
          : { cert: credential.chain.map(toPem).join(""), key: privatePem(credential.key) }),
      });
      const { chunks } = collect(socket);
      let log = "";
      socket.on("secureConnect", () => socket.write(payload(one.size)));
      socket.on("end", () => setImmediate(() => socket.end()));
      socket.on("error", (error) => {
        log += error.message;
      });
      socket.on("close", () => done({ received: Buffer.concat(chunks), log }));
    });
  },
};

export const nodeServer: ForeignServer = {
  name: "Node tls.createServer",
  missing: () => undefined,
  async listen(one) {
    let log = "";
    let received: Buffer[] = [];
    const listener = createServer(
      {
        cert: server.chain.map(toPem).join(""),
        key: privatePem(server.key),
        ca: [...client.chain, ...expired.chain].map(toPem),
        requestCert: true,
        rejectUnauthorized: true,
        minVersion: "TLSv1.3",
        ciphers: suiteName(one),
        ecdhCurve: one.group,
      },
      (socket) => {
        const { chunks, length } = collect(socket);
        received = chunks;
        let answered = false;
        socket.on("data", () => {
          if (answered || length() < one.size) return;
          answered = true;
          socket.write(payload(one.size));
        });
        socket.on("error", (error) => {
          log += error.message;
        });
      },
    );
    listener.on("tlsClientError", (error) => {
      log += error.message;
    });
    await new Promise<void>((bound) => listener.listen(0, "127.0.0.1", bound));
    return {
      port: (listener.address() as AddressInfo).port,
      async finish() {
        await new Promise((closed) => listener.close(closed));
        return { received: Buffer.concat(received), log };
      },
    };
  },
};

export const foreignClients = [opensslClient, gnutlsClient, nodeClient];
export const foreignServers = [opensslServer, gnutlsServer, nodeServer];
