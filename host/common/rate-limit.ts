import { addressGroups } from "./address-groups.js";

/** Networks that are remembered at most. */
const MAX_GROUPS = 10_000;

interface Bucket {
  tokens: number;
  at: number;
}

/** Token buckets, one for each address that asked lately: of IPv6 one for each of the networks around it. */
export class RateLimit {
  private readonly buckets = new Map<string, Bucket>();

  /**
   * @param perSecond requests that one IPv4 address or IPv6 /64 may make in a second, on average
   * @param burst requests that it may make at once after a rest
   */
  constructor(
    private readonly perSecond: number,
    private readonly burst: number,
  ) {}

  /** Whether a request of this address may go on now (milliseconds); counts it if so. */
  allows(address: string, now: number = Date.now()): boolean {
    const buckets = addressGroups(address).map(({ key, share }) => this.refill(key, share, now));
    if (buckets.some(({ tokens }) => tokens < 1)) return false;
    for (const bucket of buckets) bucket.tokens -= 1;
    return true;
  }

  private refill(key: string, share: number, now: number): Bucket {
    const burst = share * this.burst;
    const bucket = this.buckets.get(key) ?? { tokens: burst, at: now };
    const earned = ((now - bucket.at) / 1000) * share * this.perSecond;
    bucket.tokens = Math.min(burst, bucket.tokens + Math.max(0, earned));
    bucket.at = now;
    // Kept in the order of use: what is forgotten is the network that was silent longest.
    this.buckets.delete(key);
    this.buckets.set(key, bucket);
    if (this.buckets.size > MAX_GROUPS) {
      const [oldest] = this.buckets.keys();
      this.buckets.delete(oldest as string);
    }
    return bucket;
  }
}
