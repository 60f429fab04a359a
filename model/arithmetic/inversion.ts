/**
 * Inversion by division steps (`assembly/crypto/modular-inverse.ts`), for the three moduli. That 590 steps are enough is
 * a theorem of Bernstein and Yang (2019); here are the steps, what is done with their matrix, and the conversions.
 */
import { type Machine, provedForAllSigns, type Value } from "./machine.js";
import {
  addScaled,
  constant,
  isZeroModulo,
  keyOf,
  multiply,
  type Polynomial,
  scale,
} from "./polynomial.js";
import {
  address,
  assertEqual,
  assertLimbs,
  fingerprint,
  inputLimbs,
  integer,
  type Proof,
} from "./proofs.js";
import { Unproved } from "./unproved.js";
import type { Instruction, WatFunction, WatModule } from "./wat.js";

const room = "$assembly/crypto/modular-inverse/";
const LIMBS = 9;
const BITS = 30n;
const weight = (i: number) => Number(BITS) * i;
const POWER = 1n << BITS;

const moduli = [
  2n ** 255n - 19n,
  2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n,
  0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
];

const A = 16384;
const B = 16640;
const MATRIX = 16896;

/** Low limbs are carried; the highest is as the value is, well within what sums may reach. */
const limb = (i: number) =>
  i < LIMBS - 1 ? ([0n, POWER - 1n] as const) : ([-(2n ** 17n), 2n ** 17n] as const);

const element = (machine: Machine, at: number) => inputLimbs(machine, at, LIMBS, weight, limb);
const result = (machine: Machine, at: number) => integer(machine, at, LIMBS, weight);
const withRange = (machine: Machine, poly: Polynomial): Value => ({ poly, ...machine.range(poly) });
const negated = (poly: Polynomial) => scale(poly, -1n);

/** Where the module has m: nine limbs of 30 bits, and its inverse modulo 2^30. */
function modulusAt(machine: Machine, m: bigint): number {
  let words = 0n;
  for (let i = 0; i < LIMBS; i++) {
    words |= ((m >> BigInt(weight(i))) & (POWER - 1n)) << BigInt(32 * i);
  }
  return machine.find(words, 4 * LIMBS);
}

/** The ways in which |x| + |y| ≤ 2^30 is said by sums that lie in an interval each, by the signs of x and y. */
const signs = [
  [1n, 1n],
  [1n, -1n],
  [-1n, 1n],
  [-1n, -1n],
] as const;

/** A row of the matrix: two numbers whose magnitudes add up to 2^30 at most. */
function row(machine: Machine, at: number, [one, other]: readonly [bigint, bigint]): Polynomial[] {
  const part = machine.input(0n, POWER).poly;
  // With the same sign one is what the other leaves of their sum.
  const first =
    one === other
      ? addScaled(machine.input(0n, POWER).poly, part, -1n)
      : machine.input(0n, POWER).poly;
  const numbers = [scale(first, one), scale(part, other)];
  numbers.forEach((poly, i) => {
    machine.setWord(at + 4 * i, withRange(machine, poly));
  });
  return numbers;
}

/** The variables of the division steps. */
type Steps<T> = Record<"zeta" | "f" | "g" | "u" | "v" | "q" | "r", T>;

/**
 * Which locals they are: zeta, f and g are parameters, the others are told by what is stored behind the loop; and
 * which one counts the steps.
 */
function localsOf({ body }: WatFunction): Steps<number> & { count: number } {
  const indexOf = (instruction: Instruction | undefined) => {
    if (instruction?.op !== "local.get") throw new Unproved("the loop is another one");
    return Number((instruction.args[0] ?? "").replace("$", ""));
  };
  const stored = (offset: number) =>
    indexOf(
      body[
        body.findIndex(
          ({ op, args }) => op === "i32.store" && (args[0] ?? "offset=0") === `offset=${offset}`,
        ) - 1
      ],
    );
  const limit = body.findIndex(({ op, args }) => op === "i32.const" && args[0] === "30");
  const matrix = { u: stored(0), v: stored(4), q: stored(8), r: stored(12) };
  return { zeta: 0, f: 1, g: 2, ...matrix, count: indexOf(body[limit - 1]) };
}

