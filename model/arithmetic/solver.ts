import { execFileSync } from "node:child_process";
import type { Machine } from "./machine.js";
import type { Polynomial } from "./polynomial.js";
import { Unproved } from "./unproved.js";

const term = (value: bigint) => (value < 0n ? `(- ${-value})` : `${value}`);

/** A linear polynomial as a term of SMT-LIB. */
function linear(poly: Polynomial): string {
  const terms = [...poly].map(([monomial, coefficient]) => {
    if (monomial.includes(",")) throw new Unproved("a product of unknowns is not for the solver");
    return monomial === "" ? term(coefficient) : `(* ${term(coefficient)} v${monomial})`;
  });
  return terms.length === 0 ? "0" : `(+ 0 ${terms.join(" ")})`;
}

/** What the machine knows of its variables, as assertions. */
function knowledge(machine: Machine): string[] {
  const { bounds, divisions, signs } = machine.knowledge();
  return [
    ...bounds.flatMap(({ lo, hi }, i) => [
      `(declare-const v${i} Int)`,
      `(assert (and (<= ${term(lo)} v${i}) (<= v${i} ${term(hi)})))`,
    ]),
    ...divisions.map(({ of, bits, quotient }) => {
      const power = 1n << bits;
      const product = `(* ${power} ${linear(quotient)})`;
      return `(assert (and (<= ${product} ${linear(of)}) (< ${linear(of)} (+ ${product} ${power}))))`;
    }),
    ...signs.map(({ of, negative }) => `(assert (${negative ? "<" : ">="} ${linear(of)} 0))`),
  ];
}

/** The value of a polynomial. */
function evaluate(poly: Polynomial, values: readonly bigint[]): bigint {
  let sum = 0n;
  for (const [monomial, coefficient] of poly) {
    let product = coefficient;
    for (const name of monomial === "" ? [] : monomial.split(",")) {
      product *= values[Number(name)] ?? 0n;
    }
    sum += product;
  }
  return sum;
}

/** Tries that many inputs before z3 is asked: what is wrong is nearly always seen to be wrong by these. */
const TRIES = 20;

/** A run of the machine on some input, or undefined where that input takes another way than this run. */
function example(machine: Machine, attempt: number): bigint[] | undefined {
  const { bounds, divisions, signs } = machine.knowledge();
  const quotients = new Map(
    divisions.flatMap((division) =>
      [...division.quotient.keys()]
        .filter((name) => name !== "")
        .map((name) => [Number(name), division]),
    ) as [number, (typeof divisions)[number]][],
  );
  const values: bigint[] = [];
  for (const [i, { lo, hi }] of bounds.entries()) {
    const division = quotients.get(i);
    const random = BigInt(Math.floor(Math.random() * 2 ** 48));
    // The ends of the interval, then anything.
    const input =
      attempt === 0 ? hi : attempt === 1 ? lo : lo + (random * (hi - lo)) / (2n ** 48n - 1n);
    const value = division === undefined ? input : evaluate(division.of, values) >> division.bits;
    if (value < lo || value > hi) return undefined;
    values.push(value);
  }
  return signs.every(({ of, negative }) => evaluate(of, values) < 0n === negative)
    ? values
    : undefined;
}

/** Refuses a claim that some input breaks. */
function tryExamples(
  machine: Machine,
  holds: (value: (poly: Polynomial) => bigint) => boolean,
  what: string,
): void {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const values = example(machine, attempt);
    if (values !== undefined && !holds((poly) => evaluate(poly, values))) {
      throw new Unproved(`${what}: an input breaks it`);
    }
  }
}

const modulo = (value: bigint, modulus: bigint) => ((value % modulus) + modulus) % modulus;

/** Asks z3 whether the assertions can all be true; they must not. */
function assertUnsatisfiable(assertions: string[], what: string): void {
  const script = ["(set-option :timeout 20000)", ...assertions, "(check-sat)", ""].join("\n");
  const answer = execFileSync("z3", ["-in"], { input: script, encoding: "utf8" }).trim();
  if (answer !== "unsat") throw new Unproved(`${what}: z3 says ${answer}`);
}

/** Proves lo ≤ value ≤ hi. */
export function assertWithin(
  machine: Machine,
  value: Polynomial,
  lo: bigint,
  hi: bigint,
  what: string,
): void {
  tryExamples(machine, (of) => lo <= of(value) && of(value) <= hi, what);
  const outside = `(assert (or (< ${linear(value)} ${term(lo)}) (> ${linear(value)} ${term(hi)})))`;
  assertUnsatisfiable([...knowledge(machine), outside], what);
}

/** Proves result = value mod prime, in [0, prime), for a value in [lo, hi]. */
export function assertReduced(
  machine: Machine,
  value: Polynomial,
  [lo, hi]: readonly [bigint, bigint],
  prime: bigint,
  result: Polynomial,
): void {
  tryExamples(
    machine,
    (of) => of(value) < lo || of(value) > hi || of(result) === modulo(of(value), prime),
    "the result may be another",
  );
  const floor = (n: bigint) => (n - (((n % prime) + prime) % prime)) / prime;
  assertUnsatisfiable(
    [
      ...knowledge(machine),
      "(declare-const q Int)",
      "(declare-const reduced Int)",
      `(assert (and (<= ${term(lo)} ${linear(value)}) (<= ${linear(value)} ${term(hi)})))`,
      `(assert (= ${linear(value)} (+ (* ${prime} q) reduced)))`,
      `(assert (and (<= 0 reduced) (< reduced ${prime})))`,
      `(assert (and (<= ${term(floor(lo))} q) (<= q ${term(floor(hi))})))`,
      `(assert (not (= reduced ${linear(result)})))`,
    ],
    "the result may be another",
  );
}

/** Proves tag = ((h mod prime) + s) mod 2^128. */
export function assertTag(
  machine: Machine,
  h: Polynomial,
  prime: bigint,
  s: Polynomial,
  tag: Polynomial,
): void {
  tryExamples(
    machine,
    (of) => of(tag) === modulo(modulo(of(h), prime) + of(s), 2n ** 128n),
    "the tag may be another",
  );
  assertUnsatisfiable(
    [
      ...knowledge(machine),
      "(declare-const q Int)",
      "(declare-const w Int)",
      "(declare-const reduced Int)",
      "(declare-const expected Int)",
      `(assert (= ${linear(h)} (+ (* ${prime} q) reduced)))`,
      `(assert (and (<= 0 reduced) (< reduced ${prime}) (<= 0 q) (<= q 2)))`,
      `(assert (= (+ reduced ${linear(s)}) (+ (* ${2n ** 128n} w) expected)))`,
      `(assert (and (<= 0 expected) (< expected ${2n ** 128n}) (<= 0 w) (<= w 8)))`,
      `(assert (not (= expected ${linear(tag)})))`,
    ],
    "the tag may be another",
  );
}
