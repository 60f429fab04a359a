// A Veracruz server in the hands of an attacker: it ends TLS itself, with whatever certificate it is
// given, and answers what is asked of it.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { type SecureVersion, TLSSocket } from "node:tls";
import { createWebSocketStream, WebSocketServer } from "ws";
import {
  decodeMessage,
  encodeMessage,
  FrameReader,
  frame,
} from "../../host/transport-protocol/index.js";
import {
  der,
  type Extension,
  makeCertificate,
  type TestCertificate,
} from "../support/certificates.js";

export interface ImpostorOptions {
  certificate: TestCertificate;
  /** A certificate that it shows after its own. */
  intermediate?: TestCertificate;
  /** What it says the policy's hash is. */
  policyHash?: Uint8Array;
  /** Whether it gives a nonce to be signed. */
  nonce?: boolean;
  maxVersion?: SecureVersion;
  ciphers?: string;
}

export class Impostor {
  /** Types of the requests that clients sent, in order. */
  readonly requests: string[] = [];
  private readonly sockets = new Set<Duplex>();

  private constructor(
    private readonly server: Server,
    readonly address: { host: string; port: number },
    /** What it shows to who comes next. */
    public certificate: TestCertificate,
  ) {}

  static async start(options: ImpostorOptions): Promise<Impostor> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const impostor = new Impostor(server, { host: "127.0.0.1", port }, options.certificate);
    // It has no nonce to be signed, and says so: silence would only be waited for.
    server.on("request", (request, answer) => {
      if (!options.nonce || !request.url?.endsWith("/healthz/nonce")) answer.writeHead(404).end();
      else answer.setHeader("access-control-allow-origin", "*").end("0".repeat(32));
    });
    server.on("connect", (_request, socket) => {
      socket.write("HTTP/1.1 200 Connection Established\r\n\r\n");
      speak(socket);
    });
    const webSockets = new WebSocketServer({ noServer: true });
    server.on("upgrade", (request, socket, head) =>
      webSockets.handleUpgrade(request, socket, head, (webSocket) =>
        // The first message is the principal's signature.
        webSocket.once("message", () => speak(createWebSocketStream(webSocket))),
      ),
    );
    const speak = (socket: Duplex) => {
      impostor.sockets.add(socket);
      const { intermediate, maxVersion = "TLSv1.3", ciphers } = options;
      const { certificate } = impostor;
      const tls = new TLSSocket(socket, {
        isServer: true,
        key: certificate.keyPem,
        cert: certificate.pem + (intermediate?.pem ?? ""),
        requestCert: true,
        rejectUnauthorized: false,
        minVersion: "TLSv1.2",
        maxVersion,
        ...(ciphers !== undefined && { ciphers }),
      });
      const reader = new FrameReader(100_000);
      tls.on("data", (chunk: Buffer) => {
        for (const bytes of reader.push(chunk)) {
          const request = decodeMessage("principalRequest", bytes);
          impostor.requests.push(request.type);
          const hash = options.policyHash ?? new Uint8Array(32);
          tls.write(frame(encodeMessage({ type: "hash", status: 0, hash })));
        }
      });
      tls.on("error", () => socket.destroy());
      socket.on("error", () => undefined);
    };
    return impostor;
  }

  stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }
}

/**
 * The extensions of an isolate's certificate: its runtime's hash, kind and lifecycle, its policy and scope, and the
 * versions of its components.
 */
export function isolateExtensions(
  runtimeHash: Uint8Array,
  kind: string,
  lifecycle: number,
  policyAndScope: Uint8Array,
  versions: readonly (readonly [component: string, version: string])[] = [],
): Extension[] {
  const number = [lifecycle >> 8, lifecycle & 0xff];
  const value = der(0x30, der(0x0c, Buffer.from(kind)), der(0x02, number));
  const said = versions.map((pair) =>
    der(0x30, ...pair.map((each) => der(0x0c, Buffer.from(each)))),
  );
  return [
    { id: "2.5.30.1", value: runtimeHash },
    { id: "2.5.30.2", value },
    { id: "2.5.30.4", value: policyAndScope },
    ...(said.length > 0 ? [{ id: "2.5.30.5", value: der(0x30, ...said) }] : []),
  ];
}

export interface IsolateCertificateOptions {
  issuer?: TestCertificate;
  runtimeHash: Uint8Array;
  kind?: string;
  lifecycle?: number;
  /** SHA-256 of the policy ‖ SHA-256 of its scope. */
  policyAndScope: Uint8Array;
  versions?: readonly (readonly [component: string, version: string])[];
  dnsName?: string;
  notBefore?: Date;
  notAfter?: Date;
  extensions?: readonly Extension[];
  ca?: boolean;
  key?: "P-384" | "rsa";
}

/** A certificate as the proxy attestation server would issue it, bent where told. */
export function isolateCertificate(options: IsolateCertificateOptions): TestCertificate {
  const { issuer, notBefore, notAfter, ca, key } = options;
  return makeCertificate({
    commonName: "ComputeEnclave.dev",
    dnsNames: [options.dnsName ?? "ComputeEnclave.dev"],
    extensions:
      options.extensions ??
      isolateExtensions(
        options.runtimeHash,
        options.kind ?? "linux",
        options.lifecycle ?? 0x3000,
        options.policyAndScope,
        options.versions,
      ),
    ...(issuer !== undefined && { issuer }),
    ...(notBefore !== undefined && { notBefore }),
    ...(notAfter !== undefined && { notAfter }),
    ...(ca !== undefined && { ca }),
    ...(key !== undefined && { key }),
  });
}
