/** A small deterministic generator (mulberry32): a seed says what a run drew. */
export class Random {
  constructor(private state: number) {}

  /** A u32. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  /** A whole number from 0 to `bound - 1`. */
  below(bound: number): number {
    return this.next() % bound;
  }

  /** True once in `n` times. */
  oneIn(n: number): boolean {
    return this.below(n) === 0;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  bytes(length: number): Buffer {
    const buffer = Buffer.alloc(length);
    for (let i = 0; i < length; i++) buffer[i] = this.next() >>> 24;
    return buffer;
  }

  /** Lower-case hexadecimal digits: text that no command line tool takes for a command. */
  text(length: number): Buffer {
    const digits = Buffer.from("0123456789abcdef");
    const buffer = Buffer.alloc(length);
    for (let i = 0; i < length; i++) buffer[i] = digits[this.next() >>> 28] as number;
    return buffer;
  }
}

/** As `Math.random`, the same numbers each time for a seed. */
export function fractions(seed: number): () => number {
  const random = new Random(seed);
  return () => random.next() / 2 ** 32;
}
