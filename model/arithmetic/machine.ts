/**
 * Runs a compiled function on all inputs at once. A value is an integer: a polynomial in the inputs and in
 * one variable for each carry, and the interval that it lies in. An operation that could leave the width of
 * its type is an error (`Unproved`), unless the code takes it modulo 2^32 on purpose (`i32.wrap_i64`,
 * `i32.shl`). Addresses, loop counters and conditions are numbers; a sign (`shr_s` by all bits but one) is
 * taken both ways.
 */

import { plantardLemma } from "./plantard.js";
import {
  addScaled,
  constant,
  divideExactly,
  keyOf,
  multiply,
  type Polynomial,
  scale,
  variable,
} from "./polynomial.js";
import { assertWithin } from "./solver.js";
import { Unproved } from "./unproved.js";
import type { Instruction, WatFunction, WatModule } from "./wat.js";

export interface Value {
  poly: Polynomial;
  lo: bigint;
  hi: bigint;
  /** What it is the exclusive or of, where that is all that is known. */
  xorOf?: readonly [Value, Value];
  /** A product modulo 2^32 on its way to be a Plantard multiplication: its factor, and what was done since. */
  pending?: { of: Value; steps: readonly bigint[] };
}

const number = (value: bigint): Value => ({ poly: constant(value), lo: value, hi: value });
const isNumber = (value: Value) => value.lo === value.hi;
const least = (values: bigint[]) => values.toSorted((a, b) => (a < b ? -1 : 1))[0] as bigint;
const most = (values: bigint[]) => -least(values.map((value) => -value));

/** Stands for a function that has a proof of its own: gives its results, or undefined for it to be run. */
export type Lemma = (args: readonly Value[]) => Value[] | undefined;

/** How long a run may be, the transforms' included, and how large a product: mutated loops need not end. */
const MAXIMAL_STEPS = 20_000;
const MAXIMAL_TRANSFORM_STEPS = 400_000;
const MAXIMAL_TERMS = 20_000;

export class Machine {
  private readonly memory = new Map<number, Value>();
  private readonly halves = new Map<number, Value>();
  /** Bits of input bytes, by address of the byte. */
  private readonly bytes = new Map<number, Polynomial>();
  private readonly bounds: { lo: bigint; hi: bigint }[] = [];
  private readonly carries = new Map<string, Polynomial>();
  /** Results of masks, in the order in which they were taken. */
  readonly masked: Value[] = [];
  /** For each sign that was met: whether this run takes it as negative. */
  private signs = 0;
  private readonly signOf = new Map<string, { of: Polynomial; negative: boolean }>();
  private readonly divisions: { of: Polynomial; bits: bigint; quotient: Polynomial }[] = [];
  private steps = 0;
  private readonly dataEnd: number;
  /** A run that is longer is refused. */
  maximalSteps: number;
  /** Whether what the intervals do not show may be asked of the solver. */
  asksSolver = true;
  /** What is done instead of a call, by the function's name. */
  readonly lemmas = new Map<string, Lemma>();

  constructor(
    private readonly module: WatModule,
    private readonly decisions: readonly boolean[] = [],
    /** Where what is computed counts modulo this number only: ML-KEM's products wrap on purpose. */
    private readonly modulus?: bigint,
    /** Whether sums and products of 32 bits may wrap. */
    private readonly wraps = false,
  ) {
    this.dataEnd = module.dataEnd;
    this.maximalSteps = modulus === undefined ? MAXIMAL_STEPS : MAXIMAL_TRANSFORM_STEPS;
  }

  /** How many signs the run has met. */
  get signsMet(): number {
    return this.signs;
  }

  /** Intervals of variables, what each carry is the quotient of, and the signs that this run takes. */
  knowledge() {
    return { bounds: this.bounds, divisions: this.divisions, signs: [...this.signOf.values()] };
  }

  /** A new variable in [lo, hi]. */
  input(lo: bigint, hi: bigint): Value {
    this.bounds.push({ lo, hi });
    return { poly: variable(this.bounds.length - 1), lo, hi };
  }

