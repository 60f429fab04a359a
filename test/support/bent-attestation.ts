// Somebody on the way to the attestation server who bends its answers about new attestations.
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import {
  decodeBase64Message,
  encodeBase64Message,
  type Message,
} from "../../host/transport-protocol/index.js";

type Answer = Message<"verified"> | Message<"attestationRefused">;

/** What becomes of the statement about a new attestation. */
export type Bend = (statement: Uint8Array) => Answer;

const verified = (statement: Uint8Array): Answer => ({ type: "verified", statement });
const altered = (statement: Uint8Array, at: number) => {
  const bent = Uint8Array.from(statement);
  const index = at < 0 ? bent.length + at : at;
  bent[index] = (bent[index] as number) ^ 1;
  return bent;
};

/** What is bent, how, and the rule by which a client refuses it. `earlier`: a statement on a session before. */
export const bends = (earlier: Uint8Array): readonly [string, Bend, RegExp][] => [
  ["a statement on an earlier session", () => verified(earlier), /\(client-nonce\)/],
  ["another signature", (it) => verified(altered(it, -1)), /\(statement-signature\)/],
  ["another first byte", (it) => verified(altered(it, 0)), /\(statement-malformed\)/],
  ["half a statement", (it) => verified(it.subarray(0, 100)), /\(statement-malformed\)/],
];

/** A refusal that nobody has signed. */
export const refusal: Bend = () => ({
  type: "attestationRefused",
  code: "device-unknown",
  text: "no such device",
});

/** A way to the attestation server, on which statements may be bent. */
export class BentAttestation {
  /** How the next statements are bent; undefined: not at all. */
  bend: Bend | undefined;
  /** The last true statement. */
  statement = new Uint8Array(0);

  private constructor(
    private readonly server: Server,
    readonly address: string,
  ) {}

  static async start(target: { host: string; port: number }): Promise<BentAttestation> {
    const server = createServer(async (request, response) => {
      const pieces: Buffer[] = [];
      for await (const piece of request) pieces.push(piece as Buffer);
      const answer = await fetch(`http://${target.host}:${target.port}${request.url}`, {
        method: "POST",
        headers: { "content-type": "text/plain" },
        body: Buffer.concat(pieces).toString("latin1"),
      });
      const text = await answer.text();
      response.writeHead(answer.status, { "content-type": "text/plain" });
      response.end(request.url === "/VerifyPAT" ? way.bent(text) : text);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const way = new BentAttestation(server, `127.0.0.1:${(server.address() as AddressInfo).port}`);
    return way;
  }

  private bent(text: string): string {
    const answer = decodeBase64Message("attestationAnswer", text);
    if (answer.type !== "verified") return text;
    this.statement = Uint8Array.from(answer.statement);
    return this.bend === undefined ? text : encodeBase64Message(this.bend(this.statement));
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}