/** One division step: the last one of thirty is as good as any. */
function divisionStep(module: WatModule, machine: Machine, state: Steps<Value>): Steps<Value> {
  const f = module.functions.get(`${room}divisionSteps`);
  if (f === undefined) throw new Unproved("there are no division steps");
  const { count, ...places } = localsOf(f);
  const names = Object.keys(places) as (keyof Steps<Value>)[];
  const locals = Array.from({ length: f.params + f.locals }, () => address(0));
  for (const name of names) locals[places[name]] = state[name];
  locals[count] = address(29);
  const after = machine.iterate(f.name, locals);
  const counted = after[count];
  if (counted?.lo !== 30n || counted.hi !== 30n) throw new Unproved("it is not counted by one");
  return Object.fromEntries(
    names.map((name) => [name, after[places[name]] as Value]),
  ) as Steps<Value>;
}

const combined = (numbers: Polynomial[], x: Polynomial, y: Polynomial) =>
  addScaled(multiply(numbers[0] as Polynomial, x), multiply(numbers[1] as Polynomial, y), 1n);

/** The floor of z / 2^30, as the run has named it. */
function floorOf(machine: Machine, z: Polynomial): Polynomial {
  const key = keyOf(z);
  const found = machine
    .knowledge()
    .divisions.find((each) => each.bits === BITS && keyOf(each.of) === key);
  if (found === undefined) throw new Unproved("the lowest limbs are not divided");
  return found.quotient;
}

/** out 2^30 = sum - k m with 0 ≤ k < 2^30. */
function assertQuotient(machine: Machine, out: Polynomial, sum: Polynomial, m: bigint): void {
  const difference = addScaled(sum, scale(out, POWER), -1n);
  const is = machine.masked.some(
    ({ poly, lo, hi }) =>
      lo >= 0n && hi < POWER && addScaled(difference, scale(poly, m), -1n).size === 0,
  );
  if (!is) throw new Unproved("2^30 d' = u d + v e - k m does not hold");
}

