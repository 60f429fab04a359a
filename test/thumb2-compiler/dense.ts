// Random programs that press on registers and facts: functions of many locals and parameters, deep expressions,
// loops, addresses used again and again, words that are narrow or come from each other, locals of 64 bits that are always
// set from 32.
import type { Random } from "../support/random.js";
import {
  type Bytes,
  body,
  END,
  exportItem,
  F32,
  F64,
  functionType,
  I32,
  I64,
  i32const,
  i64const,
  leb,
  locals,
  MAIN_TYPE,
  program,
  VOID,
} from "../wasm-checker/bytes.js";

const INTEGERS = [I32, I32, I32, I64, I64];
const TYPES = [...INTEGERS, F32, F64];

interface Signature {
  readonly parameters: readonly number[];
  readonly result: number;
}

const constants32 = [
  0, 1, -1, 2, 3, 4, 7, 8, 31, 32, 255, 256, 65535, 65536, 0x7fffffff, -0x80000000, 0x12345678,
];
const constants64 = [
  0n,
  1n,
  -1n,
  32n,
  63n,
  64n,
  0xffffffffn,
  0x100000000n,
  -0x80000000n,
  2n ** 63n - 1n,
  -(2n ** 63n),
];
const binary32 = [0x6a, 0x6a, 0x6b, 0x6c, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78];
const binary64 = [0x7c, 0x7c, 0x7d, 0x7e, 0x7e, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a];
const loads32 = [0x28, 0x28, 0x2c, 0x2d, 0x2e, 0x2f];
const loads64 = [0x29, 0x29, 0x30, 0x31, 0x32, 0x33, 0x34, 0x35];

/** How the values of a narrow local repeat its low word: by its sign, by zeros, or whichever; or once so, once so, once not. */
const NARROW = ["sign", "zero", "either", "mixed"] as const;

/** Bytes at the start of memory that differ from each other: a load from a wrong place there shows. */
const FILLED = 512;

/** One function. */
class Writer {
  private readonly code: number[] = [];
  private readonly variables: number[];
  /** Counters of loops, which nothing else sets. */
  private readonly counters: number[] = [];
  /** Locals of 64 bits that only `setNarrow` sets, and to what. */
  private readonly narrow = new Map<number, (typeof NARROW)[number]>();
  private budget: number;

  constructor(
    private readonly random: Random,
    private readonly signature: Signature,
    private readonly own: readonly number[],
    private readonly callable: readonly Signature[],
    private readonly table: boolean,
    private readonly grows: boolean,
  ) {
    this.variables = [...signature.parameters, ...own];
    for (const [index, type] of own.entries())
      if (type === I64 && random.oneIn(2))
        this.narrow.set(signature.parameters.length + index, random.pick(NARROW));
    this.budget = 20 + random.below(120);
  }

  private emit(...bytes: number[]): void {
    this.code.push(...bytes);
  }

  private variable(type: number): number | undefined {
    const fitting = this.variables.flatMap((each, index) => (each === type ? [index] : []));
    return fitting.length === 0 ? undefined : this.random.pick(fitting);
  }

  /** A local that anything may be put into. */
  private settable(type: number): number | undefined {
    const local = this.variable(type);
    return local === undefined || this.narrow.has(local) ? undefined : local;
  }

  /** Puts a value of 32 bits into a narrow local, which may stay on the stack. */
  private setNarrow(local: number, stays: boolean, depth: number): void {
    const { random } = this;
    const kind = this.narrow.get(local);
    const sort =
      kind === "mixed" ? random.pick(["sign", "zero", "either"] as const) : (kind ?? "either");
    const either = random.oneIn(3) ? "either" : sort;
    if (kind === "mixed" && random.oneIn(3)) {
      // Not narrow at all.
      this.expression(I64, depth);
      this.emit(stays ? 0x22 : 0x21, ...leb(local));
      return;
    }
    switch (random.below(5)) {
      case 0:
        this.address(2);
        this.emit(
          random.pick({ sign: [0x30, 0x32, 0x34], zero: [0x35], either: [0x31, 0x33] }[either]),
          0,
          ...this.offset(),
        );
        break;
      case 1:
        this.expression(I64, depth);
        if (either === "sign") {
          if (random.oneIn(2)) this.emit(random.pick([0xc2, 0xc3, 0xc4]));
          else this.emit(...i64const(32 + random.below(32)), 0x87);
        } else {
          const from = either === "zero" ? 32 : 33;
          this.emit(...i64const(from + random.below(64 - from)), 0x88);
        }
        break;
      case 2:
        this.expression(I64, depth);
        if (either === "sign") this.emit(0xc4);
        else this.emit(...i64const(either === "zero" ? 0xffffffffn : 0x1fffffffn), 0x83);
        break;
      case 3:
        if (either === "sign") this.emit(...i64const(random.pick([-1, -0x80000000, 5])));
        else if (either === "zero") this.emit(...i64const(random.pick([0xffffffffn, 1n])));
        else {
          this.expression(I64, depth);
          this.emit(random.pick([0x79, 0x7a, 0x7b]));
        }
        break;
      default:
        this.expression(I32, depth);
        if (either === "either") this.emit(...i32const(0x7fffffff), 0x71);
        this.emit(either === "sign" ? 0xac : 0xad);
    }
    this.emit(stays ? 0x22 : 0x21, ...leb(local));
  }

