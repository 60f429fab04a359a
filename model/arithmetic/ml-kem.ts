import { type Machine, provedForAllSigns } from "./machine.js";
import { addScaled, isZeroModulo, keyOf, multiply, type Polynomial, ZERO } from "./polynomial.js";
import { address, type Proof } from "./proofs.js";
import { Unproved } from "./unproved.js";

const q = 3329n;
const room = "$assembly/crypto/ml-kem-polynomial/";
const F = 65536;
const G = 131072;
const SUM = 196608;
const COEFFICIENTS = 256;

/** What `M.reduce` takes (Huang et al. 2022, as the source quotes it). */
const REDUCIBLE = [-7n * 2n ** 16n * q, 2n ** 31n - 1n] as const;

const power = (base: bigint, exponent: number) => {
  let result = 1n;
  for (let i = 0; i < exponent; i++) result = (result * base) % q;
  return result;
};
/** BitRev7 of FIPS 203 §4.3. */
const reversed = (i: number) =>
  Number.parseInt(i.toString(2).padStart(7, "0").split("").reverse().join(""), 2);
/** zeta^(2 BitRev7(i) + 1), the i-th of the transform's factors X² - gamma. */
const gamma = (i: number) => power(17n, (2 * reversed(i) + 1) % 256);

/** The transform by its definition (FIPS 203 (4.12)): residues modulo X² - gamma. */
function transformed(f: readonly Polynomial[]): Polynomial[] {
  return Array.from({ length: COEFFICIENTS }, (_, at) => {
    const root = gamma(at >> 1);
    let sum: Polynomial = ZERO;
    let weight = 1n;
    for (let j = 0; j < COEFFICIENTS / 2; j++) {
      sum = addScaled(sum, f[2 * j + (at & 1)] as Polynomial, weight);
      weight = (weight * root) % q;
    }
    return sum;
  });
}

function assertEach(actual: readonly Polynomial[], expected: readonly Polynomial[], what: string) {
  actual.forEach((each, i) => {
    if (!isZeroModulo(addScaled(each, expected[i] as Polynomial, -1n), q)) {
      throw new Unproved(`${what} does not hold modulo q at ${i}`);
    }
  });
}

const all = <T>(make: (i: number) => T) => Array.from({ length: COEFFICIENTS }, (_, i) => make(i));

function halves(machine: Machine, at: number, limit: bigint): Polynomial[] {
  return all((i) => {
    const value = machine.input(-limit, limit);
    machine.setHalf(at + 2 * i, value);
    return value.poly;
  });
}

/** Text of polynomials modulo q. */
const text = (polynomials: readonly Polynomial[]) =>
  polynomials
    .map((each) => keyOf(new Map([...each].map(([m, c]) => [m, ((c % q) + q) % q]))))
    .join(";");

export const mlKemProofs: readonly Proof[] = [
  {
    function: `${room}ntt`,
    claim: "the transform of FIPS 203 (4.12) modulo q, for |f| < 2^12; |out| < 2^14",
    prove: (wat) => {
      let result: Polynomial[] = [];
      provedForAllSigns(
        wat,
        (machine) => {
          const f = halves(machine, F, 2n ** 12n - 1n);
          machine.call(`${room}ntt`, [address(F)]);
          const out = all((i) => machine.half(F + 2 * i));
          if (out.some(({ lo, hi }) => lo <= -(2n ** 14n) || hi >= 2n ** 14n)) {
            throw new Unproved("a coefficient may reach 2^14");
          }
          result = out.map(({ poly }) => poly);
          assertEach(result, transformed(f), "the transform");
        },
        q,
      );
      return text(result);
    },
  },
  {
    function: `${room}inverseNtt`,
    claim: "its transform is the sum, for what reductions take; -q / 2 < out < q / 2",
    prove: (wat) => {
      let result: Polynomial[] = [];
      provedForAllSigns(
        wat,
        (machine) => {
          const sum = all((i) => {
            const value = machine.input(...REDUCIBLE);
            machine.setWord(SUM + 4 * i, value);
            return value.poly;
          });
          machine.call(`${room}inverseNtt`, [address(SUM)]);
          const out = all((i) => machine.word(SUM + 4 * i));
          if (out.some(({ lo, hi }) => lo < -q / 2n || hi > q / 2n)) {
            throw new Unproved("a coefficient may leave -q / 2 … q / 2");
          }
          result = out.map(({ poly }) => poly);
          assertEach(transformed(result), sum, "the inverse transform");
        },
        q,
      );
      return text(result);
    },
  },
  {
    function: `${room}multiplyAdd`,
    claim: "sum += a b modulo each X² - gamma; three of them are within what reductions take",
    prove: (wat) => {
      let result: Polynomial[] = [];
      provedForAllSigns(
        wat,
        (machine) => {
          const a = halves(machine, F, 2n ** 14n - 1n);
          const b = halves(machine, G, 2n + (7n * q) / 2n);
          const sum = all((i) => {
            // Two products before this one.
            const value = machine.input((2n * REDUCIBLE[0]) / 3n, (-2n * REDUCIBLE[0]) / 3n);
            machine.setWord(SUM + 4 * i, value);
            return value.poly;
          });
          machine.call(`${room}multiplyAdd`, [SUM, F, G].map(address));
          const out = all((i) => machine.word(SUM + 4 * i));
          if (out.some(({ lo, hi }) => lo < REDUCIBLE[0] || hi > -REDUCIBLE[0])) {
            throw new Unproved("a sum of three products may be more than a reduction takes");
          }
          const expected = all((i) => {
            const even = i & ~1;
            const [a0, a1, b0, b1] = [a[even], a[even + 1], b[even], b[even + 1]] as [
              Polynomial,
              Polynomial,
              Polynomial,
              Polynomial,
            ];
            const product =
              i === even
                ? addScaled(multiply(a0, b0), multiply(a1, b1), gamma(i >> 1))
                : addScaled(multiply(a0, b1), multiply(a1, b0), 1n);
            return addScaled(product, sum[i] as Polynomial, 1n);
          });
          result = out.map(({ poly }) => poly);
          assertEach(result, expected, "the product");
        },
        q,
      );
      return text(result);
    },
  },
];
