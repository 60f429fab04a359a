import type { Polynomial } from "./polynomial.js";
import { Unproved } from "./unproved.js";

/** What a reduction computes: factor x modulo the modulus, in [lo, hi]. */
interface Lemma {
  factor: bigint;
  lo: bigint;
  hi: bigint;
}

const lemmas = new Map<string, Lemma | Unproved>();

/** One lemma serves all arguments of magnitude up to this. */
const COMMON = 2n ** 18n - 1n;

/**
 * That ((((x f mod 2^32) >> s) + k) m) >> t is factor x modulo `modulus`, for each x that `of` may be: every
 * one of them is tried.
 *
 * @param steps f, s, k, m, t
 * @throws where it is not so
 */
export function plantardLemma(
  steps: readonly bigint[],
  of: { lo: bigint; hi: bigint; poly: Polynomial },
  modulus: bigint,
): Lemma {
  const common = of.lo >= -COMMON && of.hi <= COMMON;
  const [lo, hi] = common ? [-COMMON, COMMON] : [of.lo, of.hi];
  if (lo < -(2n ** 31n) || hi >= 2n ** 31n) throw new Unproved("a reduction of more than 32 bits");
  const key = [...steps, lo, hi].join();
  let lemma = lemmas.get(key);
  if (lemma === undefined) {
    lemma = tryAll(steps.map(Number), Number(lo), Number(hi), Number(modulus));
    lemmas.set(key, lemma);
  }
  if (lemma instanceof Unproved) throw lemma;
  return lemma;
}

function tryAll(
  steps: readonly number[],
  lo: number,
  hi: number,
  modulus: number,
): Lemma | Unproved {
  const [f, s, k, m, t] = steps as [number, number, number, number, number];
  const at = (x: number) => Math.imul((Math.imul(x, f) >> s) + k, m) >> t;
  if (lo > 1 || hi < 1) return new Unproved("a reduction of values that exclude 1");
  const factor = ((at(1) % modulus) + modulus) % modulus;
  const half = (modulus - 1) / 2;
  // The residue of factor x that lies nearest to 0, kept up by additions.
  let expected = Number((BigInt(factor) * BigInt(lo)) % BigInt(modulus));
  if (expected > half) expected -= modulus;
  if (expected < -half) expected += modulus;
  for (let x = lo; x <= hi; x++) {
    if (Math.imul((Math.imul(x, f) >> s) + k, m) >> t !== expected) {
      return new Unproved(`a reduction is wrong for ${x}`);
    }
    expected += factor;
    if (expected > half) expected -= modulus;
  }
  return { factor: BigInt(factor), lo: BigInt(-half), hi: BigInt(half) };
}