  private constant(type: number): void {
    const { random } = this;
    if (type === I32)
      this.emit(...i32const(random.oneIn(4) ? random.next() | 0 : random.pick(constants32)));
    else if (type === I64) {
      const value = random.oneIn(4)
        ? (BigInt(random.next()) << 32n) | BigInt(random.next())
        : random.pick(constants64);
      this.emit(...i64const(BigInt.asIntN(64, value)));
    } else {
      const bytes = Buffer.alloc(type === F32 ? 4 : 8);
      const value = random.pick([
        0,
        -0,
        1,
        -1.5,
        1e10,
        -3e-5,
        2 ** 31,
        2 ** 63,
        0.5,
        Number.NaN,
        Infinity,
      ]);
      if (type === F32) bytes.writeFloatLE(value);
      else bytes.writeDoubleLE(value);
      this.emit(type === F32 ? 0x43 : 0x44, ...bytes);
    }
  }

  /** An address that is in memory, mostly: a local that is masked, or was. */
  private address(depth: number): void {
    const local = this.variable(I32);
    if (local === undefined) {
      this.emit(...i32const(this.random.below(65000)));
      return;
    }
    const kind = this.random.below(12);
    if (kind < 5) {
      // Masked in place, and used from then on.
      this.emit(0x20, ...leb(local), ...i32const(0xfff0), 0x71, 0x22, ...leb(local));
    } else if (kind === 5) {
      // Close to the memory's end, as a local, so that it is no constant.
      this.emit(...i32const(65536 - this.random.below(14)), 0x22, ...leb(local));
    } else if (kind < 9) this.emit(0x20, ...leb(local), ...i32const(0x7fff), 0x71);
    else if (kind < 11) this.emit(...i32const(this.random.below(66000)));
    else this.expression(I32, depth);
  }

  private offset(): number[] {
    const { random } = this;
    const kind = random.below(10);
    if (kind < 7) return leb(random.below(40));
    if (kind < 9) return leb(random.pick([127, 128, 255, 1020, 4088, 4092, 4095, 4096, 8000]));
    return leb(random.pick([0x10000, 0xffff, 0xfffffff0, 70000]));
  }

  private expression(type: number, depth: number): void {
    const { random } = this;
    this.budget--;
    if (depth <= 0 || this.budget < 0) {
      const local = random.oneIn(4) ? undefined : this.variable(type);
      if (local === undefined) this.constant(type);
      else this.emit(0x20, ...leb(local));
      return;
    }
    const next = depth - 1;
    const kind = random.below(20);
    if (kind < 3) {
      const local = this.variable(type);
      if (local === undefined) this.constant(type);
      else if (this.narrow.has(local) && kind < 2) this.setNarrow(local, true, next);
      else if (kind === 0) {
        this.expression(type, next);
        this.emit(0x22, ...leb(local));
      } else this.emit(0x20, ...leb(local));
    } else if (kind === 3) this.constant(type);
    else if (kind === 4) {
      this.expression(type, next);
      this.expression(type, next);
      this.expression(I32, next);
      this.emit(0x1b);
    } else if (kind === 5) this.call(type, next);
    else if (kind === 6) {
      this.expression(I32, next);
      this.emit(0x04, type);
      this.statements(next);
      this.expression(type, next);
      this.emit(0x05);
      this.statements(next);
      this.expression(type, next);
      this.emit(END);
    } else if (kind === 7) {
      this.emit(0x02, type);
      this.statements(next);
      this.expression(type, next);
      this.expression(I32, next);
      this.emit(0x0d, 0x00, 0x1a);
      this.expression(type, next);
      this.emit(END);
    } else if (type === I32) this.expression32(next);
    else if (type === I64) this.expression64(next);
    else this.expressionFloat(type, next);
  }

