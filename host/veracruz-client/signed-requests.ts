import { randomBytes } from "node:crypto";
import { formatAddress } from "../common/addresses.js";
import {
  type AdmissionRequest,
  admissionHeaders,
  NONCE_PATH,
  POLICY_HEADER,
  signatureBase,
} from "../veracruz-utils/admission.js";
import { contentDigest, keyIdOf } from "../veracruz-utils/admission-hashes.js";
import { type PrincipalIdentity, type SigningIdentity, signerOf } from "./identity.js";
import type { ServerAddress } from "./server-address.js";
import { askServer } from "./server-questions.js";
import type { Signer } from "./signers.js";

const NONCE = /^[0-9a-f]{32}$/;
const NONCE_TIMEOUT_MS = 10_000;

/** Signs requests for sessions, so that a server under attack lets this principal in first. */
export class RequestSigner {
  private readonly certificate: Uint8Array;
  private readonly policyHash: string;

  private readonly signer: Signer;

  constructor(identity: PrincipalIdentity | SigningIdentity, policyHash: Uint8Array) {
    this.signer = signerOf(identity);
    this.certificate = identity.certificate.raw;
    this.policyHash = Buffer.from(policyHash).toString("hex");
  }

  /**
   * The headers that sign a request.
   *
   * @param body of a POST; undefined for a stream
   * @returns none where the server has no nonce to give: the request then goes unsigned
   */
  async headers(
    server: ServerAddress,
    method: string,
    target: string,
    authority: string,
    body?: string,
  ): Promise<Record<string, string>> {
    const nonce = await readNonce(server, this.policyHash);
    if (nonce === undefined) return {};
    const request: AdmissionRequest = {
      method,
      authority,
      target,
      policyHash: this.policyHash,
      keyId: keyIdOf(nonce, this.certificate),
      nonce,
      bound:
        body === undefined
          ? ["veracruz-client-nonce", randomBytes(16).toString("hex")]
          : ["content-digest", contentDigest(body)],
    };
    const signature = await this.signer.sign(Buffer.from(signatureBase(request), "latin1"));
    return admissionHeaders(request, Buffer.from(signature).toString("base64"));
  }
}

/** The nonce of this minute, of the server that has the computation; undefined when it gives none. */
async function readNonce(server: ServerAddress, policyHash: string): Promise<string | undefined> {
  const headers = { [POLICY_HEADER]: policyHash };
  const bounds = { timeoutMs: NONCE_TIMEOUT_MS, most: 100 };
  const answer = await askServer(server, NONCE_PATH, headers, bounds);
  const nonce = answer?.text.trim() ?? "";
  return NONCE.test(nonce) ? nonce : undefined;
}

/** What goes into `Host` for a server. */
export const authorityOf = (server: ServerAddress): string => formatAddress(server);
