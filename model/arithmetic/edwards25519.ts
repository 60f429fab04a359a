/**
 * X25519's public keys by the comb on edwards25519 (`assembly/crypto/x25519-base.ts`), above the field: which
 * elements are made of which, whether each operation gets what it takes, and which multiple comes out. The field's
 * operations are their own claims here, proved in `x25519.ts`.
 */
import { ed25519 } from "@noble/curves/ed25519.js";
import { Machine, type Value } from "./machine.js";
import {
  addScaled,
  constant,
  isZeroModulo,
  multiply,
  type Polynomial,
  scale,
  variable,
} from "./polynomial.js";
import { address, assertEqual, assertLimbs, integer, type Proof } from "./proofs.js";
import { Unproved } from "./unproved.js";
import type { WatModule } from "./wat.js";
import { carried, loose } from "./x25519.js";

const { Fp, Fn, BASE } = ed25519.Point;
const prime = Fp.ORDER;
const d = Fp.div(-121665n, 121666n);
const order = Fn.ORDER;

const room = "$assembly/crypto/x25519-base/";
const field = "$assembly/crypto/x25519-field/";
const SIZE = 40;
const LIMBS = 10;
/** Of the comb's table: points in a block, bytes of one, and the teeth, which are 64 digits apart. */
const POINTS = 8;
const POINT_BYTES = 96;
const TEETH = 4;
const SPACING = 64n;

/** The claims here leave one result only. */
const ONE_RESULT = "one result";

const SCRATCH = 65536;
const SCALAR = 4096;
const OUT = 8192;

/** Offsets in the scratch that the functions share: the point, what is added to it, and what a formula ends with. */
const [X, Y, Z, T, PLUS, MINUS, PRODUCT] = [0, 1, 2, 3, 4, 5, 6].map((i) => SCRATCH + SIZE * i) as [
  number,
  number,
  number,
  number,
  number,
  number,
  number,
];
const [E, F, G, H] = [11, 12, 13, 14].map((i) => SCRATCH + SIZE * i) as [
  number,
  number,
  number,
  number,
];

/** What the comb adds for a place in a block's table: multiples of the base point. */
function multipleAt(block: number, index: number): bigint {
  let multiple = 1n << (SPACING * 3n);
  for (let tooth = 0; tooth < TEETH - 1; tooth++) {
    const weight = 1n << (SPACING * BigInt(tooth));
    multiple += (index >> tooth) & 1 ? weight : -weight;
  }
  return multiple << BigInt(32 * block);
}

/** An element: its value modulo p, and where each limb lies. */
interface Element {
  value: Polynomial;
  bounds: readonly (readonly [bigint, bigint])[];
}

const ofKind = (value: Polynomial, kind: (i: number) => readonly [bigint, bigint]): Element => ({
  value,
  bounds: Array.from({ length: LIMBS }, (_, i) => kind(i)),
});

const plus = (a: Polynomial, b: Polynomial) => addScaled(a, b, 1n);
const minus = (a: Polynomial, b: Polynomial) => addScaled(a, b, -1n);
const twice = (a: Polynomial) => scale(a, 2n);

function equal(a: Polynomial, b: Polynomial, what: string): void {
  if (!isZeroModulo(minus(a, b), prime)) throw new Unproved(`${what} does not hold`);
}

/** One run of the whole function, with elements instead of limbs. */
class Comb {
  private readonly elements = new Map<number, Element>();
  private variables = 0;
  private readonly machine: Machine;
  private size = 0;
  /** Which multiple of the base point the point is. */
  private multiple = 0n;
  /** The point that was chosen to be added, until it is. */
  private chosen: { x: Polynomial; y: Polynomial } | undefined;
  private inverseOf: { of: Polynomial; is: Polynomial } | undefined;
  private result: Polynomial | undefined;
  private isWiped = false;

  /** @param pattern bit t: what all digits of tooth t are */
  constructor(
    module: WatModule,
    private readonly table: number,
    private readonly pattern: number,
  ) {
    this.machine = new Machine(module);
    for (const [name, lemma] of Object.entries(this.lemmas())) {
      this.machine.lemmas.set(name, (args) => {
        const numbers = args.map(({ lo, hi }) => {
          if (lo !== hi) throw new Unproved(`${name} of an unknown place`);
          return Number(BigInt.asIntN(32, lo));
        });
        return lemma(...numbers);
      });
    }
  }