  /** Loads by a local that walks over what memory begins with, between whose turns nothing is forgotten. */
  private walk(): void {
    const { random } = this;
    const local = this.variable(I32);
    if (local === undefined) {
      this.constant(I32);
      return;
    }
    const masked = [...i32const(FILLED / 2 - 4), 0x71, 0x22, ...leb(local)];
    const offset = () => leb(random.below(FILLED / 2 - 8));
    this.emit(0x20, ...leb(local), ...masked, random.pick(loads32), 0, ...offset());
    for (let turns = 1 + random.below(3); turns > 0; turns--) {
      if (random.oneIn(3)) this.emit(0x20, ...leb(local));
      else this.emit(0x20, ...leb(local), ...i32const(random.below(64)), 0x6a, ...masked);
      this.emit(random.pick(loads32), 0, ...offset(), random.pick([0x6a, 0x73]));
    }
  }

  private expression32(depth: number): void {
    const { random } = this;
    switch (random.below(10)) {
      case 9:
        this.walk();
        break;
      case 0:
        this.expression(I32, depth);
        this.emit(random.pick([0x45, 0x67, 0x68, 0x69, 0xc0, 0xc1]));
        break;
      case 1:
        this.expression(I64, depth);
        this.emit(random.pick([0xa7, 0xa7, 0x50]));
        break;
      case 2: {
        const wide = random.oneIn(2);
        this.expression(wide ? I64 : I32, depth);
        this.expression(wide ? I64 : I32, depth);
        this.emit((wide ? 0x51 : 0x46) + random.below(10));
        break;
      }
      case 3: {
        const type = random.pick([F32, F64]);
        this.expression(type, depth);
        this.expression(type, depth);
        this.emit((type === F32 ? 0x5b : 0x61) + random.below(6));
        break;
      }
      case 4:
        this.saturated(random.pick([F32, F64]), depth);
        break;
      case 5:
        this.address(depth);
        this.emit(random.pick(loads32), 0, ...this.offset());
        break;
      case 6:
        // A divisor that is not 0.
        this.expression(I32, depth);
        this.expression(I32, depth);
        this.emit(...i32const(1), 0x72, random.pick([0x6e, 0x70, 0x6f]));
        break;
      default:
        this.expression(I32, depth);
        this.expression(I32, depth);
        this.emit(random.pick(binary32));
    }
  }

  private saturated(type: number, depth: number): void {
    this.expression(type, depth);
    this.emit(0xfc, (type === F32 ? 0 : 2) + this.random.below(2));
  }

  private expression64(depth: number): void {
    const { random } = this;
    switch (random.below(9)) {
      case 0:
      case 1:
        this.expression(I32, depth);
        this.emit(random.pick([0xac, 0xad]));
        break;
      case 2: {
        // Narrow products, added up.
        const extend = random.pick([0xac, 0xad]);
        this.expression(I64, depth);
        this.expression(I32, depth);
        this.emit(extend);
        this.expression(I32, depth);
        this.emit(extend, 0x7e, random.pick([0x7c, 0x7c, 0x7d]));
        break;
      }
      case 3:
        this.expression(I64, depth);
        this.emit(...i64const(random.below(64)), random.pick([0x86, 0x87, 0x88, 0x89, 0x8a]));
        break;
      case 4:
        this.expression(I64, depth);
        this.emit(random.pick([0x79, 0x7a, 0x7b, 0xc2, 0xc3, 0xc4]));
        break;
      case 5:
        this.address(depth);
        this.emit(random.pick(loads64), 0, ...this.offset());
        break;
      case 6:
        this.expression(I64, depth);
        this.expression(I64, depth);
        this.emit(...i64const(1), 0x84, random.pick([0x80, 0x81, 0x82]));
        break;
      default:
        this.expression(I64, depth);
        this.expression(I64, depth);
        this.emit(random.pick(binary64));
    }
  }

  private expressionFloat(type: number, depth: number): void {
    const { random } = this;
    const first = type === F32 ? 0x8b : 0x99;
    switch (random.below(4)) {
      case 0:
        this.expression(I32, depth);
        this.emit((type === F32 ? 0xb2 : 0xb7) + random.below(2));
        break;
      case 1:
        this.expression(type, depth);
        this.emit(first + random.below(7));
        break;
      case 2:
        this.expression(I64, depth);
        this.emit((type === F32 ? 0xb4 : 0xb9) + random.below(2));
        break;
      default:
        this.expression(type, depth);
        this.expression(type, depth);
        this.emit(first + 7 + random.below(6));
    }
  }

