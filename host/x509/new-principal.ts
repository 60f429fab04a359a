import { generateKeyPairSync, sign } from "node:crypto";
import { principalCertificate } from "./certificate.js";
import { certificateToPem } from "./principal-certificate.js";

/** A principal's self-signed P-256 certificate and its key, both PEM. */
export interface NewPrincipal {
  name: string;
  certificate: string;
  /** PKCS#8, not encrypted. */
  key: string;
}

const DAY_MS = 86_400_000;
/** Clocks of other parties may be behind. */
const CLOCK_SKEW_MS = 5 * 60_000;

/**
 * Makes a key pair and a certificate for it. A principal is its certificate.
 *
 * @param name its common name
 * @param days how long the certificate is good
 */
export async function newPrincipal(name: string, days = 1): Promise<NewPrincipal> {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const key = { key: privateKey, dsaEncoding: "ieee-p1363" } as const;
  const certificate = await certificateBy(
    name,
    new Uint8Array(publicKey.export({ type: "spki", format: "der" })),
    async (content) => sign("sha256", content, key),
    days,
  );
  return {
    name,
    certificate,
    key: privateKey.export({ type: "pkcs8", format: "pem" }) as string,
  };
}

/**
 * A principal's certificate in PEM, for a key that may be elsewhere.
 *
 * @param spki SubjectPublicKeyInfo of the key, DER
 * @param signContent its signature, r ‖ s
 */
export async function certificateBy(
  name: string,
  spki: Uint8Array,
  signContent: (content: Uint8Array) => Promise<Uint8Array>,
  days: number,
  now: number = Date.now(),
): Promise<string> {
  const validity = { notBefore: now - CLOCK_SKEW_MS, notAfter: now + days * DAY_MS };
  return certificateToPem(await principalCertificate(name, spki, signContent, validity));
}