  /** `length` bytes of input at `address`, each bit a variable; returns their integer, least significant first. */
  inputBytes(address: number, length: number): Polynomial {
    let all: Polynomial = constant(0n);
    for (let i = 0; i < length; i++) {
      let byte: Polynomial = constant(0n);
      for (let bit = 0; bit < 8; bit++) {
        byte = addScaled(byte, this.input(0n, 1n).poly, 1n << BigInt(bit));
      }
      this.bytes.set(address + i, byte);
      all = addScaled(all, byte, 1n << BigInt(8 * i));
    }
    return all;
  }

  setHalf(address: number, value: Value): void {
    this.halves.set(address, value);
  }

  half(address: number): Value {
    const value = this.halves.get(address);
    if (value === undefined) throw new Unproved(`nothing was stored at ${address}`);
    return value;
  }

  setWord(address: number, value: Value): void {
    this.memory.set(address, value);
  }

  word(address: number): Value {
    const value = this.memory.get(address);
    if (value === undefined) throw new Unproved(`nothing was stored at ${address}`);
    return value;
  }

  /** Where the module's constants have a number, little-endian. */
  find(value: bigint, length: number): number {
    // A copy, as to look for something is not to read it.
    const data = new Map([...this.module.data]);
    for (const start of data.keys()) {
      let i = 0;
      while (
        i < length &&
        (data.get(start + i) ?? 0) === Number((value >> BigInt(8 * i)) & 0xffn)
      ) {
        i++;
      }
      if (i === length) return start;
    }
    throw new Unproved("the module has no such constant");
  }

  /** Where a polynomial lies, by its variables' intervals. */
  range(poly: Polynomial): { lo: bigint; hi: bigint } {
    let lo = 0n;
    let hi = 0n;
    for (const [monomial, coefficient] of poly) {
      let low = coefficient;
      let high = coefficient;
      for (const name of monomial === "" ? [] : monomial.split(",")) {
        const bound = this.bounds[Number(name)];
        if (bound === undefined) throw new Unproved(`no variable ${name}`);
        const corners = [low * bound.lo, low * bound.hi, high * bound.lo, high * bound.hi];
        low = least(corners);
        high = most(corners);
      }
      lo += low;
      hi += high;
    }
    return { lo, hi };
  }

  /**
   * floor(z / 2^k). What 2^k divides comes out exactly; the rest is a variable of its own, the same one
   * whenever the same rest is divided by the same power.
   */
  private carry(z: Value, k: bigint): Value {
    const power = 1n << k;
    const lo = z.lo >> k;
    const hi = z.hi >> k;
    if (lo === hi) return number(lo);
    let whole = new Map<string, bigint>();
    let rest = new Map<string, bigint>();
    for (const [monomial, coefficient] of z.poly) {
      (coefficient % power === 0n ? whole : rest).set(monomial, coefficient);
    }
    // A common power of two of the rest's coefficients is no part of the division.
    let shift = 0n;
    while (shift < k && [...rest.values()].every((c) => c % (1n << (shift + 1n)) === 0n))
      shift += 1n;
    if (shift > 0n) rest = new Map(divideExactly(rest, 1n << shift));
    const left = k - shift;
    whole = new Map(divideExactly(whole, power));
    if (rest.size === 0) return { poly: whole, lo, hi };
    const range = this.range(rest);
    const key = `${left}:${keyOf(rest)}`;
    let name = this.carries.get(key);
    if (name === undefined) {
      const low = range.lo >> left;
      const high = range.hi >> left;
      name = low === high ? constant(low) : this.input(low, high).poly;
      this.carries.set(key, name);
      this.divisions.push({ of: rest, bits: left, quotient: name });
    }
    return { poly: addScaled(whole, name, 1n), lo, hi };
  }

  /** z mod 2^k, in [0, 2^k). */
  private low(z: Value, k: bigint): Value {
    const power = 1n << k;
    if (z.lo >= 0n && z.hi < power) return z;
    const poly = addScaled(z.poly, this.carry(z, k).poly, -power);
    const known = poly.size === 0 ? 0n : poly.size === 1 ? poly.get("") : undefined;
    return known === undefined ? { poly, lo: 0n, hi: power - 1n } : number(known);
  }

  private fits(width: bigint, z: Value, what: string): Value {
    const signed = z.lo >= -(1n << (width - 1n)) && z.hi < 1n << (width - 1n);
    const unsigned = z.lo >= 0n && z.hi < 1n << width;
    if (!signed && !unsigned) {
      if (this.wraps && width === 32n) return this.wrapped(z);
      throw new Unproved(`${what} may overflow: [${z.lo}, ${z.hi}] in ${width} bits`);
    }
    return z;
  }

