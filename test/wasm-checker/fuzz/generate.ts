// Random programs that are valid and follow the ABI, of all that the checker accepts: instructions of
// every kind with operands of every origin, nested blocks with and without results, unreachable code,
// calls of all kinds. Seeds for mutation, and food for wasm3 under sanitizers.

import { hcalls } from "../../../host/isolate/hcalls.js";
import type { Random } from "../../support/random.js";
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
  importFunction,
  leb,
  locals,
  MAIN_TYPE,
  program,
  VOID,
} from "../bytes.js";
import { type Instruction, instructions } from "../instructions.js";

const TYPES = [I32, I64, F32, F64];
const hcallTypes = [1, 2, 3].map((count) => functionType(Array<number>(count).fill(I32), [I32]));
interface Signature {
  readonly parameters: readonly number[];
  readonly result: number | undefined;
}

interface Block {
  readonly label: number | undefined;
  readonly result: number | undefined;
  readonly base: number;
  unreachable: boolean;
}

interface Context {
  readonly functions: readonly Signature[];
  readonly types: readonly Signature[];
  readonly globals: readonly { type: number; mutable: boolean }[];
  readonly hasTable: boolean;
  readonly choice: Choice;
}

const plain = instructions.filter(({ name }) => !/\.const$|^memory\.(grow|copy|fill)$/.test(name));
const rare = instructions.filter(({ name }) => /^memory\.(grow|copy|fill)$/.test(name));
/** What traps on most operands, and would end most runs early. */
const traps = (name: string): boolean => /\.(div|rem)_|trunc_f/.test(name);
/** What shows the bits of a NaN, which the specification leaves open. */
const showsNan = (name: string): boolean => /^i..\.reinterpret|^f..\.store|copysign/.test(name);

/** What a writer picks from. */
class Choice {
  readonly all: Instruction[];
  readonly calm: Instruction[];
  private readonly giving: Map<number, { all: Instruction[]; calm: Instruction[] }>;

  constructor(determinate: boolean) {
    this.all = plain.filter(({ name }) => !(determinate && showsNan(name)));
    this.calm = this.all.filter(({ name }) => !traps(name));
    const of = (list: Instruction[], type: number) => list.filter(({ gives }) => gives[0] === type);
    this.giving = new Map(
      TYPES.map((type) => [type, { all: of(this.all, type), calm: of(this.calm, type) }]),
    );
  }

  /** Instructions that give `type`. */
  of(type: number): { all: Instruction[]; calm: Instruction[] } {
    return this.giving.get(type) as { all: Instruction[]; calm: Instruction[] };
  }
}
const everything = new Choice(false);
const determinate = new Choice(true);

/** Writes one function body. */
class Writer {
  private readonly code: number[] = [];
  private readonly stack: number[] = [];
  private readonly blocks: Block[] = [];
  /** Operands below are spoken for. */
  private floor = 0;

  constructor(
    private readonly random: Random,
    private readonly context: Context,
    private readonly variables: readonly number[],
    private readonly result: number | undefined,
    private budget: number,
  ) {}

  write(): number[] {
    this.blocks.push({ label: this.result, result: this.result, base: 0, unreachable: false });
    this.statements();
    if (this.result === I32) this.observe();
    return this.code;
  }

  private get block(): Block {
    return this.blocks[this.blocks.length - 1] as Block;
  }

  private emit(...bytes: number[]): void {
    this.code.push(...bytes);
    this.budget--;
  }

  private push(type: number | undefined): void {
    if (type !== undefined) this.stack.push(type);
  }

  private pop(): void {
    if (this.stack.length > this.block.base) this.stack.pop();
  }

  /** Type of the operand `depth` below the top, or undefined where none is known. */
  private peek(depth = 0): number | undefined {
    const index = this.stack.length - 1 - depth;
    return index >= Math.max(this.block.base, this.floor) ? this.stack[index] : undefined;
  }

  private constantOf(type: number): void {
    const { random } = this;
    const bits = random.pick([random.next(), random.below(70), 0, 0xffffffff, 0x80000000]);
    if (type === I32) this.emit(...i32const(bits | 0));
    else if (type === I64) {
      this.emit(...i64const(BigInt.asIntN(64, (BigInt(bits) << 32n) | BigInt(random.next()))));
    } else {
      const float = random.pick([0, -0, 1.5, -7e9, 3e38, Number.NaN, Infinity, random.next()]);
      const bytes = Buffer.alloc(type === F32 ? 4 : 8);
      if (type === F32) bytes.writeFloatLE(float);
      else bytes.writeDoubleLE(float);
      this.emit(type === F32 ? 0x43 : 0x44, ...bytes);
    }
    this.push(type);
  }

