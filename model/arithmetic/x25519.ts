import { type Machine, provedForAllSigns } from "./machine.js";
import { addScaled, constant, multiply, type Polynomial } from "./polynomial.js";
import {
  address,
  assertCongruent,
  assertEqual,
  assertLimbs,
  fingerprint,
  inputLimbs,
  integer,
  type Proof,
} from "./proofs.js";
import { assertReduced } from "./solver.js";

const prime = 2n ** 255n - 19n;
const room = "$assembly/crypto/x25519-field/";
const LIMBS = 10;
const weight = (i: number) => Math.ceil(25.5 * i);
const OUT = 4096;
const A = 8192;
const B = 12288;
const E = 16384;

const bits = (i: number) => (i % 2 === 0 ? 26n : 25n);
/** A carried element, as the source bounds it. */
export const carried = (i: number) =>
  [0n, i === 1 ? 2n ** 25n + 2n ** 13n - 1n : 2n ** bits(i) - 1n] as const;
/** What products take: sums of up to three carried ones, and differences of two. */
export const loose = (i: number) => [0n, 3n * (2n ** bits(i) + 2n ** 13n)] as const;
const element = (
  machine: Machine,
  at: number,
  bound: (i: number) => readonly [bigint, bigint] = carried,
) => inputLimbs(machine, at, LIMBS, weight, bound);
const result = (machine: Machine, at: number) => integer(machine, at, LIMBS, weight);

/** Elements of a step of the ladder, by their place. */
const [X2, Z2, X3, Z3, LA, LB, LC, LD] = [0, 40, 80, 120, 160, 200, 240, 280].map(
  (at) => A + at,
) as [number, number, number, number, number, number, number, number];

