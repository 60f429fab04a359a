import type { Machine, Value } from "./machine.js";
import {
  addScaled,
  constant,
  isZeroModulo,
  keyOf,
  type Polynomial,
  scale,
  ZERO,
} from "./polynomial.js";
import { Unproved } from "./unproved.js";
import type { WatModule } from "./wat.js";

/** What is proved of one function of the compiled module. */
export interface Proof {
  /** The function, as the module names it. */
  function: string;
  /** What is proved, in words. */
  claim: string;
  /** Whether the claim leaves one result only, so that whatever it is proved of computes the same. */
  determined?: boolean;
  /** Whether it compares each constant that it reads with what it must be: there is no need to change them one by one. */
  comparesConstants?: boolean;
  /** Runs it for all inputs. Throws `Unproved`; returns what it computes, as one text for one result. */
  prove(module: WatModule): string;
}

export const address = (at: number): Value => ({
  poly: constant(BigInt(at)),
  lo: BigInt(at),
  hi: BigInt(at),
});

/** The integer of limbs at `at`; limb i weighs 2^weight(i). */
export function integer(
  machine: Machine,
  at: number,
  count: number,
  weight: (i: number) => number,
): Polynomial {
  let sum: Polynomial = ZERO;
  for (let i = 0; i < count; i++) {
    sum = addScaled(sum, machine.word(at + 4 * i).poly, 1n << BigInt(weight(i)));
  }
  return sum;
}

/** Puts limbs of input at `at`, limb i in `bound(i)`, and returns their integer. */
export function inputLimbs(
  machine: Machine,
  at: number,
  count: number,
  weight: (i: number) => number,
  bound: (i: number) => readonly [bigint, bigint],
): Polynomial {
  for (let i = 0; i < count; i++) machine.setWord(at + 4 * i, machine.input(...bound(i)));
  return integer(machine, at, count, weight);
}

export function assertCongruent(a: Polynomial, b: Polynomial, modulus: bigint, what: string): void {
  if (!isZeroModulo(addScaled(a, b, -1n), modulus)) {
    throw new Unproved(`${what} does not hold modulo the prime`);
  }
}

export function assertEqual(a: Polynomial, b: Polynomial, what: string): void {
  if (addScaled(a, b, -1n).size > 0) throw new Unproved(`${what} does not hold`);
}

export function assertLimbs(
  machine: Machine,
  at: number,
  count: number,
  bound: (i: number) => readonly [bigint, bigint],
): void {
  for (let i = 0; i < count; i++) {
    const { lo, hi } = machine.word(at + 4 * i);
    const [low, high] = bound(i);
    if (lo < low || hi > high) throw new Unproved(`limb ${i} may be in [${lo}, ${hi}]`);
  }
}

/** The words at `at`, as one text. */
export function fingerprint(machine: Machine, at: number, count: number): string {
  return Array.from({ length: count }, (_, i) => keyOf(machine.word(at + 4 * i).poly)).join(";");
}

/** a 2^bits. */
export const shifted = (a: Polynomial, bits: number) => scale(a, 1n << BigInt(bits));