  /** Leaves an operand of `type`, from anywhere. */
  private operand(type: number, depth = 0): void {
    const { random } = this;
    const candidates = this.variables.flatMap((variable, index) =>
      variable === type ? [index] : [],
    );
    const globals = this.context.globals.flatMap((global, index) =>
      global.type === type ? [index] : [],
    );
    const choice = depth > 3 || this.budget <= 0 ? random.below(3) : random.below(7);
    if (choice <= 1 && candidates.length > 0) {
      this.emit(0x20, ...leb(random.pick(candidates)));
      this.push(type);
    } else if (choice === 2 && globals.length > 0) {
      this.emit(0x23, ...leb(random.pick(globals)));
      this.push(type);
    } else if (choice >= 4) {
      const { all, calm } = this.context.choice.of(type);
      this.apply(random.pick(random.oneIn(8) ? all : calm), depth + 1);
    } else if (choice === 3 && depth < 3) {
      // An address within the memory, or nearly.
      if (type === I32) this.emit(...i32const(random.below(70000)));
      else this.constantOf(type);
      if (type === I32) this.push(type);
    } else this.constantOf(type);
  }

  /** Makes the operands that `wanted` lists be on top, mostly from what is there already. */
  private operands(wanted: readonly number[], depth: number): void {
    const bottom = Math.max(this.block.base, this.floor);
    // Below the operands of an unreachable block are any number of any type.
    const endless = this.block.unreachable && this.floor <= this.block.base;
    let have = 0;
    for (let count = wanted.length; count > 0 && have === 0; count--) {
      const matches = wanted.slice(0, count).every((type, index) => {
        const found = this.peek(count - 1 - index);
        return found === undefined ? endless : found === type;
      });
      if (matches && (endless || this.stack.length - bottom >= count)) have = count;
    }
    for (const type of wanted.slice(have)) this.reserved(() => this.operand(type, depth));
  }

  /** Writes something that takes none of the operands that are there. */
  private reserved(write: () => void): void {
    const floor = this.floor;
    this.floor = Math.max(this.stack.length, floor);
    // An operand of an unreachable block that was not written is spoken for as well.
    if (this.block.unreachable) this.floor = Math.max(this.floor, this.block.base + 1);
    write();
    this.floor = floor;
  }

  private apply(instruction: Instruction, depth = 0): void {
    const { code, align, takes } = instruction;
    if (align !== undefined && !this.random.oneIn(6)) {
      // An address within the memory.
      this.emit(...i32const(this.random.below(65000)));
      this.push(I32);
      for (const type of takes.slice(1)) this.reserved(() => this.operand(type, depth));
    } else this.operands(takes, depth);
    if (align === undefined) this.emit(...code);
    else {
      const offset = this.random.oneIn(30) ? this.random.next() : this.random.below(100);
      this.emit(code[0] as number, this.random.below(align + 1), ...leb(offset));
    }
    for (const _ of takes) this.pop();
    for (const type of instruction.gives) this.push(type);
  }

  private statements(): void {
    const steps = this.random.below(8);
    for (let step = 0; step < steps && this.budget > 0; step++) this.statement();
    this.settle();
  }

  /** Makes the operand stack what the block's end expects. */
  private settle(): void {
    const { base, result } = this.block;
    const wanted = result === undefined ? [] : [result];
    if (this.block.unreachable && this.random.oneIn(2)) {
      // Whatever is missing below is of any type; what is there must fit.
      const there = this.stack.slice(base);
      if (there.length === 0 || (there.length === 1 && there[0] === result)) return;
    }
    if (this.stack.length - base === 1 && this.stack[base] === result) return;
    while (this.stack.length > base) this.putAway();
    for (const type of wanted) this.operand(type);
    // What operand() took from beneath in unreachable code may have left more than one.
    while (this.stack.length - base > wanted.length) this.putAway();
    if (this.stack.length - base < wanted.length && !this.block.unreachable) {
      this.constantOf(wanted[0] as number);
    }
  }

  /** Makes the result depend on what every local holds, so that a wrong value shows. */
  private observe(): void {
    this.variables.forEach((type, index) => {
      const get = [0x20, ...leb(index)];
      this.emit(...get);
      if (type === I64) this.emit(0xa7);
      if (type === F32 || type === F64) {
        // The bits of a number; 0 for a NaN, whose bits are not determined.
        this.emit(...(type === F32 ? [0xbc] : [0xbd, 0xa7]));
        this.emit(...i32const(0), ...get, ...get, type === F32 ? 0x5b : 0x61, 0x1b);
      }
      this.emit(0x6a, ...i32const(7), 0x77);
    });
  }

  /** Takes the topmost operand away, into a local if there is one of its type. */
  private putAway(): void {
    const type = this.stack.pop();
    const fitting = this.variables.flatMap((variable, index) => (variable === type ? [index] : []));
    if (fitting.length === 0 || this.random.oneIn(4)) this.emit(0x1a);
    else this.emit(0x21, ...leb(this.random.pick(fitting)));
  }

