// Certificates with which no principal can connect: TLS in the isolate refuses each.
import { der, type Extension, makeCertificate, objectIdentifier } from "./certificates.js";

const keyUsage = (unused: number, bits: number): Extension => ({
  id: "2.5.29.15",
  value: der(0x03, [unused, bits]),
  critical: true,
});
const purpose = (oid: string): Extension => ({
  id: "2.5.29.37",
  value: der(0x30, objectIdentifier(oid)),
});
const permitted = der(0x30, der(0xa0, der(0x30, der(0x82, Buffer.from("example.org")))));

const make = (...extensions: Extension[]) =>
  makeCertificate({ commonName: "unusable", extensions });

/** Extensions as certificates of this kind have them, with which a principal does connect. */
export const usable = make(keyUsage(7, 0x80), purpose("1.3.6.1.5.5.7.3.2"));

/** For each: the end of the policy parser's `POLICY_E_CERTIFICATE_…` code, its words, and the certificate. */
export const unusablePrincipals = [
  ["KEY_USAGE", /keyUsage lacks digitalSignature/, make(keyUsage(3, 0x08))],
  ["KEY_USAGE", /keyUsage lacks digitalSignature/, make(keyUsage(2, 0x04))],
  ["PURPOSE", /extendedKeyUsage lacks clientAuth/, make(purpose("1.3.6.1.5.5.7.3.1"))],
  [
    "EXTENSION",
    /nameConstraints, or an unknown critical extension/,
    make({ id: "1.2.3.4", value: Buffer.from([5, 0]), critical: true }),
  ],
  [
    "EXTENSION",
    /nameConstraints, or an unknown critical extension/,
    make({ id: "2.5.29.30", value: permitted, critical: true }),
  ],
] as const;
