import { CommitDemand, CommitStatement } from "../continuity/commit-statement";
import { FreshnessDemand, FreshnessStatement } from "../continuity/freshness-statement";
import { STATEMENT_MORE, STATEMENT_OK } from "../continuity/signed-statement";
import { KnownKeys } from "../crypto/known-keys";
import { sha256 } from "../crypto/sha256";
import { sameBytes } from "../encoding/bytes";
import { Certificate } from "../x509/certificate";
import { VC_E_COMMIT, VC_E_FRESHNESS, VC_E_RESTART } from "./codes";

/**
 * What a client knows of the isolate that has its computation: the commit that it must show, the proof that it is
 * attested now, and the one isolate that this client has gone to. The record outlives sessions; it is in memory, and
 * the application may keep it where the board has a place (`record`, `setRecord`).
 */
export class Continuity {
  readonly commit: CommitDemand = new CommitDemand();
  readonly freshness: FreshnessDemand = new FreshnessDemand();
  /** Which isolate of the policy the session is with, from 1; 0 before that is known. */
  number: u32 = 0;
  /** Highest number committed for the policy, as the newest re-attestation says; 0: not asked. */
  highest: u32 = 0;
  /** The one restart that the owner accepts; 0: none. */
  acceptedRestart: u32 = 0;
  /** Number and key hash (SHA-256 of SubjectPublicKeyInfo) of the isolate that was gone to; 0: none. */
  recordedNumber: u32 = 0;
  readonly recordedKey: StaticArray<u8> = new StaticArray<u8>(32);

  /** SHA-256 of the signers' certificates that the CA was last seen to have signed. */
  private signers: StaticArray<u8> = new StaticArray<u8>(64);

  constructor() {
    this.commit.goodSigner = changetype<usize>(this.signers);
    this.freshness.goodSigner = changetype<usize>(this.signers) + 32;
    this.freshness.keyHash = this.commit.keyHash;
    this.freshness.policyAndScope = this.commit.policyAndScope;
  }

  /** SHA-256 of the policy ‖ SHA-256 of its scope: 64 bytes, to be written. */
  get policyAndScope(): usize {
    return changetype<usize>(this.commit.policyAndScope);
  }

  /** A session with the isolate of this certificate, which was checked, begins. `now`: less than 0 without a clock. */
  begin(certificate: Certificate, now: i64): void {
    this.number = 0;
    this.highest = 0;
    sha256(certificate.keyInfo, certificate.keyInfoLength, changetype<usize>(this.commit.keyHash));
    this.commit.isolateNotBefore = certificate.notBefore;
    this.freshness.isolateNotBefore = certificate.notBefore;
    this.freshness.isolateNotAfter = certificate.notAfter;
    this.commit.now = now;
    this.freshness.now = now;
  }

  /** Whether a certificate is for the policy and the scope. */
  isOurs(certificate: Certificate): bool {
    const shown = certificate.policyAndScope;
    return shown !== 0 && sameBytes(this.commit.policyAndScope, shown, 64);
  }

  /** Another CA: what the one before has signed is nothing to it. */
  forgetSigners(): void {
    memory.fill(changetype<usize>(this.signers), 0, 64);
  }

  /** Keys that verify faster: that of the CA. */
  setKnownKeys(known: KnownKeys): void {
    this.commit.knownKeys = known;
    this.freshness.knownKeys = known;
  }

  /**
   * Takes the isolate's commit, and the isolate on record. The code of what is wrong, 0, or `STATEMENT_MORE`: then it
   * is to be called again.
   */
  takeCommit(statement: usize, length: u32, authority: Certificate): i32 {
    const said = new CommitStatement();
    const code = said.verify(statement, length, this.commit, authority);
    if (code === STATEMENT_MORE) return code;
    if (code !== STATEMENT_OK) return VC_E_COMMIT;
    const number = said.number;
    if (number === 0) return VC_E_COMMIT;
    this.number = number;
    const key = this.commit.keyHash;
    const recorded = this.recordedNumber;
    const same = sameBytes(this.recordedKey, changetype<usize>(key), 32);
    const accepted = number > recorded && number === this.acceptedRestart;
    if (recorded !== 0 && !(recorded === number && same) && !accepted) return VC_E_RESTART;
    this.recordedNumber = number;
    memory.copy(changetype<usize>(this.recordedKey), changetype<usize>(key), 32);
    return 0;
  }

  /** Takes the statement on this session. The code of what is wrong, 0, or `STATEMENT_MORE`, as above. */
  takeFreshness(statement: usize, length: u32, authority: Certificate): i32 {
    const said = new FreshnessStatement();
    const code = said.verify(statement, length, this.freshness, authority);
    if (code === STATEMENT_MORE) return code;
    this.highest = said.highest;
    return code === STATEMENT_OK ? 0 : VC_E_FRESHNESS;
  }

  /** Another policy: nothing of the record holds for it. */
  forgetRecord(): void {
    this.recordedNumber = 0;
    memory.fill(changetype<usize>(this.recordedKey), 0, 32);
  }
}
