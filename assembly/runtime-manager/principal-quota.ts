import { MemoryBudget } from "../session-manager/byte-buffer";
import { homeProfile } from "./home-profile";

/** Attestation tokens that a principal may ask for at once, and how long it takes to earn another one. */
const TOKENS_AT_ONCE: u32 = 8;
const TOKEN_MS: u32 = 10_000;

/** What a handshake counts for, beside TLS bytes. */
export const WORK_OF_HANDSHAKE: u32 = 4096;

/** What one principal may cost the isolate, in all its sessions: its rights say what it may do, not how often. */
export class PrincipalQuota {
  /** Memory of its sessions. */
  readonly memory: MemoryBudget;
  private tokens: u32 = TOKENS_AT_ONCE;
  private earnedMs: u32 = 0;
  /** Work that may still be done for it, see `work`. */
  private workLeft: u32 = homeProfile.workAtOnce;

  /** @param all memory of all sessions */
  constructor(all: MemoryBudget) {
    this.memory = new MemoryBudget(homeProfile.principalMemory, all);
  }

  /** Whether it may have another attestation token now; counts it if so. */
  takeToken(): bool {
    if (this.tokens === 0) return false;
    this.tokens--;
    return true;
  }

  /**
   * Counts work for it, in TLS bytes: there is no clock to count the processor's time, and a record costs the more
   * for each byte the smaller it is, down to 22 bytes. False when it has had its share: the session is to end.
   */
  work(bytes: u32): bool {
    if (bytes > this.workLeft) return false;
    this.workLeft -= bytes;
    return true;
  }

  /** Work came to what it has a right to: that costs it nothing. */
  giveBack(bytes: u32): void {
    this.workLeft = min(this.workLeft + bytes, homeProfile.workAtOnce);
  }

  /** Tells that time has passed, in milliseconds. */
  tick(elapsed: u32): void {
    this.giveBack(
      min(((elapsed as u64) * homeProfile.workPerSecond) / 1000, u32.MAX_VALUE >> 1) as u32,
    );
    if (this.tokens === TOKENS_AT_ONCE) return;
    this.earnedMs += elapsed;
    while (this.earnedMs >= TOKEN_MS && this.tokens < TOKENS_AT_ONCE) {
      this.earnedMs -= TOKEN_MS;
      this.tokens++;
    }
    if (this.tokens === TOKENS_AT_ONCE) this.earnedMs = 0;
  }
}

/** What sessions share: the memory of those whose peer is not known, and each principal's part. */
export class SessionShares {
  readonly strangers: MemoryBudget;
  private quotas: StaticArray<PrincipalQuota>;

  /**
   * @param all memory of all sessions
   * @param principals of the policy
   */
  constructor(all: MemoryBudget, principals: i32) {
    this.strangers = new MemoryBudget(homeProfile.strangerMemory, all);
    const quotas = new StaticArray<PrincipalQuota>(principals);
    for (let i = 0; i < principals; i++) quotas[i] = new PrincipalQuota(all);
    this.quotas = quotas;
  }

  /** What the principal of that number may cost. */
  of(principal: i32): PrincipalQuota {
    return this.quotas[principal];
  }

  /** Tells that time has passed, in milliseconds. */
  tick(elapsed: u32): void {
    for (let i = 0; i < this.quotas.length; i++) this.quotas[i].tick(elapsed);
  }
}
