import { createHash, randomBytes } from "node:crypto";

/**
 * Random numbers for example data: the same for the same seed, from SHA-256 over the seed and a counter;
 * without a seed from the computer's own source.
 */
export class RandomNumbers {
  private counter = 0;

  constructor(private readonly seed: string | undefined) {}

  /** A whole number from 0 to `bound` - 1, uniform; `bound` is at most 2^32. */
  below(bound: number): number {
    // Numbers past the last multiple of the bound would make some results more probable.
    const limit = 2 ** 32 - (2 ** 32 % bound);
    for (;;) {
      const drawn = Buffer.from(this.block()).readUInt32LE();
      if (drawn < limit) return drawn % bound;
    }
  }

  bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.below(256));
  }

  /** One of the items. */
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  /** The items in random order; each order is as probable. */
  shuffled<T>(items: readonly T[]): T[] {
    const order = [...items];
    for (let i = order.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [order[i], order[j]] = [order[j] as T, order[i] as T];
    }
    return order;
  }

  private block(): Uint8Array {
    if (this.seed === undefined) return randomBytes(32);
    return createHash("sha256")
      .update(`${this.counter++}:${this.seed}`)
      .digest();
  }
}
