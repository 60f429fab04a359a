import { randomBytes } from "node:crypto";
import { parseAddress } from "../common/addresses.js";
import { AttestationClient, AttestationRefused } from "../proxy-attestation-server/client.js";
import { type VerifiedStatement, verifyStatement } from "../proxy-attestation-server/statement.js";
import { type Message, TransportError } from "../transport-protocol/index.js";
import { REATTESTATION_EXPORTER_LABEL } from "../transport-protocol/labels.js";
import type { Policy } from "../veracruz-utils/policy.js";
import { ClientError } from "./errors.js";
import { CheckFailed } from "./isolate-checks.js";
import { type IsolateIdentity, runtimeHashes } from "./isolate-identity.js";

/**
 * Who has the attestation server verify the isolate's new token: the client itself; or the isolate and its server, for a
 * client that reaches nobody else, as a page. It makes no difference to what is believed: the answer is signed.
 */
export type AttestedThrough = "attestation-server" | "isolate";

/** One re-attestation of one session: its nonce, and what the signed answer must say. */
export class Reattestation {
  readonly nonce = new Uint8Array(randomBytes(32));
  private readonly exporter: Uint8Array;

  /** @param exporterOf the session's exporter (RFC 8446 §7.5) of a label */
  constructor(
    private readonly policy: Policy,
    private readonly isolate: IsolateIdentity,
    exporterOf: (label: string) => Uint8Array,
  ) {
    this.exporter = exporterOf(REATTESTATION_EXPORTER_LABEL);
  }

  private get asked() {
    const { nonce, exporter, policy, isolate } = this;
    return {
      nonce,
      exporter,
      publicKey: isolate.publicKey,
      policyHash: new Uint8Array(policy.hash),
    };
  }

  /** Has the policy's attestation server verify the isolate's token. @returns its statement @throws ClientError */
  async verify({ token, deviceId }: Message<"proxyAttestationToken">): Promise<Uint8Array> {
    const { proxy_attestation_server_url: url } = this.policy.document;
    const attestation = new AttestationClient(parseAddress(url));
    try {
      const { statement } = await attestation.verifyProxyToken({ token, deviceId, ...this.asked });
      return statement;
    } catch (error) {
      if (error instanceof AttestationRefused) throw new CheckFailed("fresh", error.message);
      const what = error instanceof TransportError ? "answers strangely" : "cannot be reached";
      throw new ClientError(
        "connection",
        `the proxy attestation server at ${url} ${what}: ${(error as Error).message}`,
      );
    } finally {
      attestation.close();
    }
  }

  /** Checks the attestation server's statement. @throws CheckFailed */
  check(statement: Uint8Array): VerifiedStatement {
    const { document } = this.policy;
    const verdict = verifyStatement(statement, {
      ca: document.proxy_service_cert,
      ...this.asked,
      isolateNotBefore: this.isolate.notBefore.getTime(),
      runtimeHashes: runtimeHashes(this.policy),
      allowDevelopment: document.allow_development ?? false,
      now: Date.now(),
    });
    if (verdict.ok) return verdict;
    throw new CheckFailed(
      "fresh",
      `the isolate's new attestation: ${verdict.detail} (${verdict.rule})`,
    );
  }
}

/** What a new attestation says beyond that it was good: that another isolate has begun; empty where none has. */
export function laterIsolate({ highest }: VerifiedStatement, n: number | undefined): string {
  return highest > (n ?? highest)
    ? `another isolate has begun this computation: it is number ${highest}`
    : "";
}