  private signed(width: bigint, z: Value, what: string): Value {
    const half = 1n << (width - 1n);
    if (z.lo >= -half && z.hi < half) return z;
    if (z.lo >= half && z.hi < 2n * half) {
      return {
        poly: addScaled(z.poly, constant(2n * half), -1n),
        lo: z.lo - 2n * half,
        hi: z.hi - 2n * half,
      };
    }
    throw new Unproved(`${what} is taken as signed, and is in [${z.lo}, ${z.hi}]`);
  }

  private unsigned(width: bigint, z: Value, what: string): Value {
    const full = 1n << width;
    if (z.lo >= 0n && z.hi < full) return z;
    if (z.hi < 0n && z.lo >= -full) {
      return { poly: addScaled(z.poly, constant(full), 1n), lo: z.lo + full, hi: z.hi + full };
    }
    throw new Unproved(`${what} is taken as unsigned, and is in [${z.lo}, ${z.hi}]`);
  }

  private product(a: Value, b: Value): Value {
    if (a.poly.size * b.poly.size > MAXIMAL_TERMS)
      throw new Unproved("a product of too many terms");
    const corners = [a.lo * b.lo, a.lo * b.hi, a.hi * b.lo, a.hi * b.hi];
    return { poly: multiply(a.poly, b.poly), lo: least(corners), hi: most(corners) };
  }

  private sum(a: Value, b: Value, factor: 1n | -1n): Value {
    const [lo, hi] = factor === 1n ? [a.lo + b.lo, a.hi + b.hi] : [a.lo - b.hi, a.hi - b.lo];
    const poly = addScaled(a.poly, b.poly, factor);
    // What cancels out is no part of the interval either: that counts where sums may wrap.
    const range = this.wraps ? this.range(poly) : { lo, hi };
    return { poly, lo: most([lo, range.lo]), hi: least([hi, range.hi]) };
  }

  private same(a: Value, b: Value): boolean {
    return a === b || keyOf(a.poly) === keyOf(b.poly);
  }

  private and(width: bigint, x: Value, y: Value, what: string): Value {
    const [mask, z] = isNumber(x) ? [x, y] : [y, x];
    if (!isNumber(mask)) throw new Unproved(`${what} of two unknown values`);
    const bits = BigInt.asUintN(Number(width), mask.lo);
    if (bits === 0n) return number(0n);
    if (bits === (1n << width) - 1n) return z;
    if (isNumber(z)) return number(BigInt.asUintN(Number(width), z.lo) & bits);
    if ((bits & (bits + 1n)) === 0n) {
      const k = BigInt(bits.toString(2).length);
      const result = this.low(z, k);
      this.masked.push(result);
      return result;
    }
    const known = this.bitsOf(z);
    if (known !== undefined) {
      return this.fromBits([...known].filter(([place]) => ((bits >> BigInt(place)) & 1n) === 1n));
    }
    // Of any other mask only the bound is known.
    return this.input(0n, bits);
  }

  private xor(x: Value, y: Value): Value {
    if (isNumber(x) && isNumber(y)) return number(x.lo ^ y.lo);
    for (const [a, b] of [
      [x, y],
      [y, x],
    ] as const) {
      if (isNumber(a) && a.lo === 0n) return b;
      if (isNumber(a) && a.lo === -1n) return this.sum(number(-1n), b, -1n);
      if (b.xorOf !== undefined) {
        if (this.same(b.xorOf[0], a)) return b.xorOf[1];
        if (this.same(b.xorOf[1], a)) return b.xorOf[0];
      }
    }
    const limit = 1n << BigInt(most([x.hi, y.hi, -x.lo, -y.lo]).toString(2).length);
    const negative = x.lo < 0n || y.lo < 0n;
    return { ...this.input(negative ? -limit : 0n, limit - 1n), xorOf: [x, y] };
  }

