/**
 * An echo server on the AssemblyScript TLS engine, to be tried with any TLS 1.3 client.
 *
 * A CA made afresh certifies its key.
 */
import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { mkdtempSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { CliError, readUserFile, runCommand, writeUserFile } from "../common/cli.js";
import {
  caCertificate,
  ISOLATE_NAME,
  isolateCertificate,
  randomSerial,
} from "../x509/certificate.js";
import { certificatesFromPem, toPem } from "../x509/pem.js";
import { readCertificate, subjectKeyIdentifier } from "../x509/read-certificate.js";
import type { TlsConfig } from "./engine.js";
import { loadTlsEngine } from "./load.js";
import { TlsDuplex } from "./tls-duplex.js";

const HOUR = 3_600_000;

/** Makes a key and a CA that certifies it. */
function certify(): { authority: Uint8Array; privateKey: Uint8Array; chain: Uint8Array[] } {
  const now = Date.now();
  const validity = { notBefore: now - HOUR, notAfter: now + 24 * HOUR };
  const newKey = () => {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const spki = new Uint8Array(publicKey.export({ type: "spki", format: "der" }));
    return { privateKey, spki };
  };
  const { privateKey, spki } = newKey();
  const authority = caCertificate("Veracruz TLS demo CA", spki, privateKey, validity);
  const own = newKey();
  const parsed = readCertificate(authority);
  const leaf = isolateCertificate(
    {
      spki: own.spki,
      runtimeHash: new Uint8Array(32), // nothing is attested here
      kind: "linux",
      lifecycle: 0,
      policyHash: new Uint8Array(32),
      scopeHash: new Uint8Array(32),
    },
    { key: privateKey, name: parsed.subject, keyIdentifier: subjectKeyIdentifier(parsed) },
    validity,
    randomSerial(),
  );
  const { d } = own.privateKey.export({ format: "jwk" });
  const scalar = new Uint8Array(Buffer.from(d as string, "base64url"));
  return { authority, privateKey: scalar, chain: [leaf, authority] };
}

function serve(socket: Socket, config: TlsConfig, known: readonly Buffer[]): void {
  const peer = `${socket.remoteAddress}:${socket.remotePort}`;
  const tls = new TlsDuplex({
    config,
    role: "server",
    transport: socket,
    approve: (certificates) => {
      const shown = certificates[0] as Buffer;
      const accepted = known.length === 0 || known.some((one) => one.equals(shown));
      const { subject, fingerprint256 } = new X509Certificate(shown);
      console.log(`${peer}: ${subject}, SHA-256 ${fingerprint256}: ${accepted ? "ok" : "unknown"}`);
      return accepted;
    },
  });
  tls.on("error", (error) => console.log(`${peer}: ${error.message}`));
  tls.on("close", () => console.log(`${peer}: closed`));
  tls.pipe(tls);
}

async function main(options: { port: string; host: string; client?: string; ca?: string }) {
  const port = Number(options.port);
  if (!Number.isInteger(port) || port < 0 || port > 65535)
    throw new CliError(`--port ${options.port}: a number from 0 to 65535 is expected`);
  const known =
    options.client === undefined
      ? []
      : certificatesFromPem(
          Buffer.from(readUserFile(options.client, "client certificate")).toString("latin1"),
        );
  const { authority, ...identity } = certify();
  const config = loadTlsEngine().configure({ identity });
  const caPath = options.ca ?? join(mkdtempSync(join(tmpdir(), "tls-demo-")), "ca.pem");
  writeUserFile(caPath, "CA certificate", toPem("CERTIFICATE", authority));

  const server = createServer((socket) => serve(socket, config, known));
  server.on("error", (error) => {
    console.error(`cannot listen on ${options.host}:${port}: ${error.message}`);
    process.exitCode = 1;
  });
  server.listen(port, options.host, () => {
    const { port: bound } = server.address() as AddressInfo;
    console.log(`Echo over TLS 1.3 on ${options.host}:${bound}. A client needs a P-256 certificate:

  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \\
    -keyout client.key -out client.pem -subj /CN=me -days 1
  openssl s_client -connect ${options.host}:${bound} -servername ${ISOLATE_NAME} \\
    -CAfile ${caPath} -verify_return_error -cert client.pem -key client.key

What you type comes back. Ctrl-C ends the server.`);
  });
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.on(signal, () => {
      process.exit(0);
    });
}

await runCommand(
  new Command("tls-demo")
    .description("An echo server on the AssemblyScript TLS engine, to be tried with any client")
    .option("--port <number>", "port to listen on; 0 takes a free one", "4433")
    .option("--host <address>", "address to listen on", "127.0.0.1")
    .option("--client <file>", "PEM: accept only these client certificates (default: any)")
    .option("--ca <file>", "where to write the CA's certificate (default: a temporary folder)")
    .action(main),
);
