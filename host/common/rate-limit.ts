/** Addresses that are remembered at most. */
const MAX_ADDRESSES = 10_000;

/** Token buckets, one for each address that asked lately. */
export class RateLimit {
  private readonly buckets = new Map<string, { tokens: number; at: number }>();

  /**
   * @param perSecond requests that one address may make in a second, on average
   * @param burst requests that it may make at once after a rest
   */
  constructor(
    private readonly perSecond: number,
    private readonly burst: number,
  ) {}

  /** Whether a request of this address may go on now (milliseconds); counts it if so. */
  allows(address: string, now: number = Date.now()): boolean {
    const bucket = this.buckets.get(address) ?? { tokens: this.burst, at: now };
    const earned = ((now - bucket.at) / 1000) * this.perSecond;
    bucket.tokens = Math.min(this.burst, bucket.tokens + Math.max(0, earned));
    bucket.at = now;
    // Kept in the order of use: what is forgotten is the address that was silent longest.
    this.buckets.delete(address);
    this.buckets.set(address, bucket);
    if (this.buckets.size > MAX_ADDRESSES) {
      const [oldest] = this.buckets.keys();
      this.buckets.delete(oldest as string);
    }
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }
}