  /** Of values with no bits in common: one is below 2^k, and 2^k divides the other. */
  private or(x: Value, y: Value, what: string): Value {
    const pairs = [
      [x, y],
      [y, x],
    ] as const;
    for (const [a, b] of pairs) if (isNumber(a) && a.lo === 0n) return b;
    if (isNumber(x) && isNumber(y)) return number(x.lo | y.lo);
    const [first, second] = [this.bitsOf(x), this.bitsOf(y)];
    if (first && second && ![...first.keys()].some((place) => second.has(place))) {
      return this.sum(x, y, 1n);
    }
    for (const [a, b] of pairs) {
      const bits = isNumber(a) && a.lo > 0n ? this.bitsOf(b) : undefined;
      if (bits === undefined) continue;
      const others = [...bits].filter(([place]) => ((a.lo >> BigInt(place)) & 1n) === 0n);
      return this.sum(a, this.fromBits(others), 1n);
    }
    if (x.lo >= 0n && y.lo >= 0n) {
      const powerIn = ({ poly }: Value) => {
        let power = 1n;
        if (poly.size === 0) return power;
        while ([...poly.values()].every((coefficient) => coefficient % (2n * power) === 0n))
          power *= 2n;
        return power;
      };
      const apart = pairs
        .map(([a, b]) => ({ a, b, power: powerIn(b) }))
        .filter(({ power }) => power > 1n);
      const shown = apart.find(({ a, power }) => a.hi < power);
      const [{ a, b, power } = { a: x, b: y, power: 1n }] = shown ? [shown] : apart;
      if (power > 1n) {
        // What the intervals do not show, the solver may see from how the values hang together.
        if (a.hi >= power && !this.asksSolver) throw new Unproved(`${what} of bits in common`);
        if (a.hi >= power) assertWithin(this, a.poly, 0n, power - 1n, `${what} of bits in common`);
        return this.sum(
          { ...a, hi: a.hi < power ? a.hi : power - 1n },
          { ...b, hi: b.hi - (b.hi % power) },
          1n,
        );
      }
    }
    throw new Unproved(`${what} of values that may have bits in common`);
  }

  private signOfValue(z: Value): Value {
    if (z.hi < 0n) return number(-1n);
    if (z.lo >= 0n) return number(0n);
    const key = keyOf(z.poly);
    let sign = this.signOf.get(key);
    if (sign === undefined) {
      sign = { of: z.poly, negative: this.decisions[this.signs++] ?? false };
      this.signOf.set(key, sign);
    }
    return number(sign.negative ? -1n : 0n);
  }

  private operate(op: string, x: Value, y: Value, what: string): Value {
    const width = op.startsWith("i64") ? 64n : 32n;
    const shift = () => {
      if (!isNumber(y)) throw new Unproved(`${what} by an unknown number of bits`);
      return BigInt.asUintN(64, y.lo) % width;
    };
    if (this.modulus !== undefined) {
      const result = this.plantard(op, x, y, this.modulus);
      if (result !== undefined) return result;
    }
    switch (op.slice(4)) {
      case "add":
        return this.fits(width, this.sum(x, y, 1n), what);
      case "sub":
        return this.fits(width, this.sum(x, y, -1n), what);
      case "mul":
        return this.fits(width, this.product(x, y), what);
      case "shl": {
        const k = shift();
        const z = { poly: scale(x.poly, 1n << k), lo: x.lo << k, hi: x.hi << k };
        if (width === 64n || (z.lo >= -(1n << 31n) && z.hi < 1n << 31n))
          return this.fits(width, z, what);
        return this.low(z, width);
      }
      case "shr_s": {
        const z = this.signed(width, x, what);
        const k = shift();
        return k === width - 1n ? this.signOfValue(z) : this.carry(z, k);
      }
      case "shr_u":
        return this.carry(this.unsigned(width, x, what), shift());
      case "and":
        return this.and(width, x, y, what);
      case "or":
        return this.or(x, y, what);
      case "xor":
        return this.xor(x, y);
      case "rotl":
        return this.rotate(x, shift(), what);
      case "rotr":
        return this.rotate(x, 32n - shift(), what);
      default:
        return this.compare(op.slice(4), width, x, y, what);
    }
  }