  private leave(): void {
    this.stack.length = this.block.base;
    this.block.unreachable = true;
  }

  private statement(): void {
    const { random, context } = this;
    switch (random.below(22)) {
      case 0:
      case 1:
      case 2:
      case 3:
        this.apply(random.pick(random.oneIn(8) ? context.choice.all : context.choice.calm));
        break;
      case 4:
        this.apply(random.pick(random.oneIn(3) ? rare : context.choice.calm));
        break;
      case 5:
        this.constantOf(random.pick(TYPES));
        break;
      case 6:
      case 7:
        this.variable();
        break;
      case 8:
        if (context.globals.length > 0) this.global();
        break;
      case 9:
      case 10:
      case 11:
        this.nested();
        break;
      case 12:
        this.branch();
        break;
      case 13:
        this.branchIf();
        break;
      case 14:
        this.branchTable();
        break;
      case 15:
      case 16:
        this.call(random.oneIn(2) && context.hasTable);
        break;
      case 17:
        this.select();
        break;
      case 18:
        if (this.peek() !== undefined || this.block.unreachable) {
          this.emit(0x1a);
          this.pop();
        }
        break;
      case 19:
        if (random.oneIn(3)) {
          this.emit(0x00);
          this.leave();
        } else this.emit(0x01);
        break;
      case 20:
        if (random.oneIn(2)) {
          if (this.result !== undefined) this.operands([this.result], 0);
          this.emit(0x0f);
          this.leave();
        }
        break;
      default:
        // Many operands at once.
        for (let count = random.below(12); count > 0; count--) this.operand(random.pick(TYPES));
    }
  }

  private variable(): void {
    const { random } = this;
    if (this.variables.length === 0) return;
    const index = random.below(this.variables.length);
    const type = this.variables[index] as number;
    const opcode = random.pick([0x20, 0x21, 0x22]);
    if (opcode !== 0x20) this.operands([type], 0);
    this.emit(opcode, ...leb(index));
    if (opcode !== 0x20) this.pop();
    if (opcode !== 0x21) this.push(type);
  }

  private global(): void {
    const index = this.random.below(this.context.globals.length);
    const { type, mutable } = this.context.globals[index] as { type: number; mutable: boolean };
    if (mutable) {
      this.operands([type], 0);
      this.emit(0x24, ...leb(index));
      this.pop();
    } else {
      this.emit(0x23, ...leb(index));
      this.push(type);
    }
  }

  private nested(): void {
    if (this.blocks.length > 30) return;
    const { random } = this;
    const opcode = random.pick([0x02, 0x03, 0x04, 0x04]);
    const result = random.oneIn(2) ? random.pick(TYPES) : undefined;
    if (opcode === 0x04) {
      this.operands([I32], 0);
      this.pop();
    }
    const open = (): void => {
      this.blocks.push({
        label: opcode === 0x03 ? undefined : result,
        result,
        base: this.stack.length,
        unreachable: false,
      });
      this.statements();
      this.stack.length = this.block.base;
      this.blocks.pop();
    };
    this.emit(opcode, result ?? VOID);
    open();
    if (opcode === 0x04 && (result !== undefined || random.oneIn(2))) {
      this.emit(0x05);
      open();
    }
    this.emit(END);
    this.push(result);
  }

  private label(): [depth: number, type: number | undefined] {
    const depth = this.random.oneIn(3) ? this.random.below(this.blocks.length) : 0;
    return [depth, (this.blocks[this.blocks.length - 1 - depth] as Block).label];
  }

  private branch(): void {
    const [depth, type] = this.label();
    if (type !== undefined) this.operands([type], 0);
    this.emit(0x0c, ...leb(depth));
    this.leave();
  }

  private branchIf(): void {
    const [depth, type] = this.label();
    // Something below that lives in a register, as far as wasm3 goes.
    if (this.random.oneIn(3)) this.apply(this.random.pick(this.context.choice.calm));
    if (type !== undefined && this.random.oneIn(2)) {
      this.reserved(() => this.operand(type, 9));
      this.reserved(() => this.operand(I32, this.random.below(9)));
    } else this.operands(type === undefined ? [I32] : [type, I32], 0);
    this.emit(0x0d, ...leb(depth));
    this.pop();
    // What was unknown before is known behind.
    if (type !== undefined) {
      this.pop();
      this.push(type);
    }
  }

  private branchTable(): void {
    const { random } = this;
    const [depth, type] = this.label();
    const depths = [...this.blocks.keys()].filter(
      (other) => (this.blocks[this.blocks.length - 1 - other] as Block).label === type,
    );
    const targets = Array.from({ length: random.below(6) }, () => leb(random.pick(depths)));
    this.operands(type === undefined ? [I32] : [type, I32], 0);
    this.emit(0x0e, ...leb(targets.length), ...targets.flat(), ...leb(depth));
    this.leave();
  }

