import { CborReader } from "../cbor/cbor-reader";
import { KnownKeys } from "../crypto/known-keys";
import { Certificate, PURPOSE_COMMIT } from "../x509/certificate";
import {
  isHashEntry,
  SignedStatement,
  STATEMENT_E_FORM,
  STATEMENT_E_SUBJECT,
  STATEMENT_OK,
} from "./signed-statement";

const STATEMENT_LABEL = "veracruz-commit-statement-v1";
const REFUSAL_LABEL = "veracruz-commit-refusal-v1";
const HASH_BYTES: u32 = 32;

/** Why the proxy attestation server refuses for good, as it says in a signed refusal. */
export const REFUSAL_EXHAUSTED: u32 = 1;
export const REFUSAL_DEVICE_REVOKED: u32 = 2;
export const REFUSAL_MEASUREMENT_WITHDRAWN: u32 = 3;

/** What a commit must be about, and how it is checked. Hashes are 32 bytes each. */
export class CommitDemand {
  /** SHA-256 of the policy ‖ SHA-256 of its scope: as in the isolate's certificate. */
  policyAndScope: StaticArray<u8> = new StaticArray<u8>(64);
  /** SHA-256 of the SubjectPublicKeyInfo of the isolate's key. */
  keyHash: StaticArray<u8> = new StaticArray<u8>(32);
  /** How many isolates the policy allows: 1 + `max_restarts`. */
  most: u32 = 1;
  /** When the isolate's certificate began, in seconds since 1970. */
  isolateNotBefore: i64 = 0;
  /** Seconds since 1970; less than 0 where there is no clock. */
  now: i64 = -1;
  /** See `SignedStatement.verify`: then `verify` may answer `STATEMENT_MORE`. */
  goodSigner: usize = 0;
  /** Keys that verify faster, such as the CA's. */
  knownKeys: KnownKeys | null = null;
}

/** The proxy attestation server's word on whether a computation is an isolate's: a commit, or a refusal. */
export class CommitStatement {
  /** Which isolate of this policy it is, from 1; 0: none, it is a refusal. */
  number: u32 = 0;
  /** `REFUSAL_…` */
  reason: u32 = 0;

  /**
   * Reads and verifies a statement.
   *
   * @param authority the policy's CA
   * @returns `STATEMENT_OK`, `STATEMENT_E_…` or `STATEMENT_MORE`: it says nothing then
   */
  verify(bytes: usize, length: u32, demand: CommitDemand, authority: Certificate): i32 {
    this.number = 0;
    this.reason = 0;
    const signed = new SignedStatement();
    if (!signed.read(bytes, length)) return STATEMENT_E_FORM;
    const reader = new CborReader(signed.payload, signed.payloadLength);
    // A refusal has as many entries as a statement.
    if (!reader.map(7) || !reader.key(1)) return STATEMENT_E_FORM;
    const refusal = !reader.isText(STATEMENT_LABEL);
    const rest = refusal ? new CborReader(signed.payload, signed.payloadLength) : reader;
    if (refusal && !(rest.map(7) && rest.key(1) && rest.isText(REFUSAL_LABEL))) {
      return STATEMENT_E_FORM;
    }
    const pair = changetype<usize>(demand.policyAndScope);
    let same = isHashEntry(rest, 2, pair);
    same = isHashEntry(rest, 3, pair + HASH_BYTES) && same;
    same = isHashEntry(rest, 4, changetype<usize>(demand.keyHash)) && same;
    rest.key(5);
    const value = rest.unsigned(0xffff) as u32;
    rest.key(6);
    const sixth = rest.unsigned(u64.MAX_VALUE);
    rest.key(7);
    rest.unsigned(u64.MAX_VALUE);
    if (!rest.atEnd) return STATEMENT_E_FORM;
    const code = signed.verify(
      authority,
      PURPOSE_COMMIT,
      demand.isolateNotBefore,
      demand.now,
      demand.goodSigner,
      demand.knownKeys,
    );
    if (code !== STATEMENT_OK) return code;
    const inRange = value >= 1 && (refusal || (value <= demand.most && sixth === demand.most));
    if (!same || !inRange) return STATEMENT_E_SUBJECT;
    if (refusal) this.reason = value;
    else this.number = value;
    return STATEMENT_OK;
  }
}
