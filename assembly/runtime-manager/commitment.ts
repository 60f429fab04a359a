import {
  CommitDemand,
  CommitStatement,
  REFUSAL_DEVICE_REVOKED,
  REFUSAL_EXHAUSTED,
  REFUSAL_MEASUREMENT_WITHDRAWN,
} from "../continuity/commit-statement";
import { STATEMENT_OK } from "../continuity/signed-statement";
import { Policy } from "../veracruz-utils/policy";
import { CERTIFICATE_OK, Certificate } from "../x509/certificate";
import { IsolateKey } from "./isolate-key";
import { Outcome } from "./outcome";

const nothing: StaticArray<u8> = new StaticArray<u8>(0);

/**
 * Whether the computation is this isolate's: the proxy attestation server commits it to at most
 * `1 + max_restarts` keys. No file is taken before it has been committed to ours.
 */
export class Commitment {
  /** Which isolate of this policy it is, from 1; 0 while nothing is committed. */
  number: u32 = 0;
  /** The statement that says so; empty while nothing is committed. */
  statement: StaticArray<u8> = nothing;
  /** `REFUSAL_…` when the proxy attestation server has refused for good; else 0. */
  refusal: u32 = 0;
  /** Whether the server is to be asked for a commit, and has not been. */
  owesRequest: bool = false;
  private asked: bool = false;

  constructor(
    private policy: Policy,
    private key: IsolateKey,
  ) {}

  get committed(): bool {
    return this.number !== 0;
  }

  /** A principal wants a commit: the server is asked once for all who want one. */
  want(): void {
    if (this.asked) return;
    this.asked = true;
    this.owesRequest = true;
  }

  /** The server has forgotten what it was asked: the next principal asks again. */
  forgetRequest(): void {
    this.asked = false;
    this.owesRequest = false;
  }

  /**
   * Takes the proxy attestation server's answer. What is not signed by it, about this very key, changes
   * nothing: whoever stands between cannot spend a computation.
   */
  install(statement: usize, length: u32, outcome: Outcome): void {
    const authority = new Certificate();
    const ca = this.policy.proxyServiceCertificate;
    const demand = new CommitDemand();
    const key = this.key;
    demand.policyAndScope = key.policyAndScope;
    key.hash(changetype<usize>(demand.keyHash));
    demand.most = 1 + this.policy.maxRestarts;
    demand.isolateNotBefore = key.notBefore;
    const said = new CommitStatement();
    const parsed = authority.parse(changetype<usize>(ca), ca.length as u32) === CERTIFICATE_OK;
    const code = parsed ? said.verify(statement, length, demand, authority) : -1;
    if (code !== STATEMENT_OK) {
      outcome.failInvalid(
        "no statement about this isolate's key by the CA that the policy names: ",
      );
      outcome.andInteger(code);
    } else if (said.reason !== 0 && this.committed) {
      outcome.failInvalid("the computation is committed to this isolate already");
    } else if (said.reason !== 0) {
      this.refusal = said.reason;
    } else if (this.committed && said.number !== this.number) {
      outcome.failInvalid("the statement gives this isolate another number than before");
    } else {
      this.number = said.number;
      const kept = new StaticArray<u8>(length as i32);
      memory.copy(changetype<usize>(kept), statement, length as usize);
      this.statement = kept;
    }
  }
}

/** What a signed refusal means, in words. */
export function refusalText(reason: u32): string {
  if (reason === REFUSAL_EXHAUSTED)
    return "the computation was begun by as many isolates as the policy allows (1 + max_restarts)";
  if (reason === REFUSAL_DEVICE_REVOKED) return "the isolate's device is revoked";
  if (reason === REFUSAL_MEASUREMENT_WITHDRAWN)
    return "the isolate's software is no longer allowed";
  return "the proxy attestation server commits nothing to this isolate";
}