  private call(indirect: boolean): void {
    const { random, context } = this;
    const list = indirect ? context.types : context.functions;
    const index = random.below(list.length);
    const { parameters, result } = list[index] as Signature;
    this.operands(indirect ? [...parameters, I32] : parameters, 0);
    if (indirect) this.emit(0x11, ...leb(index), 0);
    else this.emit(0x10, ...leb(index));
    for (const _ of parameters) this.pop();
    if (indirect) this.pop();
    this.push(result);
  }

  private select(): void {
    const type = this.random.pick(TYPES);
    this.operands([type, type, I32], 0);
    this.emit(0x1b);
    for (let count = 0; count < 3; count++) this.pop();
    this.push(type);
  }
}

/**
 * A random program that is valid and follows the ABI.
 *
 * @param determined whether to leave out what shows the bits of a NaN, so that the outcome does not
 *   depend on the engine
 */
export function generate(random: Random, determined = false): Uint8Array {
  const choice = determined ? determinate : everything;
  const imports = hcalls.filter(() => random.oneIn(3));
  const own: Signature[] = Array.from({ length: random.below(4) }, () => ({
    parameters: Array.from({ length: random.below(random.oneIn(8) ? 20 : 5) }, () =>
      random.pick(TYPES),
    ),
    result: random.oneIn(3) ? undefined : random.pick(TYPES),
  }));
  const i32Signature = (count: number): Signature => ({
    parameters: Array<number>(count).fill(I32),
    result: I32,
  });
  const types: Signature[] = [i32Signature(0), ...[1, 2, 3].map(i32Signature), ...own];
  const typeIndices = Array.from({ length: random.below(4) }, () => random.below(types.length));
  const functions: Signature[] = [
    ...imports.map(({ parameters }) => i32Signature(parameters)),
    i32Signature(0),
    ...typeIndices.map((index) => types[index] as Signature),
  ];
  const globals = Array.from({ length: random.below(4) }, () => ({
    type: random.pick(TYPES),
    mutable: random.oneIn(2),
  }));
  const tableSize = random.oneIn(3) ? 1 + random.below(8) : 0;
  const context: Context = { functions, types, globals, hasTable: tableSize > 0, choice };
  const write = (signature: Signature): number[] => {
    const own = Array.from({ length: random.below(random.oneIn(10) ? 60 : 6) }, () =>
      random.pick(TYPES),
    );
    const budget = random.oneIn(20) ? 1500 : 20 + random.below(150);
    const variables = [...signature.parameters, ...own];
    const code = new Writer(random, context, variables, signature.result, budget).write();
    return body(
      code,
      own.map((type) => locals(1, type)),
    );
  };
  const constantExpression = (type: number): Bytes => [
    ...(type === I32
      ? i32const(random.next() | 0)
      : type === I64
        ? i64const(random.next())
        : type === F32
          ? [0x43, 0, 0, 0x80, random.below(256)]
          : [0x44, 0, 0, 0, 0, 0, 0, 0xf0, random.below(256)]),
    END,
  ];
  const main = imports.length;
  const elements =
    tableSize > 0 && random.oneIn(2)
      ? [elementSegment(random, functions.length, tableSize)]
      : undefined;
  return program({
    types: [
      MAIN_TYPE,
      ...hcallTypes,
      ...own.map(({ parameters, result }) =>
        functionType(parameters, result === undefined ? [] : [result]),
      ),
    ],
    ...(imports.length > 0
      ? { imports: imports.map(({ name, parameters }) => importFunction("env", name, parameters)) }
      : {}),
    functions: [0, ...typeIndices],
    ...(tableSize > 0 ? { table: [0x70, 0, tableSize] } : {}),
    memory: random.oneIn(8) ? [0, 1] : [1, 1, 1 + random.below(3)],
    ...(globals.length > 0
      ? {
          globals: globals.map(({ type, mutable }) => [
            type,
            mutable ? 1 : 0,
            ...constantExpression(type),
          ]),
        }
      : {}),
    exports: [exportItem("memory", 2, 0), exportItem("main", 0, main)],
    ...(elements ? { elements } : {}),
    bodies: functions.slice(main).map(write),
    ...(random.oneIn(3)
      ? { data: [[0, ...i32const(random.below(65000)), END, 4, 1, 2, 3, 4]] }
      : {}),
  });
}

function elementSegment(random: Random, functions: number, size: number): number[] {
  const start = random.below(size);
  const count = random.below(size - start + 1);
  return [
    0,
    ...i32const(start),
    END,
    ...leb(count),
    ...Array.from({ length: count }, () => leb(random.below(functions))).flat(),
  ];
}