  /**
   * ((((x factor mod 2^32) >> s) + k) m) >> t, step by step: with the last one it is b x modulo the modulus,
   * by a lemma that all x were tried for.
   */
  private plantard(op: string, x: Value, y: Value, modulus: bigint): Value | undefined {
    const [a, c] = isNumber(x) ? [y, x] : [x, y];
    if (!isNumber(c)) return undefined;
    if (a.pending === undefined) {
      if (op !== "i32.mul" || (c.lo < 1n << 16n && c.lo > -(1n << 16n))) return undefined;
      return {
        poly: a.poly,
        lo: -(1n << 31n),
        hi: (1n << 31n) - 1n,
        pending: { of: a, steps: [c.lo] },
      };
    }
    const { of, steps } = a.pending;
    const order = ["i32.mul", "i32.shr_s", "i32.add", "i32.mul", "i32.shr_s"];
    if (op !== order[steps.length]) throw new Unproved(`${op} in the middle of a reduction`);
    if (steps.length < 4) return { ...a, pending: { of, steps: [...steps, c.lo] } };
    const { factor, lo, hi } = plantardLemma([...steps, c.lo], of, modulus);
    const poly = new Map<string, bigint>();
    for (const [monomial, coefficient] of of.poly) {
      const product = (coefficient * factor) % modulus;
      if (product !== 0n) poly.set(monomial, product);
    }
    return { poly, lo, hi };
  }

  private compare(op: string, width: bigint, x: Value, y: Value, what: string): Value {
    if (!isNumber(x) || !isNumber(y)) throw new Unproved(`${what} of unknown values`);
    const bits = Number(width);
    const [a, b] = op.endsWith("_s")
      ? [BigInt.asIntN(bits, x.lo), BigInt.asIntN(bits, y.lo)]
      : [BigInt.asUintN(bits, x.lo), BigInt.asUintN(bits, y.lo)];
    const results: Record<string, boolean> = {
      eq: a === b,
      ne: a !== b,
      lt_u: a < b,
      lt_s: a < b,
      gt_u: a > b,
      gt_s: a > b,
      le_u: a <= b,
      le_s: a <= b,
      ge_u: a >= b,
      ge_s: a >= b,
    };
    const result = results[op];
    if (result === undefined) throw new Unproved(`${what} is not understood`);
    return number(result ? 1n : 0n);
  }

  private load(address: number, bytes: number, what: string): Value {
    const stored = this.memory.get(address);
    if (stored !== undefined && bytes === 4) return stored;
    let poly: Polynomial = constant(0n);
    for (let i = 0; i < bytes; i++) {
      const byte = this.bytes.get(address + i) ?? this.constantAt(address + i);
      if (byte === undefined) throw new Unproved(`${what} reads ${address + i}, where nothing is`);
      poly = addScaled(poly, byte, 1n << BigInt(8 * i));
    }
    return { poly, ...this.range(poly) };
  }

  /** Memory is zero where no data segment set it, as behind the zeros that end a constant. */
  private constantAt(address: number): Polynomial | undefined {
    const known = this.module.data.get(address) ?? (address < this.dataEnd ? 0 : undefined);
    return known === undefined ? undefined : constant(BigInt(known));
  }

  /** Runs a function; arguments are addresses or other values. */
  call(name: string, args: readonly Value[]): Value[] {
    const f = this.module.functions.get(name);
    if (f === undefined) throw new Unproved(`the module has no function ${name}`);
    const locals = [...args, ...Array.from({ length: f.locals }, () => number(0n))];
    const stack: Value[] = [];
    this.run(f, 0, f.body.length, locals, stack);
    return stack;
  }

  /**
   * Runs the body of a function's first loop once, from any state of its locals.
   *
   * @returns its locals then, where the loop goes on
   */
  iterate(name: string, locals: readonly Value[]): Value[] {
    const f = this.module.functions.get(name);
    const start = f?.body.findIndex(({ op }) => op === "loop") ?? -1;
    const loop = f?.body[start];
    if (f === undefined || loop?.end === undefined) throw new Unproved(`${name} has no loop`);
    const after = [...locals];
    const target = this.run(f, start + 1, loop.end, after, []);
    if (target !== loop.args[0]) throw new Unproved("the loop does not go on");
    return after;
  }