  private call(type: number, depth: number): void {
    const fitting = this.callable.flatMap((each, index) => (each.result === type ? [index] : []));
    if (fitting.length === 0) {
      this.constant(type);
      return;
    }
    const index = this.random.pick(fitting);
    for (const parameter of (this.callable[index] as Signature).parameters) {
      this.expression(parameter, Math.min(depth, 2));
    }
    if (this.table && this.random.oneIn(2)) {
      this.emit(
        ...i32const(this.random.oneIn(20) ? this.random.below(8) : index),
        0x11,
        ...leb(index + 1),
        0,
      );
    } else this.emit(0x10, ...leb(index));
  }

  private statements(depth: number): void {
    for (let count = this.random.below(3); count > 0 && this.budget > 0; count--)
      this.statement(depth);
  }

  private set(type: number, depth: number): void {
    const local = this.variable(type);
    if (local !== undefined && this.narrow.has(local)) {
      this.setNarrow(local, false, depth);
      return;
    }
    this.expression(type, depth);
    if (local === undefined) this.emit(0x1a);
    else this.emit(0x21, ...leb(local));
  }

  private statement(depth: number): void {
    const { random } = this;
    this.budget--;
    switch (random.below(12)) {
      case 0:
      case 1:
      case 2:
        this.set(random.pick(TYPES), depth);
        break;
      case 3: {
        const wide = random.oneIn(2);
        this.address(2);
        this.expression(wide ? I64 : I32, depth);
        this.emit(
          random.pick(wide ? [0x37, 0x37, 0x3c, 0x3d, 0x3e] : [0x36, 0x36, 0x3a, 0x3b]),
          0,
          ...this.offset(),
        );
        break;
      }
      case 4:
        this.exchange(random.pick(INTEGERS));
        break;
      case 5:
      case 6:
        this.loop(depth);
        break;
      case 7:
        this.expression(I32, depth);
        this.emit(0x04, VOID);
        this.statements(depth - 1);
        if (random.oneIn(4)) this.leave();
        this.emit(END);
        break;
      case 8:
        this.emit(0x02, VOID);
        {
          this.statements(depth - 1);
          this.expression(I32, depth);
          this.emit(0x0d, 0);
          this.statements(depth - 1);
        }
        this.emit(END);
        break;
      case 9:
        this.choose(depth);
        break;
      case 10: {
        const global = random.below(3);
        if (random.oneIn(2)) {
          this.expression(global === 1 ? I64 : I32, depth);
          this.emit(0x24, ...leb(global));
        } else {
          this.emit(0x23, ...leb(global));
          const local = this.settable(global === 1 ? I64 : I32);
          if (local === undefined) this.emit(0x1a);
          else this.emit(0x21, ...leb(local));
        }
        break;
      }
      default:
        this.bulk();
    }
  }

  /** Ends the function, after narrow locals were set, if some word is of a rare value. */
  private leave(): void {
    const local = this.variable(I32);
    if (local === undefined) return;
    this.emit(0x20, ...leb(local), ...i32const(7), 0x71, 0x45, 0x04, VOID);
    for (const narrow of this.narrow.keys()) this.setNarrow(narrow, false, 1);
    this.expression(this.signature.result, 1);
    this.emit(0x0f, END);
  }

  private bulk(): void {
    const { random } = this;
    if (this.grows && random.oneIn(2)) {
      this.emit(...i32const(random.below(3)), 0x40, 0, 0x3f, 0, 0x6a);
      const local = this.variable(I32);
      if (local === undefined) this.emit(0x1a);
      else this.emit(0x21, ...leb(local));
      return;
    }
    this.emit(
      ...i32const(random.below(60000)),
      ...i32const(random.below(60000)),
      ...i32const(random.below(3000)),
    );
    if (random.oneIn(2)) this.emit(0xfc, 10, 0, 0);
    else this.emit(0xfc, 11, 0);
  }

  /** Two or three locals of a type change places. */
  private exchange(type: number): void {
    const first = this.settable(type);
    const second = this.settable(type);
    const third = this.settable(type);
    if (first === undefined || second === undefined || third === undefined) return;
    this.emit(0x20, ...leb(first), 0x20, ...leb(second), 0x20, ...leb(third));
    this.emit(0x21, ...leb(first), 0x21, ...leb(second), 0x21, ...leb(third));
  }