export const x25519Proofs: readonly Proof[] = [
  {
    function: `${room}fieldMultiply`,
    claim: "out ≡ a b for sums and differences of carried elements; carried",
    prove: (module) => {
      let text = "";
      for (const [out, a, b] of [
        [OUT, A, B],
        [A, A, B],
        [B, A, B],
      ] as const) {
        provedForAllSigns(module, (machine) => {
          const x = element(machine, a, loose);
          const y = element(machine, b, loose);
          machine.call(`${room}fieldMultiply`, [out, a, b].map(address));
          assertLimbs(machine, out, LIMBS, carried);
          assertCongruent(result(machine, out), multiply(x, y), prime, "out = a b");
          text = fingerprint(machine, out, LIMBS);
        });
      }
      return text;
    },
  },
  {
    function: `${room}fieldSquare`,
    claim: "out ≡ a² for sums and differences of carried elements; carried",
    prove: (module) => {
      let text = "";
      for (const out of [OUT, A]) {
        provedForAllSigns(module, (machine) => {
          const x = element(machine, A, loose);
          machine.call(`${room}fieldSquare`, [address(out), address(A)]);
          assertLimbs(machine, out, LIMBS, carried);
          assertCongruent(result(machine, out), multiply(x, x), prime, "out = a²");
          text = fingerprint(machine, out, LIMBS);
        });
      }
      return text;
    },
  },
  {
    function: `${room}fieldSum`,
    claim: "out = a + b, limb by limb, where that is what products take",
    prove: (module) => {
      let text = "";
      // A sum keeps to the bounds where its limbs do, whichever operand has which part of them.
      const half = (i: number) => [0n, loose(i)[1] / 2n] as const;
      for (const [out, a, b] of [
        [OUT, A, B],
        [A, A, B],
        [OUT, A, A],
      ] as const) {
        provedForAllSigns(module, (machine) => {
          const x = element(machine, a, half);
          const y = a === b ? x : element(machine, b, half);
          machine.call(`${room}fieldSum`, [out, a, b].map(address));
          assertLimbs(machine, out, LIMBS, loose);
          assertEqual(result(machine, out), addScaled(x, y, 1n), "out = a + b");
          text += fingerprint(machine, out, LIMBS);
        });
      }
      return text;
    },
  },
  {
    function: `${room}fieldSubtractCarried`,
    claim: "out ≡ a - b for what products take; carried",
    prove: (module) => {
      let text = "";
      for (const [out, a, b] of [
        [OUT, A, B],
        [A, A, B],
        [B, A, B],
      ] as const) {
        provedForAllSigns(module, (machine) => {
          const x = element(machine, a, loose);
          const y = element(machine, b, loose);
          machine.call(`${room}fieldSubtractCarried`, [out, a, b].map(address));
          assertLimbs(machine, out, LIMBS, carried);
          assertCongruent(result(machine, out), addScaled(x, y, -1n), prime, "out = a - b");
          text += fingerprint(machine, out, LIMBS);
        });
      }
      return text;
    },
  },
  {
    function: `${room}fieldSumAndDifference`,
    claim: "sum = a + b, difference = a - b + 2 p, of carried elements; what products take",
    prove: (module) => {
      let text = "";
      for (const [sum, difference] of [
        [OUT, E],
        [A, B],
      ] as const) {
        provedForAllSigns(module, (machine) => {
          const x = element(machine, A);
          const y = element(machine, B);
          machine.call(`${room}fieldSumAndDifference`, [sum, difference, A, B].map(address));
          assertLimbs(machine, sum, LIMBS, loose);
          assertLimbs(machine, difference, LIMBS, loose);
          assertEqual(result(machine, sum), addScaled(x, y, 1n), "sum = a + b");
          assertEqual(result(machine, difference), minus(x, y), "difference = a - b + 2 p");
          text = fingerprint(machine, sum, LIMBS) + fingerprint(machine, difference, LIMBS);
        });
      }
      return text;
    },
  },
  {
    function: `${room}fieldLadderSums`,
    claim: "the sums and differences of a ladder step, exchanged where the mask is all ones",
    prove: (module) => {
      let text = "";
      for (const mask of [0n, -1n]) {
        provedForAllSigns(module, (machine) => {
          const [x2, z2, x3, z3] = [X2, Z2, X3, Z3].map((at) => element(machine, at)) as [
            Polynomial,
            Polynomial,
            Polynomial,
            Polynomial,
          ];
          machine.call(`${room}fieldLadderSums`, [
            address(A),
            { poly: constant(mask), lo: mask, hi: mask },
          ]);
          const sums = {
            a: addScaled(x2, z2, 1n),
            b: minus(x2, z2),
            c: addScaled(x3, z3, 1n),
            d: minus(x3, z3),
          };
          const expected = [
            [LA, sums.a],
            [LB, sums.b],
            [LC, sums.c],
            [LD, sums.d],
            [X2, mask === 0n ? sums.a : sums.c],
            [Z2, mask === 0n ? sums.b : sums.d],
          ] as const;
          for (const [at, value] of expected) {
            assertLimbs(machine, at, LIMBS, loose);
            assertEqual(result(machine, at), value, `the element at ${at - A}`);
            text += fingerprint(machine, at, LIMBS);
          }
        });
      }
      return text;
    },
  },
  {
    function: `${room}fieldA24`,
    claim: "e = aa - bb + 2 p, out ≡ aa + 121665 e; carried",
    prove: (module) => {
      let text = "";
      provedForAllSigns(module, (machine) => {
        const aa = element(machine, A);
        const bb = element(machine, B);
        machine.call(`${room}fieldA24`, [E, OUT, A, B].map(address));
        assertLimbs(machine, E, LIMBS, loose);
        assertLimbs(machine, OUT, LIMBS, carried);
        const e = minus(aa, bb);
        assertEqual(result(machine, E), e, "e = aa - bb + 2 p");
        assertCongruent(result(machine, OUT), addScaled(aa, e, 121665n), prime, "out = aa + a24 e");
        text = fingerprint(machine, OUT, LIMBS) + fingerprint(machine, E, LIMBS);
      });
      return text;
    },
  },
  {
    function: `${room}fieldFromBytes`,
    determined: true,
    claim: "out = the bytes modulo 2^255, limb by limb",
    prove: (module) => {
      let text = "";
      provedForAllSigns(module, (machine) => {
        const value = machine.inputBytes(A, 32);
        machine.call(`${room}fieldFromBytes`, [OUT, A].map(address));
        assertLimbs(machine, OUT, LIMBS, carried);
        const highest = [...value].find(([, weight]) => weight === 2n ** 255n);
        const expected = new Map(value);
        expected.delete(highest?.[0] ?? "");
        assertEqual(result(machine, OUT), expected, "out = bytes mod 2^255");
        text = fingerprint(machine, OUT, LIMBS);
      });
      return text;
    },
  },
  {
    function: `${room}canonical`,
    determined: true,
    claim: "out = a mod p, for a carried",
    prove: (module) => {
      let text = "";
      provedForAllSigns(module, (machine) => {
        const x = element(machine, A);
        machine.call(`${room}canonical`, [OUT, A].map(address));
        const out = integer(machine, OUT, 8, (i) => 32 * i);
        const { lo, hi } = machine.range(x);
        assertReduced(machine, x, [lo, hi], prime, out);
        text = fingerprint(machine, OUT, 8);
      });
      return text;
    },
  },
];

function minus(a: Polynomial, b: Polynomial): Polynomial {
  return addScaled(addScaled(a, b, -1n), constant(prime), 2n);
}