  /** Runs instructions `from` … `to`; returns the label that a branch goes to, or `return`. */
  private run(
    f: WatFunction,
    from: number,
    to: number,
    locals: Value[],
    stack: Value[],
  ): string | undefined {
    for (let at = from; at < to; at++) {
      const instruction = f.body[at] as Instruction;
      if (++this.steps > this.maximalSteps)
        throw new Unproved(`line ${instruction.line}: too long`);
      const { op, args, end, otherwise } = instruction;
      if (op === "block" || op === "loop" || op === "if") {
        const label = args.find((arg) => arg.startsWith("$")) ?? "";
        const close = end as number;
        let start = at + 1;
        let stop = otherwise ?? close;
        if (op === "if" && this.pop(stack, instruction) === 0n) {
          start = otherwise === undefined ? close : otherwise + 1;
          stop = close;
        }
        let target = this.run(f, start, stop, locals, stack);
        while (target === label && op === "loop") target = this.run(f, start, stop, locals, stack);
        if (target !== undefined && target !== label) return target;
        at = close;
      } else if (op === "br") {
        return args[0];
      } else if (op === "br_if") {
        if (this.pop(stack, instruction) !== 0n) return args[0];
      } else if (op === "return") {
        return "return";
      } else if (op !== "end" && op !== "else") {
        this.step(instruction, locals, stack);
      }
    }
    return undefined;
  }

  /** A condition or an address: a number. */
  private pop(stack: Value[], { op, line }: Instruction): bigint {
    const value = stack.pop();
    if (value === undefined || !isNumber(value)) {
      throw new Unproved(`line ${line}: ${op} by an unknown value`);
    }
    return value.lo;
  }

  private step(instruction: Instruction, locals: Value[], stack: Value[]): void {
    const { op, args, line } = instruction;
    const what = `line ${line}: ${op}`;
    const pop = () => {
      const value = stack.pop();
      if (value === undefined) throw new Unproved(`${what} has no operand`);
      return value;
    };
    const index = Number((args[0] ?? "").replace("$", ""));
    const offset = Number(/offset=(\d+)/.exec(args.join(" "))?.[1] ?? 0);
    const address = () => Number(BigInt.asUintN(32, this.pop(stack, instruction))) + offset;
    switch (op) {
      case "local.get":
        stack.push(locals[index] as Value);
        return;
      case "local.set":
        locals[index] = pop();
        return;
      case "local.tee":
        locals[index] = stack.at(-1) as Value;
        return;
      case "drop":
        pop();
        return;
      case "nip": {
        // No instruction of WebAssembly: mutations use it to drop the first of two operands.
        const top = pop();
        pop();
        stack.push(top);
        return;
      }
      case "i32.const":
      case "i64.const":
        stack.push(number(BigInt(args[0] as string)));
        return;
      case "i32.load":
        stack.push(this.load(address(), 4, what));
        return;
      case "i32.load16_s":
        stack.push(this.signed(16n, this.half(address()), what));
        return;
      case "i32.store16": {
        const value = this.signed(16n, pop(), what);
        this.halves.set(address(), value);
        return;
      }
      case "i64.load":
        stack.push(this.load(address(), 8, what));
        return;
      case "i32.load8_u":
        stack.push(this.load(address(), 1, what));
        return;
      case "i64.load32_s":
        stack.push(this.signed(32n, this.load(address(), 4, what), what));
        return;
      case "i64.load32_u":
        stack.push(this.unsigned(32n, this.load(address(), 4, what), what));
        return;
      case "i32.store": {
        const value = this.fits(32n, pop(), what);
        this.memory.set(address(), value);
        return;
      }
      case "i32.store8": {
        const value = pop();
        this.bytes.set(address(), this.low(value, 8n).poly);
        return;
      }
      case "i64.store": {
        const value = pop();
        if (!isNumber(value)) throw new Unproved(`${what} of an unknown value`);
        const at = address();
        for (let i = 0; i < 8; i++) {
          this.bytes.set(at + i, constant((value.lo >> BigInt(8 * i)) & 0xffn));
        }
        return;
      }
      case "memory.fill": {
        const length = address();
        const value = this.pop(stack, instruction);
        const at = address();
        if (value !== 0n || length % 4 !== 0) throw new Unproved(`${what} with ${value}`);
        for (let i = 0; i < length; i += 4) this.memory.set(at + i, number(0n));
        return;
      }
      case "memory.copy": {
        const length = address();
        const from = address();
        const to = address();
        for (let i = 0; i < length; i++) {
          const byte = this.bytes.get(from + i);
          if (byte === undefined) throw new Unproved(`${what} from ${from + i}, where nothing is`);
          this.bytes.set(to + i, byte);
        }
        return;
      }
      case "i64.store32": {
        const value = pop();
        this.memory.set(address(), this.wrap(value));
        return;
      }
      case "i32.wrap_i64":
        stack.push(this.wrap(pop()));
        return;
      case "i64.extend_i32_u":
        stack.push(this.unsigned(32n, pop(), what));
        return;
      case "i64.extend_i32_s":
        stack.push(this.signed(32n, pop(), what));
        return;
      case "i32.eqz":
      case "i64.eqz":
        stack.push(this.compare("eq", 64n, pop(), number(0n), what));
        return;
      case "select": {
        const condition = this.pop(stack, instruction);
        const no = pop();
        const yes = pop();
        stack.push(condition !== 0n ? yes : no);
        return;
      }
      case "call": {
        const callee = this.module.functions.get(args[0] ?? "");
        const taken = stack.splice(stack.length - (callee?.params ?? 0));
        const lemma = this.lemmas.get(args[0] ?? "");
        stack.push(...(lemma?.(taken) ?? this.call(args[0] ?? "", taken)));
        return;
      }
      default: {
        const y = pop();
        const x = pop();
        stack.push(this.operate(op, x, y, what));
      }
    }
  }