export const inversionProofs: readonly Proof[] = [
  {
    function: `${room}divisionSteps`,
    claim:
      "one step: 2 g' ≡ g, g + f or g - f and f' ≡ f or g (mod 2^32), the matrix alike, |entries| at most doubled",
    prove: (module) => {
      let text = "";
      for (const odd of [0n, 1n]) {
        provedForAllSigns(
          module,
          (machine) => {
            const half = () => machine.input(-(2n ** 30n), 2n ** 30n - 1n).poly;
            const f = addScaled(scale(half(), 2n), constant(1n), 1n);
            const g = addScaled(scale(half(), 2n), constant(odd), 1n);
            const zeta = machine.input(-700n, 700n);
            const entry = () => machine.input(-(2n ** 29n), 2n ** 29n);
            const [u, v, q, r] = [entry(), entry(), entry(), entry()];
            const [ff, gg] = [withRange(machine, f), withRange(machine, g)];
            const after = divisionStep(module, machine, { zeta, f: ff, g: gg, u, v, q, r });
            const positive = machine.knowledge().signs.some(({ negative }) => negative);
            const swaps = odd === 1n && positive;
            const sign = odd === 0n ? 0n : positive ? -1n : 1n;
            const congruent = (a: Polynomial, b: Polynomial, what: string) => {
              if (!isZeroModulo(addScaled(a, b, -1n), 1n << 32n))
                throw new Unproved(`${what} does not hold`);
            };
            congruent(scale(after.g.poly, 2n), addScaled(g, f, sign), "2 g' = g ± f");
            congruent(after.f.poly, swaps ? g : f, "f' = f or g");
            assertEqual(after.q.poly, addScaled(q.poly, u.poly, sign), "q' = q ± u");
            assertEqual(after.r.poly, addScaled(r.poly, v.poly, sign), "r' = r ± v");
            assertEqual(after.u.poly, scale(swaps ? q.poly : u.poly, 2n), "u' = 2 u or 2 q");
            assertEqual(after.v.poly, scale(swaps ? r.poly : v.poly, 2n), "v' = 2 v or 2 r");
            const next = swaps
              ? addScaled(negated(zeta.poly), constant(2n), -1n)
              : addScaled(zeta.poly, constant(1n), -1n);
            assertEqual(after.zeta.poly, next, "zeta' = zeta - 1 or - zeta - 2");
            text += [after.f, after.g, after.u, after.v, after.q, after.r, after.zeta]
              .map(({ poly }) => keyOf(poly))
              .join(";");
          },
          undefined,
          true,
        );
      }
      return text;
    },
  },
  {
    function: `${room}updateFG`,
    claim: "f' = floor((u f + v g) / 2^30), g' with q and r; carried",
    prove: (module) => {
      let text = "";
      for (const way of signs) {
        provedForAllSigns(
          module,
          (machine) => {
            const f = element(machine, A);
            const g = element(machine, B);
            const [f0, g0] = [machine.word(A).poly, machine.word(B).poly];
            const rows = [row(machine, MATRIX, way), row(machine, MATRIX + 8, way)] as const;
            machine.call(`${room}updateFG`, [A, B, MATRIX].map(address));
            for (const [at, numbers] of [
              [A, rows[0]],
              [B, rows[1]],
            ] as const) {
              assertLimbs(machine, at, LIMBS - 1, limb);
              const lowest = combined(numbers, f0, g0);
              const rest = addScaled(lowest, floorOf(machine, lowest), -POWER);
              const sum = addScaled(combined(numbers, f, g), rest, -1n);
              assertEqual(scale(result(machine, at), POWER), sum, "2^30 f' = u f + v g");
              text += fingerprint(machine, at, LIMBS);
            }
          },
          undefined,
          true,
        );
      }
      return text;
    },
  },
  {
    function: `${room}updateDE`,
    claim:
      "2^30 d' = u d + v e - k m, 0 ≤ k < 2^30, with m added to what is negative; e' alike; carried",
    prove: (module) => {
      let text = "";
      for (const m of moduli) {
        for (const way of signs) {
          provedForAllSigns(
            module,
            (machine) => {
              const d = element(machine, A);
              const e = element(machine, B);
              const tops = [A, B].map((at) => keyOf(machine.word(at + 32).poly));
              const rows = [row(machine, MATRIX, way), row(machine, MATRIX + 8, way)] as const;
              const modulus = modulusAt(machine, m);
              machine.call(`${room}updateDE`, [A, B, MATRIX, modulus].map(address));
              const [x, y] = [d, e].map((value, i) => {
                const sign = machine.knowledge().signs.find(({ of }) => keyOf(of) === tops[i]);
                // What is negative and taken as it is would lie out of d's bounds in the end.
                if (sign === undefined) throw new Unproved("a sign is not looked at");
                return sign.negative ? addScaled(value, constant(m), 1n) : value;
              }) as [Polynomial, Polynomial];
              for (const [at, numbers] of [
                [A, rows[0]],
                [B, rows[1]],
              ] as const) {
                assertLimbs(machine, at, LIMBS - 1, limb);
                assertQuotient(machine, result(machine, at), combined(numbers, x, y), m);
                text += fingerprint(machine, at, LIMBS);
              }
            },
            undefined,
            true,
          );
        }
      }
      return text;
    },
  },
  {
    function: `${room}adjust`,
    claim: "a' = ± a + m or + 0, carried",
    prove: (module) => {
      let text = "";
      for (const m of moduli) {
        for (const negate of [0, -1]) {
          for (const add of [0, -1]) {
            provedForAllSigns(module, (machine) => {
              const a = element(machine, A);
              const modulus = modulusAt(machine, m);
              machine.call(`${room}adjust`, [A, negate, modulus, add].map(address));
              assertLimbs(machine, A, LIMBS - 1, limb);
              const expected = addScaled(
                negate === 0 ? a : negated(a),
                constant(m),
                add === 0 ? 0n : 1n,
              );
              assertEqual(result(machine, A), expected, "a' = ± a + m");
              text += fingerprint(machine, A, LIMBS);
            });
          }
        }
      }
      return text;
    },
  },
  {
    function: "$assembly/crypto/limbs/repack",
    claim: "the same integer, below 2^256, in limbs of 32 and of 30 bits",
    prove: (module) => {
      let text = "";
      for (const [outBits, bits] of [
        [30, 32],
        [32, 30],
      ] as const) {
        for (const out of outBits < bits ? [A, B] : [A]) {
          provedForAllSigns(module, (machine) => {
            const count = (of: number) => (of === 32 ? 8 : 9);
            const a = inputLimbs(
              machine,
              B,
              count(bits),
              (i) => bits * i,
              (i) => [0n, (i === 8 ? 2n ** 16n : 2n ** BigInt(bits)) - 1n],
            );
            machine.call("$assembly/crypto/limbs/repack", [out, outBits, B, bits].map(address));
            assertLimbs(machine, out, count(outBits), () => [0n, 2n ** BigInt(outBits) - 1n]);
            assertEqual(
              integer(machine, out, count(outBits), (i) => outBits * i),
              a,
              "out = a",
            );
            text += fingerprint(machine, out, count(outBits));
          });
        }
      }
      return text;
    },
  },
];
