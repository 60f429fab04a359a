// Bitwise work on 64 bits in translated WebAssembly: all of it on the lower halves, then on the upper ones.
// @ts-check

// Lines as wasm2c writes them, one operation each. Of its stack, w2c_i… are of 32 bits and w2c_j… of 64; a
// local variable or parameter has the width of what it is assigned to, or from.
const MOVE = /^\s*(?<to>w2c_[a-z]+\d+) = (?<from>w2c_[a-z]+\d+);$/;
const CONSTANT = /^\s*(?<to>w2c_j\d+) = (?<value>\d+)ull;$/;
const COMBINATION =
  /^\s*(?<to>w2c_j\d+) (?<operator>[&|^]|<<|>>)= (?:(?<from>w2c_j\d+)|\((?<count>w2c_j\d+) & 63\));$/;
const SWAP = /^\s*(?<to>w2c_j\d+) = bytes_of_pairs_swapped\((?<from>w2c_[a-z]+\d+)\);$/;
const LOAD = /^\s*(?<to>w2c_j\d+) = i64_load\((?<address>w2c_i\d+), (?<offset>\d+)u\);$/;
const REACH = /^\s*reach\(w2c_i\d+, \d+u\);$/;

/** What follows a value x at the top of the stack in `(x >> 8) & 0x00ff00ff00ff00ff | (x << 8) & 0xff00ff00ff00ff00`. */
const PAIRS = [
  String.raw`(?<count>w2c_j\d+) = 8ull;`,
  String.raw`\k<top> >>= \(\k<count> & 63\);`,
  String.raw`\k<count> = 71777214294589695ull;`,
  String.raw`\k<top> &= \k<count>;`,
  String.raw`\k<count> = \k<x>;`,
  String.raw`(?<second>w2c_j\d+) = 8ull;`,
  String.raw`\k<count> <<= \(\k<second> & 63\);`,
  String.raw`\k<second> = 18374966859414961920ull;`,
  String.raw`\k<count> &= \k<second>;`,
  String.raw`\k<top> \|= \k<count>;`,
].join(String.raw`\n\s*`);
const PAIRS_READ = new RegExp(
  String.raw`(?<top>w2c_j\d+) = (?<x>w2c_[a-z]+\d+);\n\s*${PAIRS}`,
  "g",
);
const PAIRS_KEPT = new RegExp(
  String.raw`(?<x>w2c_[a-z]+\d+) = (?<top>w2c_j\d+);\n\s*${PAIRS}`,
  "g",
);

/** Runs with fewer operations stay as they are. */
const WORTH = 6;

const ALL = 2n ** 64n - 1n;
const LOWER = 2n ** 32n - 1n;

/**
 * What is known of a variable: the bits that may be one, and those that its halves, each shifted by itself, may have
 * wrong. `constant` is its value, where that is known.
 *
 * @typedef {{ones: bigint, wrong: bigint, constant?: bigint}} Known
 */

/**
 * What is known after `operator`, or undefined where the halves cannot be worked on one after the other.
 *
 * @param {string} operator
 * @param {Known} x
 * @param {Known} y
 * @returns {Known | undefined}
 */
function combined(operator, x, y) {
  if (operator === "&") {
    const ones = x.ones & y.ones;
    return { ones, wrong: (x.wrong | y.wrong) & ones };
  }
  if (operator === "|" || operator === "^") {
    return { ones: x.ones | y.ones, wrong: x.wrong | y.wrong };
  }
  const count = y.constant;
  if (count === undefined || count < 1n || count > 31n) return undefined;
  // Bits that would pass from one half to the other do not.
  if (operator === "<<") {
    const passing = ((x.ones & LOWER) << count) & ~LOWER;
    return { ones: (x.ones << count) & ALL, wrong: passing | ((x.wrong << count) & ALL) };
  }
  const passing = ((x.ones & ~LOWER) >> count) & LOWER;
  return { ones: x.ones >> count, wrong: passing | (x.wrong >> count) };
}

/** A run of lines, as it is read. */
class Run {
  /** @type {Map<string, Known>} */
  #known = new Map();
  /** Variables whose value before the run is used in it. @type {Set<string>} */
  before = new Set();
  /** @type {Set<string>} */
  written = new Set();
  operations = 0;

  /** Whether both halves of all variables are right. */
  get right() {
    return [...this.#known.values()].every(({ wrong }) => wrong === 0n);
  }

  /** @param {string} name */
  #read(name) {
    if (!this.written.has(name)) this.before.add(name);
    return this.#known.get(name) ?? { ones: ALL, wrong: 0n };
  }

