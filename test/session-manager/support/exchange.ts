/** The engine's end of an interoperability run, in either role. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { TlsError } from "../../../host/session-manager/alerts.js";
import {
  type ConfigOptions,
  Group,
  Suite,
  type TlsSession,
} from "../../../host/session-manager/engine.js";
import { TlsDuplex } from "../../../host/session-manager/tls-duplex.js";
import { Random } from "../../support/random.js";
import { newKey, scalar } from "../../x509/support/certificates.js";
import type { Case } from "./cases.js";
import {
  authority,
  type Credential,
  clientCredential,
  identityOf,
  serverName,
} from "./credentials.js";
import { client, engine, server } from "./test-engine.js";

export { client, engine, server };

import { Shredder } from "./shredder.js";

export const stranger = clientCredential("stranger");
export const expired = clientCredential("expired principal", {
  notBefore: new Date("2020-01-01"),
  notAfter: new Date("2020-12-31"),
});

/** The client's credential in a case; undefined where it has none. */
export function clientCredentialOf(one: Case): Credential | undefined {
  switch (one.certificate) {
    case "missing":
      return undefined;
    case "unknown":
      return stranger;
    case "expired":
      return expired;
    default:
      return client;
  }
}

/** What one side learned. */
export interface Outcome {
  /** Whether the handshake came to its end here, and the peer was approved. */
  secure: boolean;
  received: Buffer;
  error: Error | undefined;
  peer: Buffer[];
  negotiated: TlsSession["negotiated"] | undefined;
}

/** The alert that ended a session in disorder. */
export const alertOf = (error: Error | undefined): number | undefined =>
  error instanceof TlsError ? (error.alertSent ?? error.alertReceived) : undefined;

const payloads = new Map<number, Buffer>();

/** What goes over the wire in either direction: one line of text, `size` bytes with its end. */
export function payload(size: number): Buffer {
  let text = payloads.get(size);
  if (text === undefined) {
    text = new Random(size + 17).text(size);
    if (size > 0) text[size - 1] = 0x0a;
    payloads.set(size, text);
  }
  return text;
}

/** Between KeyUpdates: GnuTLS takes eight of those in a second, and no more. */
const WRITE_SIZE = 2 << 20;

/** Sends `bytes`, with KeyUpdates before, in between, and behind; every other one in between asks back. */
async function send(tls: TlsDuplex, bytes: Buffer): Promise<void> {
  let asks = true;
  for (let at = 0; at < bytes.length; at += WRITE_SIZE) {
    tls.updateKeys(asks);
    asks = !asks;
    await new Promise<void>((done, fail) => {
      tls.write(bytes.subarray(at, at + WRITE_SIZE), (error) => (error ? fail(error) : done()));
    });
  }
  // Not asking: OpenSSL that owes a KeyUpdate when close_notify comes leaves without its own.
  if (bytes.length > 0) tls.updateKeys(false);
}

/**
 * Runs the engine's side on a stream: a server answers with as much as it got, then closes, after the
 * client's close_notify where `peerCloses` first, and with `answer` bytes where that is less. A client that does not speak waits for the server.
 */
function converse(
  tls: TlsDuplex,
  role: "server" | "client",
  size: number,
  { peerCloses = false, speaks = true, answer = size } = {},
): Promise<Outcome> {
  return new Promise((done) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const outcome: Outcome = {
      secure: false,
      received: Buffer.alloc(0),
      error: undefined,
      peer: [],
      negotiated: undefined,
    };
    // The stream's error event says it where sending fails.
    const speak = (closes: boolean) =>
      send(tls, payload(role === "server" ? answer : size)).then(
        () => closes && tls.end(),
        () => undefined,
      );
    tls.on("secure", () => {
      outcome.secure = true;
      outcome.peer = tls.peerCertificates;
      outcome.negotiated = tls.session.negotiated;
      if (role === "client" && speaks) speak(size === 0);
      if (role === "server" && size === 0 && !peerCloses) tls.end();
    });
    tls.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length < size) return;
      if (role === "server") speak(!peerCloses);
      else tls.end();
    });
    tls.on("end", () => tls.end());
    tls.on("error", (error: Error) => {
      outcome.error = error;
    });
    tls.on("close", () => {
      outcome.received = Buffer.concat(chunks);
      done(outcome);
    });
  });
}

const config = (role: "server" | "client", one: Case, options: ConfigOptions) => {
  const made = engine.configure({ recordSizeLimit: 16385, maxContent: 16384, ...options });
  // A key that is not the certificate's: only a test module can be made to do this.
  if (role === "client" && one.certificate === "wrong key") {
    const at = engine.call("allocate", 32);
    engine.store(at, scalar(newKey()));
    engine.call("forgePrivateKey", made.handle, at);
    engine.call("release", at);
  }
  return made;
};

/** Pieces that the transport is cut into: small, unless there is much to carry. */
const largestPiece = (size: number) => (size > 1 << 20 ? 20_000 : 1500);

/** An engine in the server role that takes one connection. */
export async function listen(
  one: Case,
  options: ConfigOptions = {},
  peer: { peerCloses?: boolean; answer?: number } = {},
): Promise<{ port: number; outcome: Promise<Outcome>; close: () => void }> {
  const settings = config("server", one, { identity: identityOf(server), ...options });
  const listener = createServer({ allowHalfOpen: true });
  let close: () => void = () => listener.close();
  const outcome = new Promise<Outcome>((done) => {
    listener.once("connection", (socket) => {
      listener.close();
      const tls = new TlsDuplex({
        config: settings,
        role: "server",
        transport: new Shredder(socket, one.seed, largestPiece(one.size)),
        approve: (shown) => shown[0]?.equals(client.chain[0] as Buffer) ?? false,
      });
      close = () => socket.destroy();
      converse(tls, "server", one.size, peer).then(done);
    });
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  return { port: (listener.address() as AddressInfo).port, outcome, close: () => close() };
}

/** An engine in the client role that connects to a server. */
export function connectTo(port: number, one: Case, options: ConfigOptions = {}): Promise<Outcome> {
  const credential = clientCredentialOf(one);
  const wanted = one.group === "X25519" ? Group.x25519 : Group.secp256r1;
  const settings = config("client", one, {
    server: { authority: authority.certificate, name: serverName },
    ...(credential === undefined ? {} : { identity: identityOf(credential) }),
    suites: one.suite === "AES_128_GCM" ? Suite.Aes128Gcm : Suite.ChaCha20Poly1305,
    // The server takes the wanted group only.
    keyShares: one.retry ? Group.all - wanted : wanted,
    ...options,
  });
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  const tls = new TlsDuplex({
    config: settings,
    role: "client",
    transport: new Shredder(socket, one.seed, largestPiece(one.size)),
    approve: (shown) => shown[0]?.equals(server.chain[0] as Buffer) ?? false,
  });
  // One that must be refused says nothing, so that the refusal finds it listening.
  return converse(tls, "client", one.size, { speaks: one.certificate === "good" });
}