  /** A loop of a few turns. */
  private loop(depth: number): void {
    const counter = this.signature.parameters.length + this.own.length + this.counters.length;
    this.counters.push(I32);
    const turns = 1 + this.random.below(6);
    this.emit(...i32const(turns), 0x21, ...leb(counter));
    // What is narrow before the loop, is read in it, and may be otherwise in the next turn.
    const carried = this.random.oneIn(2) ? this.random.pick([...this.narrow.keys(), -1]) : -1;
    const sum = this.settable(I64);
    const carries = carried >= 0 && sum !== undefined;
    if (carries) this.setNarrow(carried, false, 1);
    this.emit(0x03, VOID);
    if (carries) {
      this.emit(0x20, ...leb(carried), 0x20, ...leb(sum), 0x7c, 0x21, ...leb(sum));
      this.setNarrow(carried, false, 1);
    }
    this.statements(depth);
    this.statements(depth - 1);
    this.emit(0x20, ...leb(counter), ...i32const(-1), 0x6a, 0x22, ...leb(counter));
    if (this.random.oneIn(2)) this.emit(...i32const(0), 0x4a);
    this.emit(0x0d, 0);
    this.emit(END);
  }

  private choose(depth: number): void {
    this.emit(0x02, VOID, 0x02, VOID, 0x02, VOID);
    this.expression(I32, depth);
    this.emit(...i32const(3), 0x71, 0x0e, 2, 0, 1, 2, END);
    this.statements(depth - 1);
    if (this.random.oneIn(2)) this.emit(0x0c, 1);
    this.emit(END);
    this.statements(depth - 1);
    this.emit(END);
  }

  /** The function's body. */
  write(): Bytes {
    while (this.budget > 0) this.statement(4);
    // All that the locals hold counts.
    this.emit(...i64const(0));
    this.variables.forEach((type, index) => {
      this.emit(0x20, ...leb(index));
      if (type === I32) this.emit(0xad);
      else if (type === F32) this.emit(0xfc, 4);
      else if (type === F64) this.emit(0xfc, 6);
      this.emit(0x7c, ...i64const(7), 0x89);
    });
    const { result } = this.signature;
    if (result === I32) this.emit(0xa7);
    else if (result === F32) this.emit(0xb4);
    else if (result === F64) this.emit(0xb9);
    const groups = [...this.own, ...this.counters].map((type) => locals(1, type));
    return body(this.code, groups);
  }
}

/** A random program of the kind above. */
export function generateDense(random: Random): Uint8Array {
  const signatures: Signature[] = [];
  const bodies: Bytes[] = [];
  const count = 1 + random.below(4);
  const table = random.oneIn(2);
  const grows = random.oneIn(3);
  for (let index = 0; index < count; index++) {
    const parameters = Array.from({ length: random.below(9) }, () => random.pick(TYPES));
    const signature = { parameters, result: random.pick(TYPES) };
    const own = Array.from({ length: random.below(10) }, () => random.pick(TYPES));
    bodies.push(new Writer(random, signature, own, signatures, table, grows).write());
    signatures.push(signature);
  }
  const own = Array.from({ length: 2 + random.below(8) }, () => random.pick(TYPES));
  const main = new Writer(
    random,
    { parameters: [], result: I32 },
    own,
    signatures,
    table,
    grows,
  ).write();
  return program({
    types: [
      MAIN_TYPE,
      ...signatures.map(({ parameters, result }) => functionType(parameters, [result])),
    ],
    functions: [...signatures.map((_, index) => index + 1), 0],
    ...(table
      ? {
          table: [0x70, 0, 8],
          elements: [
            [
              0,
              ...i32const(0),
              END,
              ...leb(count),
              ...signatures.flatMap((_, index) => leb(index)),
            ],
          ],
        }
      : {}),
    memory: grows ? [1, 1, 4] : [1, 1, 1],
    globals: [
      [I32, 1, ...i32const(random.next() | 0), END],
      [I64, 1, ...i64const(BigInt(random.next())), END],
      [I32, 1, ...i32const(3), END],
    ],
    exports: [exportItem("memory", 2, 0), exportItem("main", 0, count)],
    data: [
      [
        0,
        ...i32const(0),
        END,
        ...leb(FILLED),
        ...Array.from({ length: FILLED }, () => random.below(256)),
      ],
    ],
    bodies: [...bodies, main],
  });
}
