// Isolates' certificates that a client must refuse, each for its reason.
import { Policy, type PolicyDocument } from "../../host/veracruz-utils/policy.js";
import { makeCertificate } from "../support/certificates.js";
import { authority, samplePolicy, textOf } from "../veracruz-utils/sample-policies.js";
import type { IsolateCertificateOptions } from "./impostor.js";

const HOUR = 3_600_000;
/** Without a word on the key exchange: the impostor has the TLS of Node.js, which may not know the hybrid one. */
export const policyWith = (changes: Partial<PolicyDocument> = {}) =>
  new Policy(textOf({ ...samplePolicy(), key_exchange: undefined, ...changes }));
export const policy = policyWith();
export const runtimeHash = policy.runtimeHash("linux") as Buffer;
export const pairOf = ({ hash, scopeHash }: Policy) => Buffer.concat([hash, scopeHash]);
/** A certificate that keeps every rule. */
export const good: IsolateCertificateOptions = {
  issuer: authority,
  runtimeHash,
  policyAndScope: pairOf(policy),
};

const stranger = makeCertificate({ commonName: "Test CA", ca: true });
const other = Buffer.alloc(32, 7);
const past = new Date(Date.now() - HOUR / 2);
const future = new Date(Date.now() + HOUR);
/** What is wrong with a certificate, the certificate, and what the client says of it. */
export const refused: readonly [string, IsolateCertificateOptions, RegExp][] = [
  [
    "another CA of the same name",
    { ...good, issuer: stranger },
    /not (issued|signed) by the policy's CA|refused/,
  ],
  [
    "no CA at all",
    { runtimeHash, policyAndScope: pairOf(policy) },
    /not issued by the policy's CA|refused/,
  ],
  ["expired", { ...good, notAfter: past }, /expired|refused/],
  ["not valid yet", { ...good, notBefore: future }, /not valid yet|refused/],
  [
    "another name",
    { ...good, dnsName: "example.org" },
    /not issued for ComputeEnclave\.dev|refused/,
  ],
  [
    "another runtime",
    { ...good, runtimeHash: other },
    /runs 0707.*, the policy wants .* \(linux\) \(runtime-hash\)/,
  ],
  [
    "a kind that the policy does not name",
    { ...good, kind: "mcu" },
    /names no runtime for isolates of kind mcu/,
  ],
  ["a kind that nobody knows", { ...good, kind: "sgx" }, /kind "sgx" is not known/],
  ["no runtime hash", { ...good, extensions: [] }, /no runtime hash/],
  [
    "another policy",
    { ...good, policyAndScope: pairOf(policyWith({ max_rounds: 2 })) },
    /works under another policy: [0-9a-f]{64}, ours is [0-9a-f]{64} \(policy-mismatch\)/,
  ],
  [
    "another scope",
    { ...good, policyAndScope: Buffer.concat([policy.hash, other]) },
    /policy-mismatch/,
  ],
  [
    "no policy",
    { ...good, policyAndScope: Buffer.alloc(0) },
    /no hashes of policy and scope|refused/,
  ],
  ["development grade", { ...good, lifecycle: 0x4000 }, /development grade.*does not allow/],
  ["a lifecycle that is not trusted", { ...good, lifecycle: 0x1000 }, /untrusted grade/],
  ["a CA's certificate", { ...good, ca: true }, /is a CA's|refused/],
  ["a key on another curve", { ...good, key: "P-384" }, /./],
  ["an RSA key", { ...good, key: "rsa" }, /./],
];