  /**
   * @param {string} name
   * @param {Known} value
   */
  #write(name, value) {
    this.written.add(name);
    this.#known.set(name, value);
  }

  /**
   * Adds a line, unless it cannot be done half by half.
   *
   * @param {string} line
   * @returns {((upper: boolean) => string) | undefined} the line for one of the halves
   */
  add(line) {
    if (REACH.test(line)) return () => line;
    const { to = "", from = "" } = MOVE.exec(line)?.groups ?? {};
    if (to.startsWith("w2c_i")) return /^w2c_[ij]/.test(from) ? undefined : () => line;
    if (to.startsWith("w2c_j") || from.startsWith("w2c_j")) {
      this.#write(to, this.#read(from));
      return () => `${to}_half = ${from}_half;`;
    }
    return this.#constant(line) ?? this.#combination(line) ?? this.#swap(line) ?? this.#load(line);
  }

  /** @param {string} line */
  #constant(line) {
    const { to = "", value } = CONSTANT.exec(line)?.groups ?? {};
    if (value === undefined) return undefined;
    const constant = BigInt(value);
    this.#write(to, { ones: constant, wrong: 0n, constant });
    return (/** @type {boolean} */ upper) =>
      `${to}_half = ${upper ? constant >> 32n : constant & LOWER}u;`;
  }

  /** @param {string} line */
  #combination(line) {
    const { to = "", operator = "", from, count } = COMBINATION.exec(line)?.groups ?? {};
    const name = from ?? count;
    if (name === undefined) return undefined;
    const other = this.#read(name);
    const result = combined(operator, this.#read(to), other);
    if (!result) return undefined;
    this.#write(to, result);
    this.operations++;
    const operand = count === undefined ? `${from}_half` : `${other.constant}u`;
    return () => `${to}_half ${operator}= ${operand};`;
  }

  /** @param {string} line */
  #swap(line) {
    const { to = "", from = "" } = SWAP.exec(line)?.groups ?? {};
    if (!to || this.#read(from).wrong !== 0n) return undefined;
    this.#write(to, { ones: ALL, wrong: 0n });
    this.operations += 5;
    return () => `${to}_half = bytes_of_pairs_swapped_32(${from}_half);`;
  }

  /** @param {string} line */
  #load(line) {
    const { to = "", address, offset } = LOAD.exec(line)?.groups ?? {};
    if (!to) return undefined;
    this.#write(to, { ones: ALL, wrong: 0n });
    return (/** @type {boolean} */ upper) =>
      `${to}_half = i32_load(${address}, ${Number(offset) + (upper ? 4 : 0)}u);`;
  }
}

/**
 * The longest run of lines from `first` on that can be done half by half, and what it becomes, if that is worth it.
 *
 * @param {string[]} lines
 * @param {number} first
 * @returns {{length: number, text?: string[]}}
 */
function readRun(lines, first) {
  const run = new Run();
  /** @type {((upper: boolean) => string)[]} */
  const texts = [];
  let longest = { length: 0, operations: 0, before: run.before, written: run.written };
  for (let at = first; at < lines.length; at++) {
    const text = run.add(lines[at] ?? "");
    if (!text) break;
    texts.push(text);
    if (run.right) {
      const { operations } = run;
      const [before, written] = [new Set(run.before), new Set(run.written)];
      longest = { length: texts.length, operations, before, written };
    }
  }
  const { length, operations, before, written } = longest;
  if (operations < WORTH) return { length };
  const text = [`{ u32 ${[...written].map((name) => `${name}_low`).join(", ")};`];
  for (const upper of [false, true]) {
    const halves = [...new Set([...before, ...written])].map((name) =>
      before.has(name) ? `${name}_half = (u32)(${name}${upper ? " >> 32" : ""})` : `${name}_half`,
    );
    text.push(
      `{ u32 ${halves.join(", ")};`,
      ...texts.slice(0, length).map((line) => line(upper)),
      ...[...written].map((name) =>
        upper ? `${name} = (u64)${name}_half << 32 | ${name}_low;` : `${name}_low = ${name}_half;`,
      ),
      "}",
    );
  }
  return { length, text: [...text, "}"] };
}

/**
 * Names the exchange of the bytes of each pair: it is one instruction, which the compiler does not find by itself.
 *
 * @param {string} body functions as wasm2c writes them: one operation in a line
 */
export function nameSwaps(body) {
  return body
    .replace(PAIRS_READ, "$<top> = bytes_of_pairs_swapped($<x>);")
    .replace(PAIRS_KEPT, "$<x> = $<top>;\n$<top> = bytes_of_pairs_swapped($<x>);");
}

/**
 * A core of 32 bits holds a value of 64 in two registers. Where no bit passes from one half to the other, the halves have
 * nothing to do with each other: side by side they need twice the registers, and most values go to the stack and back;
 * one after the other they do not.
 *
 * What is rewritten is a run of lines that move, load and shift 64-bit variables and combine them by AND, OR and
 * XOR, and do nothing else. Bits that a shift would carry into the other half are followed until an AND takes
 * them away. A run changes no memory, so a load in it traps as it did.
 *
 * @param {string} body functions as `nameSwaps` leaves them
 */
export function halfByHalf(body) {
  const lines = body.split("\n");
  const result = [];
  for (let at = 0; at < lines.length; ) {
    const { length, text } = readRun(lines, at);
    const taken = Math.max(length, 1);
    result.push(...(text ?? lines.slice(at, at + taken)));
    at += taken;
  }
  return result.join("\n");
}