  private fresh(): Polynomial {
    return variable(this.variables++);
  }

  private get(at: number): Element {
    if (at < SCRATCH || at + SIZE > SCRATCH + this.size) {
      throw new Unproved(`an element at ${at}, outside of the scratch`);
    }
    const known = this.elements.get(at);
    if (known !== undefined) return known;
    // As it was written at the beginning, limb by limb.
    let value: Polynomial = constant(0n);
    const bounds: [bigint, bigint][] = [];
    for (let i = 0; i < LIMBS; i++) {
      const { poly, lo, hi } = this.machine.word(at + 4 * i);
      value = addScaled(value, poly, 1n << BigInt(Math.ceil(25.5 * i)));
      bounds.push([lo, hi]);
    }
    return { value, bounds };
  }

  private within(at: number, kind: (i: number) => readonly [bigint, bigint]): Polynomial {
    const { value, bounds } = this.get(at);
    bounds.forEach(([lo, hi], i) => {
      const [low, high] = kind(i);
      if (lo < low || hi > high) throw new Unproved(`limb ${i} of ${at} may be in [${lo}, ${hi}]`);
    });
    return value;
  }

  private set(at: number, element: Element): Value[] {
    if (at < SCRATCH || at + SIZE > SCRATCH + this.size) {
      throw new Unproved(`an element at ${at}, outside of the scratch`);
    }
    // Places of elements that overlap would be two elements in one place.
    if ((at - SCRATCH) % SIZE !== 0) throw new Unproved(`an element at ${at}, between two`);
    this.elements.set(at, element);
    return [];
  }

  private lemmas(): Record<string, (...at: number[]) => Value[] | undefined> {
    return {
      "$~lib/rt/tlsf/__alloc": (size = 0) => {
        this.size = size;
        return [address(SCRATCH)];
      },
      "$~lib/rt/tlsf/__free": (at) => {
        if (at !== SCRATCH || !this.isWiped) throw new Unproved("the scratch is not wiped");
        return [];
      },
      "$assembly/crypto/constant-time/wipe": (at, size) => {
        this.isWiped = at === SCRATCH && size === this.size;
        return [];
      },
      [`${room}digitsOf`]: (half, scalar) => {
        if (scalar !== SCALAR) throw new Unproved("digits of something else");
        this.half = half;
        return [];
      },
      [`${room}bitAt`]: (half, index = 0) => {
        if (half !== this.half || index < 0 || index > 254) throw new Unproved("no such digit");
        return [address((this.pattern >> (index >> 6)) & 1)];
      },
      [`${room}select`]: (at, block = 0, index = 0, negate) =>
        this.select(at, block, index, negate),
      [`${room}combine`]: (at) => this.checkFormula(at),
      [`${field}fieldMultiply`]: (out = 0, a = 0, b = 0) =>
        this.set(out, ofKind(multiply(this.within(a, loose), this.within(b, loose)), carried)),
      [`${field}fieldSquare`]: (out = 0, a = 0) => {
        const value = this.within(a, loose);
        return this.set(out, ofKind(multiply(value, value), carried));
      },
      [`${field}fieldSum`]: (out = 0, a = 0, b = 0) => {
        const [x, y] = [this.get(a), this.get(b)];
        const bounds = x.bounds.map(
          ([lo, hi], i) => [lo + (y.bounds[i]?.[0] ?? 0n), hi + (y.bounds[i]?.[1] ?? 0n)] as const,
        );
        this.set(out, { value: plus(x.value, y.value), bounds });
        this.within(out, loose);
        return [];
      },
      [`${field}fieldSumAndDifference`]: (sum = 0, difference = 0, a = 0, b = 0) => {
        const [x, y] = [this.within(a, carried), this.within(b, carried)];
        this.set(sum, ofKind(plus(x, y), loose));
        return this.set(difference, ofKind(minus(x, y), loose));
      },
      [`${field}fieldSubtractCarried`]: (out = 0, a = 0, b = 0) =>
        this.set(out, ofKind(minus(this.within(a, loose), this.within(b, loose)), carried)),
      [`${field}fieldInvert`]: (out = 0, a = 0, scratch = 0) => {
        // It needs 40 bytes and 160 more; what lies there is lost.
        if (scratch < SCRATCH + 15 * SIZE || scratch + 200 > SCRATCH + this.size) {
          throw new Unproved("no room for the inversion");
        }
        this.inverseOf = { of: this.within(a, carried), is: this.fresh() };
        return this.set(out, ofKind(this.inverseOf.is, carried));
      },
      [`${field}canonical`]: (out, a = 0) => {
        if (out !== OUT) throw new Unproved("the result goes elsewhere");
        this.result = this.within(a, carried);
        return [];
      },
    };
  }
  private half: number | undefined;

