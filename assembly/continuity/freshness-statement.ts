import { CborReader } from "../cbor/cbor-reader";
import { KnownKeys } from "../crypto/known-keys";
import { Certificate, PURPOSE_REATTESTATION } from "../x509/certificate";
import {
  isHashEntry,
  SignedStatement,
  STATEMENT_E_FORM,
  STATEMENT_E_SUBJECT,
  STATEMENT_E_TIME,
  STATEMENT_OK,
} from "./signed-statement";

const LABEL = "veracruz-pat-v2";
const HASH_BYTES: u32 = 32;

/** What a re-attestation must be about, and how it is checked. Byte strings have 32 bytes each. */
export class FreshnessDemand {
  /** The nonce that was drawn for it. */
  nonce: StaticArray<u8> = new StaticArray<u8>(32);
  /** The exporter of the session in which it was asked for. */
  exporter: StaticArray<u8> = new StaticArray<u8>(32);
  keyHash: StaticArray<u8> = new StaticArray<u8>(32);
  /** SHA-256 of the policy, in the first 32 bytes. */
  policyAndScope: StaticArray<u8> = new StaticArray<u8>(64);
  /** When the isolate's certificate began, in seconds since 1970. */
  isolateNotBefore: i64 = 0;
  /** When it ends: the statement's own time tells whoever has no clock whether it has. */
  isolateNotAfter: i64 = 0;
  /** Seconds since 1970; less than 0 where there is no clock. */
  now: i64 = -1;
  /** See `SignedStatement.verify`: then `verify` may answer `STATEMENT_MORE`. */
  goodSigner: usize = 0;
  /** Keys that verify faster, such as the CA's. */
  knownKeys: KnownKeys | null = null;
}

/** The proxy attestation server's word that the isolate of this very session is attested now. */
export class FreshnessStatement {
  /** Highest number that was committed under this policy and scope; 0: none. */
  highest: u32 = 0;

  /**
   * Reads and verifies a statement.
   *
   * @param authority the policy's CA
   * @returns `STATEMENT_OK`, `STATEMENT_E_…` or `STATEMENT_MORE`: it says nothing then
   */
  verify(bytes: usize, length: u32, demand: FreshnessDemand, authority: Certificate): i32 {
    this.highest = 0;
    const signed = new SignedStatement();
    if (!signed.read(bytes, length)) return STATEMENT_E_FORM;
    const reader = new CborReader(signed.payload, signed.payloadLength);
    if (!reader.map(11) || !reader.key(1) || !reader.isText(LABEL)) return STATEMENT_E_FORM;
    let same = isHashEntry(reader, 2, changetype<usize>(demand.nonce));
    same = isHashEntry(reader, 3, changetype<usize>(demand.keyHash)) && same;
    same = isHashEntry(reader, 4, changetype<usize>(demand.policyAndScope)) && same;
    same = isHashEntry(reader, 5, changetype<usize>(demand.exporter)) && same;
    // Kind, lifecycle and runtime are those of the isolate's certificate, which the client has checked.
    reader.key(6);
    reader.text(1, 16);
    reader.key(7);
    reader.unsigned(0xffff);
    reader.key(8);
    reader.bytes(HASH_BYTES, HASH_BYTES);
    reader.key(9);
    reader.bytes(33, 33);
    reader.key(10);
    const time = reader.unsigned(i64.MAX_VALUE as u64) as i64;
    reader.key(11);
    const highest = reader.unsigned(0xffff) as u32;
    if (!reader.atEnd) return STATEMENT_E_FORM;
    const code = signed.verify(
      authority,
      PURPOSE_REATTESTATION,
      demand.isolateNotBefore,
      demand.now,
      demand.goodSigner,
      demand.knownKeys,
    );
    if (code !== STATEMENT_OK) return code;
    if (!same) return STATEMENT_E_SUBJECT;
    if (time > demand.isolateNotAfter) return STATEMENT_E_TIME;
    this.highest = highest;
    return STATEMENT_OK;
  }
}
