// Requests for sessions as principals sign them.
import { sign } from "node:crypto";
import { loadIdentity } from "../../host/veracruz-client/identity.js";
import type { Admission } from "../../host/veracruz-server/admission.js";
import {
  type AdmissionRequest,
  admissionHeaders,
  signatureBase,
} from "../../host/veracruz-utils/admission.js";
import { contentDigest, keyIdOf } from "../../host/veracruz-utils/admission-hashes.js";
import { Policy } from "../../host/veracruz-utils/policy.js";
import { makeCertificate } from "../support/certificates.js";
import { samplePolicy } from "../veracruz-utils/sample-policies.js";

export const alice = makeCertificate({ commonName: "alice" });
export const bob = makeCertificate({ commonName: "bob" });
export const eve = makeCertificate({ commonName: "eve" });
export const identity = ({ pem, keyPem }: typeof alice) => loadIdentity(Buffer.from(pem), keyPem);
export const policy = new Policy(
  Buffer.from(
    JSON.stringify({
      ...samplePolicy(),
      identities: [alice, bob].map(({ pem }, id) => ({
        certificate: pem,
        id,
        file_rights: [{ file_name: "output", rights: "r" }],
      })),
    }),
  ),
);
export const BODY = "0 AAAA";

export interface Changes extends Partial<AdmissionRequest> {
  by?: typeof alice;
  signedBy?: typeof alice;
  body?: string;
}

/** A request as a principal signs it, but for the changes. */
export function signed(admission: Admission, now: number, changes: Changes = {}) {
  const { by = alice, signedBy = by, body = BODY, ...rest } = changes;
  const nonce = rest.nonce ?? admission.nonce(now);
  const request: AdmissionRequest = {
    method: "POST",
    authority: "server.example:3017",
    target: "/runtime_manager",
    policyHash: policy.hash.toString("hex"),
    keyId: keyIdOf(nonce, identity(by).certificate.raw),
    bound: ["content-digest", contentDigest(BODY)],
    ...rest,
    nonce,
  };
  const key = { key: identity(signedBy).key, dsaEncoding: "ieee-p1363" } as const;
  const signature = sign("sha256", Buffer.from(signatureBase(request)), key);
  const { method, target } = request;
  const headers: Record<string, string> = {
    host: request.authority,
    ...admissionHeaders(request, signature.toString("base64")),
  };
  return { headers, method, target, body, address: "192.0.2.1" };
}

/** The same request under the other signature: whoever has r ‖ s has r ‖ n - s as well, which verifies, too. */
export function otherForm<Request extends ReturnType<typeof signed>>(request: Request): Request {
  const n = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  const raw = Buffer.from(String(request.headers.signature).slice(4, -1), "base64");
  const s = n - BigInt(`0x${raw.subarray(32).toString("hex")}`);
  const other = Buffer.concat([
    raw.subarray(0, 32),
    Buffer.from(s.toString(16).padStart(64, "0"), "hex"),
  ]);
  const headers = { ...request.headers, signature: `vc=:${other.toString("base64")}:` };
  return { ...request, headers };
}