  private select(
    at: number | undefined,
    block: number,
    index: number,
    negate: number | undefined,
  ): Value[] {
    const place = (block - this.table) / (POINTS * POINT_BYTES);
    if (at !== SCRATCH || (place !== 0 && place !== 1)) throw new Unproved("no such block");
    if (index < 0 || index >= POINTS || (negate !== 0 && negate !== -1)) {
      throw new Unproved("no such point");
    }
    const [x, y] = [this.fresh(), this.fresh()];
    this.set(PLUS, ofKind(plus(y, x), carried));
    this.set(MINUS, ofKind(minus(y, x), carried));
    this.set(PRODUCT, ofKind(scale(multiply(x, y), 2n * d), loose));
    this.chosen = { x, y };
    this.multiple += (negate === 0 ? 1n : -1n) * multipleAt(place, index);
    return [];
  }

  /** At the end of each formula: E, F, G, H are what makes E F : G H : F G : E H the sum, or the double. */
  private checkFormula(at: number | undefined): undefined {
    if (at !== SCRATCH) throw new Unproved("another point");
    const [x, y, z, t] = [X, Y, Z, T].map((place) => this.get(place).value) as [
      Polynomial,
      Polynomial,
      Polynomial,
      Polynomial,
    ];
    equal(multiply(t, z), multiply(x, y), "T Z = X Y");
    const { chosen } = this;
    const value = (place: number) => this.get(place).value;
    if (chosen === undefined) {
      const [xx, yy] = [multiply(x, x), multiply(y, y)];
      equal(value(E), twice(multiply(x, y)), "E = 2 X Y");
      equal(value(H), plus(yy, xx), "H = Y² + X²");
      equal(value(G), minus(yy, xx), "G = Y² - X²");
      equal(value(F), minus(twice(multiply(z, z)), value(G)), "F = 2 Z² - G");
      this.multiple *= 2n;
    } else {
      const product = scale(multiply(t, multiply(chosen.x, chosen.y)), d);
      const across = plus(multiply(x, chosen.y), multiply(y, chosen.x));
      equal(value(E), twice(across), "E = 2 (X y + Y x)");
      const along = plus(multiply(y, chosen.y), multiply(x, chosen.x));
      equal(value(H), twice(along), "H = 2 (Y y + X x)");
      equal(value(G), twice(plus(z, product)), "G = 2 (Z + d T x y)");
      equal(value(F), twice(minus(z, product)), "F = 2 (Z - d T x y)");
      this.chosen = undefined;
    }
    // From here on they are what they are, whatever they were made of.
    for (const place of [E, F, G, H]) {
      this.elements.set(place, { value: this.fresh(), bounds: this.get(place).bounds });
    }
    return undefined;
  }

  run(): void {
    this.machine.call(`${room}x25519PublicKey`, [OUT, SCALAR].map(address));
    let scalar = 0n;
    for (let i = 0n; i < 256n; i++) {
      const isPlus = i === 255n || ((this.pattern >> Number(i / SPACING)) & 1) === 1;
      scalar += (isPlus ? 1n : -1n) << i;
    }
    if (this.multiple !== scalar) throw new Unproved("it is another multiple");
    const [y, z] = [Y, Z].map((at) => this.get(at).value) as [Polynomial, Polynomial];
    const { inverseOf, result } = this;
    if (inverseOf === undefined || result === undefined) throw new Unproved("there is no result");
    equal(inverseOf.of, minus(z, y), "the inverse of Z - Y");
    equal(result, multiply(inverseOf.is, plus(z, y)), "u = (Z + Y) / (Z - Y)");
    if (!this.isWiped) throw new Unproved("the scratch is not wiped");
  }
}

/** Where the module has the comb's table: the first point is y + x of `multipleAt(0, 0)`. */
function tableOf(module: WatModule): number {
  const [first] = points[0] ?? [];
  if (first === undefined) throw new Error("there are no points");
  const { x, y } = first;
  return new Machine(module).find(Fp.create(y + x), 32);
}

