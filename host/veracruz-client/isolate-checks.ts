import type { CertificateRule } from "../x509/read-certificate.js";
import { ClientError } from "./errors.js";

/**
 * The checks of an isolate in the order in which a client makes them, in words. Every refusal of an isolate names the
 * one that it failed: those before it were passed, those after it were not made.
 */
export const isolateChecks = {
  "in-force": "The policy is in force",
  certificate: "The isolate's certificate is well formed",
  issuer: "Issued by the policy's attestation server",
  time: "Valid now",
  purpose: "Made for an isolate's TLS, under its name",
  key: "The isolate holds the certificate's key",
  policy: "Made for this very policy",
  runtime: "Kind and trusted runtime as the policy says",
  grade: "Grade of the device",
  versions: "Versions of its components",
  fingerprint: "The key that you expect",
  answer: "The isolate itself says that it works under this policy",
  commit: "The computation is committed to this isolate",
  fresh: "Attested anew, within this session",
  record: "The same isolate as before",
} as const;

/** One of the checks. */
export type IsolateCheck = keyof typeof isolateChecks;

/** To which check a rule of certificates belongs. */
export const checkOfRule = {
  "certificate-malformed": "certificate",
  "certificate-issuer": "issuer",
  "certificate-expired": "time",
  "certificate-purpose": "purpose",
  "certificate-name": "purpose",
  "policy-mismatch": "policy",
  "runtime-hash": "runtime",
  "development-grade": "grade",
  "component-version": "versions",
} as const satisfies Record<CertificateRule, IsolateCheck>;

/** An isolate that failed a check: nothing secret was sent to it. */
export class CheckFailed extends ClientError {
  override name = "CheckFailed";

  constructor(
    readonly check: IsolateCheck,
    message: string,
  ) {
    super(check === "record" ? "restart" : "isolate", message);
  }
}