  /**
   * The variables that are bits of a value, by their place; undefined where it is not made of bits of input alone.
   */
  private bitsOf(z: Value): Map<number, Polynomial> | undefined {
    const bits = new Map<number, Polynomial>();
    for (const [monomial, coefficient] of z.poly) {
      const bound = monomial.includes(",") ? undefined : this.bounds[Number(monomial)];
      const place = coefficient > 0n ? coefficient.toString(2).length - 1 : -1;
      const isBit = bound?.lo === 0n && bound.hi === 1n && coefficient === 1n << BigInt(place);
      if (monomial === "" || !isBit || bits.has(place)) return undefined;
      bits.set(place, variable(Number(monomial)));
    }
    return bits;
  }

  private fromBits(bits: Iterable<readonly [number, Polynomial]>): Value {
    let poly: Polynomial = constant(0n);
    for (const [place, bit] of bits) poly = addScaled(poly, bit, 1n << BigInt(place));
    return { poly, ...this.range(poly) };
  }

  private rotate(z: Value, by: bigint, what: string): Value {
    const bits = this.bitsOf(z);
    if (bits === undefined) throw new Unproved(`${what} of what is not made of bits of input`);
    return this.fromBits([...bits].map(([place, bit]) => [(place + Number(by)) % 32, bit]));
  }

  /** A signed number of 32 bits that is a sum or product modulo 2^32: for code that wraps on purpose. */
  private wrapped(z: Value): Value {
    const half = 1n << 31n;
    const { poly } = this.carry(
      { poly: addScaled(z.poly, constant(half), 1n), lo: z.lo + half, hi: z.hi + half },
      32n,
    );
    return { poly: addScaled(z.poly, poly, -(1n << 32n)), lo: -half, hi: half - 1n };
  }

  /** The low 32 bits, as the signed number where it is one already. */
  private wrap(z: Value): Value {
    if (z.lo >= -(1n << 31n) && z.hi < 1n << 31n) return z;
    return this.low(z, 32n);
  }
}

/**
 * Runs `prove` for both signs of each value whose sign the code asks for.
 *
 * @param prove gets a machine, runs code on it, and throws what is not proved
 * @returns how many ways there were
 */
export function provedForAllSigns(
  module: WatModule,
  prove: (machine: Machine) => void,
  modulus?: bigint,
  wraps = false,
): number {
  let ways = 0;
  const todo: boolean[][] = [[]];
  for (let decisions = todo.pop(); decisions !== undefined; decisions = todo.pop()) {
    const machine = new Machine(module, decisions, modulus, wraps);
    prove(machine);
    ways += 1;
    if (ways > 64) throw new Unproved("too many signs");
    for (let met = decisions.length; met < machine.signsMet; met++) {
      const other = Array.from({ length: met + 1 }, (_, at) => decisions[at] ?? false);
      other[met] = true;
      todo.push(other);
    }
  }
  return ways;
}
