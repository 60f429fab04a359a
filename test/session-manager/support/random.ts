/** A small seeded generator (xorshift32): tests that draw from it repeat exactly. */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = (seed * 2654435761) >>> 0 || 1;
  }

  /** 32 random bits. */
  next(): number {
    let x = this.state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.state = x >>> 0;
    return this.state;
  }

  /** A number from 0 to `bound` - 1. */
  below(bound: number): number {
    return this.next() % bound;
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