/** The points of both blocks. */
const points = [0, 1].map((block) =>
  Array.from({ length: POINTS }, (_, index) =>
    BASE.multiply(Fn.create(multipleAt(block, index))).toAffine(),
  ),
);

/**
 * With a = -1, (x, y) and (x', y') add up to ((x y' + y x') / (1 + d x x' y y'), (y y' + x x') / (1 - d x x' y y')):
 * E / G and H / F, as X = x Z and T = x y Z. Twice (x, y) is 2 x y / (y² - x²), (y² + x²) / (2 - y² + x²), which is the
 * same for points of the curve y² - x² = 1 + d x² y²: what the two differ by is a multiple of that.
 */
function checkDoubling(): void {
  const [x, y] = [variable(0), variable(1)];
  const [xx, yy] = [multiply(x, x), multiply(y, y)];
  const dxxyy = scale(multiply(xx, yy), d);
  const one = constant(1n);
  const curve = minus(plus(one, dxxyy), minus(yy, xx));
  const xy2 = twice(multiply(x, y));
  equal(
    minus(multiply(xy2, plus(one, dxxyy)), multiply(minus(yy, xx), xy2)),
    multiply(xy2, curve),
    "the first coordinate of the double",
  );
  const sum = plus(yy, xx);
  equal(
    minus(multiply(sum, minus(constant(2n), minus(yy, xx))), multiply(minus(one, dxxyy), sum)),
    multiply(sum, curve),
    "the second coordinate of the double",
  );
}

export const edwards25519Proofs: readonly Proof[] = [
  {
    function: `${room}x25519PublicKey`,
    determined: true,
    claim: "u = (1 + y) / (1 - y) of Σ ±2^i B, i < 256, by the digits; every element in its bounds",
    prove: (module) => {
      checkDoubling();
      const table = tableOf(module);
      for (let pattern = 0; pattern < 1 << TEETH; pattern++) new Comb(module, table, pattern).run();
      return ONE_RESULT;
    },
  },
  {
    function: `${room}select`,
    determined: true,
    comparesConstants: true,
    claim: "the point that the place and the sign say, for all 32; in the bounds that sums take",
    prove: (module) => {
      const table = tableOf(module);
      for (const [block, places] of points.entries()) {
        for (const [index, { x: abscissa, y }] of places.entries()) {
          for (const negate of [0, -1]) {
            const x = negate === 0 ? abscissa : -abscissa;
            const machine = new Machine(module);
            machine.maximalSteps = 4000;
            const from = table + block * POINTS * POINT_BYTES;
            machine.call(`${room}select`, [SCRATCH, from, index, negate].map(address));
            const expected = [
              [PLUS, y + x, carried],
              [MINUS, y - x, carried],
              [PRODUCT, 2n * d * x * y, loose],
            ] as const;
            for (const [at, value, kind] of expected) {
              assertLimbs(machine, at, LIMBS, kind);
              const found = integer(machine, at, LIMBS, (i) => Math.ceil(25.5 * i));
              equal(found, constant(Fp.create(value)), `the element at ${at - SCRATCH}`);
            }
          }
        }
      }
      return ONE_RESULT;
    },
  },
  {
    function: `${room}digitsOf`,
    determined: true,
    claim: "half = (k + order - 1) / 2, of the clamped scalar k (RFC 7748 §5)",
    prove: (module) => {
      const machine = new Machine(module);
      machine.asksSolver = false;
      machine.maximalSteps = 1000;
      const bytes = machine.inputBytes(SCALAR, 32);
      machine.call(`${room}digitsOf`, [OUT, SCALAR].map(address));
      const clamped = new Map(
        [...bytes].filter(([, weight]) => weight >= 8n && weight < 1n << 254n),
      );
      const sum = plus(clamped, constant((1n << 254n) + order - 1n));
      const half = integer(machine, OUT, 8, (i) => 32 * i);
      // k + order - 1 is even: what is lost by halving is its lowest bit, which is 0.
      assertEqual(twice(half), sum, "2 half = k + order - 1");
      assertLimbs(machine, OUT, 8, () => [0n, 2n ** 32n - 1n]);
      return ONE_RESULT;
    },
  },
];
