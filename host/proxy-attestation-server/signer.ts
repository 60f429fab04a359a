import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { sign1, X5CHAIN } from "../psa-attestation/cose.js";
import { MAX_STATEMENT_BYTES } from "../transport-protocol/index.js";
import { type ServicePurpose, serviceCertificate } from "../x509/certificate.js";
import type { CertificateAuthority } from "./ca.js";

/** For how long a signing key is certified. A new one is made when half of that is over. */
const VALIDITY = 7 * 86_400_000;

/**
 * Signs statements for one purpose with a key that lives in this process's memory only, is certified by the CA
 * when it is made, for that purpose alone, and is replaced in good time. Several servers under one CA each have
 * their own.
 */
export class StatementSigner {
  private current: { key: KeyObject; certificate: Uint8Array; renewAt: number } | undefined;

  constructor(
    private readonly ca: CertificateAuthority,
    private readonly purpose: ServicePurpose,
  ) {}

  private signer(now: number): { key: KeyObject; certificate: Uint8Array } {
    if (this.current === undefined || now >= this.current.renewAt) {
      const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
      const spki = new Uint8Array(publicKey.export({ type: "spki", format: "der" }));
      const notAfter = Math.min(now + VALIDITY, this.ca.notAfter);
      const certificate = serviceCertificate(this.purpose, spki, this.ca, {
        notBefore: now - 5 * 60_000,
        notAfter,
      });
      this.current = { key: privateKey, certificate, renewAt: now + (notAfter - now) / 2 };
    }
    return this.current;
  }

  /**
   * A payload signed: COSE_Sign1 with the signer's certificate in the unprotected header.
   *
   * @throws when it is too long for a client on a microcontroller, as by a CA with a very long name
   */
  sign(payload: Uint8Array, now: number): Uint8Array {
    const { key, certificate } = this.signer(now);
    const statement = sign1(payload, key, new Map([[X5CHAIN, certificate]]));
    if (statement.length > MAX_STATEMENT_BYTES)
      throw new Error(
        `a statement of ${statement.length} bytes is longer than ${MAX_STATEMENT_BYTES}: the CA's name is too long`,
      );
    return statement;
  }
}
