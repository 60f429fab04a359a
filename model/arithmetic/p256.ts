import { type Machine, provedForAllSigns } from "./machine.js";
import {
  addScaled,
  divideExactly,
  isZeroModulo,
  multiply,
  type Polynomial,
  scale,
} from "./polynomial.js";
import { address, assertLimbs, fingerprint, inputLimbs, integer, type Proof } from "./proofs.js";
import { assertReduced } from "./solver.js";
import { Unproved } from "./unproved.js";

const prime = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
const room = "$assembly/crypto/p256-field/";
const LIMBS = 9;
const BITS = 29;
const weight = (i: number) => BITS * i;
const OUT = 4096;
const A = 8192;
const B = 12288;
const C = 16384;

/** Limbs of magnitude up to `size` 2^29. */
const ofSize = (size: number) => {
  const limit = BigInt(Math.floor(size * 2 ** BITS));
  return () => [-limit, limit] as const;
};
const LOW = [0n, 2n ** 29n - 1n] as const;
/** Limbs 0 to 7 of a carried element are below 2^29; its highest is as its value is, within 8 p here. */
const carried = (i: number) => (i < 8 ? LOW : ([-(2n ** 27n), 2n ** 27n] as const));

const element = (
  machine: Machine,
  at: number,
  bound = carried as (i: number) => readonly [bigint, bigint],
) => inputLimbs(machine, at, LIMBS, weight, bound);
const result = (machine: Machine, at = OUT) => integer(machine, at, LIMBS, weight);

/**
 * (out R - product) / p is the sum of m_k 2^(29 k) with each m_k in [0, 2^29): so out lies between product / R
 * and product / R + p, which bounds its value and its highest limb.
 */
function assertMontgomeryQuotient(machine: Machine, out: Polynomial, product: Polynomial): void {
  const difference = addScaled(scale(out, 2n ** 261n), product, -1n);
  if (!isZeroModulo(difference, prime)) throw new Unproved("out R = a b does not hold modulo p");
  let quotient = divideExactly(difference, prime);
  for (let k = 0; k < LIMBS; k++) {
    const digit = machine.masked.find(
      ({ poly, lo, hi }) =>
        lo >= 0n && hi < 2n ** 29n && isZeroModulo(addScaled(quotient, poly, -1n), 2n ** 29n),
    );
    if (digit === undefined) throw new Unproved(`digit ${k} of the multiple of p is not bounded`);
    quotient = divideExactly(addScaled(quotient, digit.poly, -1n), 2n ** 29n);
  }
  if (quotient.size > 0) throw new Unproved("the multiple of p is not below R");
}

/** Products of factors of these sizes, and each way in which out and the factors may be one place. */
const sizes = [
  [3.5, 1],
  [1, 3.5],
  [1.87, 1.87],
] as const;
const places = [
  [OUT, A, B],
  [A, A, B],
  [B, A, B],
] as const;

export const p256Proofs: readonly Proof[] = [
  {
    function: `${room}fieldMultiply`,
    claim: "out R ≡ a b, sizes A B ≤ 3.5; carried; out = (a b + m p) / R, 0 ≤ m < R",
    prove: (module) => {
      let text = "";
      for (const [sizeA, sizeB] of sizes) {
        for (const [out, a, b] of places) {
          provedForAllSigns(module, (machine) => {
            const x = element(machine, a, ofSize(sizeA));
            const y = element(machine, b, ofSize(sizeB));
            machine.call(`${room}fieldMultiply`, [address(out), address(a), address(b)]);
            assertLimbs(machine, out, 8, () => LOW);
            assertMontgomeryQuotient(machine, result(machine, out), multiply(x, y));
            text = fingerprint(machine, out, LIMBS);
          });
        }
      }
      return text;
    },
  },
  {
    function: `${room}fieldSquare`,
    claim: "out R ≡ a², size ≤ 1.8; carried; out = (a² + m p) / R, 0 ≤ m < R",
    prove: (module) => {
      let text = "";
      for (const out of [OUT, A]) {
        provedForAllSigns(module, (machine) => {
          const x = element(machine, A, ofSize(1.8));
          machine.call(`${room}fieldSquare`, [address(out), address(A)]);
          assertLimbs(machine, out, 8, () => LOW);
          assertMontgomeryQuotient(machine, result(machine, out), multiply(x, x));
          text = fingerprint(machine, out, LIMBS);
        });
      }
      return text;
    },
  },
  linear("fieldAdd", 2, 1n, "out = a + b, size A + B < 4", ofSize(1.99)),
  linear("fieldSubtract", 2, -1n, "out = a - b, size A + B < 4", ofSize(1.99)),
  linear("fieldSubtractCarried", 2, -1n, "out = a - b, carried, sizes up to 1", ofSize(1), LOW),
  linear(
    "fieldSubtractTwo",
    3,
    -1n,
    "out = a - b - 2 c, carried, of carried elements",
    carried,
    LOW,
  ),
  {
    function: `${room}fieldThreeHalves`,
    claim: "2 out = 3 a + odd p, odd 0 or 1; carried, for a carried",
    prove: (module) => {
      let text = "";
      for (const out of [OUT, A]) {
        provedForAllSigns(module, (machine) => {
          const x = element(machine, A);
          machine.call(`${room}fieldThreeHalves`, [address(out), address(A)]);
          assertLimbs(machine, out, 8, () => LOW);
          const added = addScaled(scale(result(machine, out), 2n), x, -3n);
          const odd = machine.masked.find(
            ({ poly, hi }) => hi === 1n && addScaled(added, poly, -prime).size === 0,
          );
          if (odd === undefined) throw new Unproved("2 out = 3 a + odd p does not hold");
          text = fingerprint(machine, out, LIMBS);
        });
      }
      return text;
    },
  },
  {
    function: `${room}reduce`,
    determined: true,
    claim: "out = a mod p, for a carried between -p and 2 p",
    prove: (module) => {
      let text = "";
      provedForAllSigns(module, (machine) => {
        const x = element(machine, A, (i) => (i < 8 ? LOW : [-(2n ** 24n), 2n ** 25n]));
        machine.call(`${room}reduce`, [address(A)]);
        const out = result(machine, A);
        assertLimbs(machine, A, 8, () => LOW);
        assertReduced(machine, x, [-prime, 2n * prime - 1n], prime, out);
        text += fingerprint(machine, A, LIMBS);
      });
      return text;
    },
  },
];

/** out = a ± b (- 2 c): the integers are equal, not only congruent. */
function linear(
  name: string,
  operands: 2 | 3,
  sign: bigint,
  claim: string,
  bound: (i: number) => readonly [bigint, bigint],
  low?: readonly [bigint, bigint],
): Proof {
  return {
    function: `${room}${name}`,
    claim,
    prove: (module) => {
      let text = "";
      for (const out of [OUT, A, B, C]) {
        provedForAllSigns(module, (machine) => {
          const at = [A, B, C].slice(0, operands);
          const [a, b, c] = at.map((place) => element(machine, place, bound));
          machine.call(`${room}${name}`, [out, ...at].map(address));
          let expected = addScaled(a as Polynomial, b as Polynomial, sign);
          if (c !== undefined) expected = addScaled(expected, c, -2n);
          if (low !== undefined) assertLimbs(machine, out, 8, () => low);
          if (addScaled(result(machine, out), expected, -1n).size > 0) {
            throw new Unproved("the integers differ");
          }
          text = fingerprint(machine, out, LIMBS);
        });
      }
      return text;
    },
  };
}
