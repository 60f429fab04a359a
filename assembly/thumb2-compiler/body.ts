// Function bodies to Thumb-2, in one pass: frame, blocks, calls, and which instruction is whose.

import {
  OP_BLOCK,
  OP_BR,
  OP_BR_IF,
  OP_BR_TABLE,
  OP_CALL,
  OP_CALL_INDIRECT,
  OP_DROP,
  OP_ELSE,
  OP_END,
  OP_F32_EQ,
  OP_F64_CONST,
  OP_F64_COPYSIGN,
  OP_F64_GE,
  OP_F64_REINTERPRET_I64,
  OP_GLOBAL_SET,
  OP_I32_EQ,
  OP_I32_EQZ,
  OP_I32_EXTEND16_S,
  OP_I32_LOAD,
  OP_I32_ROTR,
  OP_I64_EQ,
  OP_I64_EQZ,
  OP_I64_EXTEND32_S,
  OP_I64_ROTR,
  OP_I64_STORE32,
  OP_IF,
  OP_LOCAL_GET,
  OP_LOCAL_SET,
  OP_LOCAL_TEE,
  OP_LOOP,
  OP_RETURN,
  OP_SELECT,
  OP_UNREACHABLE,
} from "../wasm-checker/opcodes";
import {
  ADD,
  ALWAYS,
  Encoder,
  HS,
  LDR,
  LO,
  LR,
  LSL,
  NE,
  PC,
  patchBranch,
  R0,
  R4,
  R10,
  R12,
  SP,
  STR,
  SUB,
} from "./encoder";
import {
  CODE_TRAP_STACK,
  CODE_TRAP_TABLE,
  CODE_TRAP_UNREACHABLE,
  CONTEXT_STACK_LIMIT,
  CONTEXT_TABLE,
  LEAF_FRAME,
} from "./layout";
import { Locals } from "./locals";
import { FRAME_TOO_LARGE, LARGEST_OFFSET, Operands } from "./operands";
import { canonicalType, KNOWN, parameterWords, resultOf, Tables, typeOf, wordsOf } from "./tables";
import { Values } from "./values";
import { Variables } from "./variables";
import { CONDITIONS } from "./words";

/** Bytes of an open block: u32 branches that wait for its end, u32 start of a loop or branches that wait
 * for the `else`, u16 height at its begin, u8 kind, u8 type of its result. */
export const FRAME_RECORD: u32 = 12;
const KIND_FUNCTION: u32 = 0;
const KIND_BLOCK: u32 = 2;
const KIND_LOOP: u32 = 3;
const KIND_IF: u32 = 4;
const KIND_ELSE: u32 = 5;

/** A function body, and what its compilation knows. */
@unmanaged
export class Body extends Variables {
  static frames: usize = 0;
  static depth: u32 = 0;
  /** Where pairs of u32 go, offsets of an instruction in the module and in the result, for listings; or 0. */
  static places: usize = 0;
  static placesEnd: usize = 0;
  static module: usize = 0;

  /** Compiles the body between `read` and `end` of the function `index`, of `type`. */
  compile(index: u32, type: usize, end: usize): void {
    this.declareLocals(type);
    if (this.failed) return;
    this.placeLocals(end);
    Operands.height = 0;
    Operands.maximumHeight = 0;
    Operands.flushed = 0;
    Encoder.keepFlags = false;
    Values.calls = false;
    Values.dead = false;
    Body.depth = 0;
    this.label();

    // Room for the longest prologue; the real one is written when the frame's size is known.
    const start = Encoder.out;
    Values.calls = true;
    this.prologue(4);
    Values.calls = false;
    const first = Encoder.out;
    this.zeroLocals();
    this.open(KIND_FUNCTION, resultOf(type));
    while (Tables.read < end && !this.failed && !Encoder.full) this.instruction();
    if (this.failed || Encoder.full) return;
    const frame = this.frameBytes();
    if (frame > 4088) {
      this.fail(FRAME_TOO_LARGE);
      return;
    }
    this.epilogue(frame);
    const last = Encoder.out;
    Encoder.out = start;
    this.prologue(frame);
    const length = (Encoder.out - start) as u32;
    Encoder.out = first - length;
    this.prologue(frame);
    this.defineFunction(index, (first - length - Tables.origin) as u32);
    Encoder.out = last;
  }

  private defineFunction(index: u32, offset: u32): void {
    const place = Tables.functions + (index << 2);
    let waiting = load<u32>(place);
    while (waiting !== 0) {
      const site = Tables.origin + waiting;
      waiting = load<u32>(site);
      patchBranch(site, 15, Tables.origin + offset);
    }
    store<u32>(place, offset | KNOWN);
  }

  private savedMask(): u32 {
    return (((1 << Locals.homes) - 1) << R4) | (1 << LR);
  }

  /** Bytes below what is saved: a multiple of 8 together with that. */
  private frameBytes(): u32 {
    const saved = (Locals.homes + 1) << 2;
    return ((Operands.slots + (Operands.maximumHeight << 2) + saved + 7) & ~7) - saved;
  }

  private countFuel(): void {
    if (Tables.native) return;
    this.dataImmediateSetting(SUB, R10, R10, 1);
    this.half(0xd501); // bpl over the call
    this.branchLink(Tables.origin + Tables.refillStub);
  }

  private prologue(frame: u32): void {
    this.pushRegisters(this.savedMask());
    this.countFuel();
    if (!Tables.native && (Values.calls || frame + 28 > LEAF_FRAME)) {
      this.loadNegative(LR, CONTEXT_STACK_LIMIT);
      if (frame <= LEAF_FRAME) {
        this.compare(SP, LR);
        this.wideBranch(LO, this.trapStub(CODE_TRAP_STACK));
        if (frame > 0) this.addTwelve(SP, SP, frame, true);
      } else {
        this.addTwelve(R12, SP, frame, true);
        this.compare(R12, LR);
        this.wideBranch(LO, this.trapStub(CODE_TRAP_STACK));
        this.move(SP, R12);
      }
    } else if (frame > 0) this.addTwelve(SP, SP, frame, true);
    for (let word: u32 = 0; word < Locals.parameterWordCount; word++) {
      if (!this.isUsed(word)) continue;
      const home = this.localRegister(word);
      if (word < 4) {
        if (home !== 0) this.move(home, word);
        else this.access(STR, word, SP, this.localHome(word) as i32);
      } else {
        const target: u32 = home !== 0 ? home : R12;
        const offset = frame + ((Locals.homes + 1) << 2) + ((word - 4) << 2);
        if (offset > LARGEST_OFFSET) this.fail(FRAME_TOO_LARGE);
        this.loadTwelve(target, SP, offset);
        if (home === 0) this.access(STR, R12, SP, this.localHome(word) as i32);
      }
    }
  }

  private zeroLocals(): void {
    if (Locals.boundHome !== 0) {
      this.constant(Locals.boundHome, (Tables.boundBytes as u32) - Locals.boundExtent);
    }
    let zero = false;
    for (let word = Locals.parameterWordCount; word < Locals.localWords; word++) {
      if (!this.needsZero(word)) continue;
      const home = this.localRegister(word);
      if (home !== 0) this.constant(home, 0);
      else {
        if (!zero) this.constant(R0, 0);
        zero = true;
        this.access(STR, R0, SP, this.localHome(word) as i32);
      }
    }
  }

  private epilogue(frame: u32): void {
    if (frame > 0) this.addTwelve(SP, SP, frame, false);
    this.popRegisters((this.savedMask() & ~(1 << LR)) | (1 << PC));
  }

  private frame(label: u32): usize {
    return Body.frames + (Body.depth - 1 - label) * FRAME_RECORD;
  }

  private open(kind: u32, result: u32): void {
    const frame = Body.frames + Body.depth * FRAME_RECORD;
    store<u32>(frame, 0);
    store<u32>(frame, 0, 4);
    store<u16>(frame, Operands.height as u16, 8);
    store<u8>(frame, kind as u8, 10);
    store<u8>(frame, result as u8, 11);
    Body.depth++;
  }

  /** Branches that wait, as a list through their own places: offset · 16 + condition. */
  private branchLater(list: usize, condition: u32): void {
    const offset = this.offsetHere();
    this.word(load<u32>(list));
    if (!Encoder.full) store<u32>(list, (offset << 4) | condition);
  }

  private branchesEnd(list: usize): void {
    let waiting = load<u32>(list);
    while (waiting !== 0 && !Encoder.full) {
      const site = Tables.origin + (waiting >>> 4);
      const condition = waiting & 15;
      waiting = load<u32>(site);
      patchBranch(site, condition, Encoder.out);
    }
    store<u32>(list, 0);
  }

  /** Words that a branch to the block at `frame` takes. */
  private labelWords(frame: usize): u32 {
    return load<u8>(frame, 10) === KIND_LOOP ? 0 : wordsOf(load<u8>(frame, 11));
  }

  private branchTo(frame: usize, condition: u32): void {
    if (load<u8>(frame, 10) === KIND_LOOP) {
      this.branchBack(condition, Tables.origin + load<u32>(frame, 4));
    } else this.branchLater(frame, condition);
  }

  private end(): void {
    const frame = this.frame(0);
    const kind: u32 = load<u8>(frame, 10);
    const words = wordsOf(load<u8>(frame, 11));
    const joins = load<u32>(frame) !== 0 || kind === KIND_IF || kind === KIND_FUNCTION;
    Body.depth--;
    if (!joins) return; // only what comes before, if that, goes on
    if (!Values.dead) {
      if (kind !== KIND_FUNCTION) this.settleLocals();
      if (words > 0) this.resultToRegisters(words);
    }
    if (kind === KIND_IF) this.branchesEnd(frame + 4);
    this.branchesEnd(frame);
    Values.dead = false;
    Operands.height = load<u16>(frame, 8);
    Operands.flushed = Operands.height;
    this.label();
    if (kind !== KIND_FUNCTION) this.pushResult(words);
  }

  private elseBranch(): void {
    const frame = this.frame(0);
    if (!Values.dead) {
      this.settleLocals();
      const words = wordsOf(load<u8>(frame, 11));
      if (words > 0) this.resultToRegisters(words);
      this.branchLater(frame, ALWAYS);
    }
    this.branchesEnd(frame + 4);
    store<u8>(frame, KIND_ELSE as u8, 10);
    Values.dead = false;
    Operands.height = load<u16>(frame, 8);
    Operands.flushed = Operands.height;
    this.label();
  }

  private control(opcode: u32): void {
    switch (opcode) {
      case OP_UNREACHABLE:
        this.wideBranch(ALWAYS, this.trapStub(CODE_TRAP_UNREACHABLE));
        this.die();
        break;
      case OP_BLOCK: {
        const result = typeOf(this.byte());
        this.flush(Operands.height);
        this.open(KIND_BLOCK, result);
        break;
      }
      case OP_LOOP: {
        const result = typeOf(this.byte());
        this.settleLocals();
        this.flush(Operands.height);
        this.label();
        this.open(KIND_LOOP, result);
        store<u32>(this.frame(0), this.offsetHere(), 4);
        this.countFuel();
        break;
      }
      case OP_IF: {
        const result = typeOf(this.byte());
        this.settleLocals();
        const holds = this.condition();
        this.flush(Operands.height);
        this.open(KIND_IF, result);
        this.branchLater(this.frame(0) + 4, holds ^ 1);
        Encoder.keepFlags = false;
        break;
      }
      case OP_ELSE:
        this.elseBranch();
        break;
      case OP_END:
        this.end();
        break;
      case OP_BR:
        this.branch(this.frame(this.u32()));
        break;
      case OP_BR_IF:
        this.branchIf(this.frame(this.u32()));
        break;
      case OP_BR_TABLE:
        this.branchTable();
        break;
      case OP_RETURN:
        this.branch(this.frame(Body.depth - 1));
        break;
      case OP_CALL:
        this.callDirect();
        break;
      case OP_CALL_INDIRECT:
        this.callIndirect();
        break;
      case OP_DROP:
        if (this.topIsPair()) this.pop();
        this.pop();
        break;
      case OP_SELECT:
        this.select();
        break;
    }
  }

  /** What the code at the end of the block of `frame`, or at its begin, expects of locals. */
  private settleFor(frame: usize): void {
    if (load<u8>(frame, 10) !== KIND_FUNCTION) this.settleLocals();
  }

  private branch(frame: usize): void {
    this.settleFor(frame);
    const words = this.labelWords(frame);
    if (words > 0) this.resultToRegisters(words);
    this.branchTo(frame, ALWAYS);
    this.die();
  }

  private branchIf(frame: usize): void {
    this.settleFor(frame);
    const holds = this.condition();
    const words = this.labelWords(frame);
    if (words > 0) {
      this.resultToRegisters(words);
      this.pushResult(words);
    }
    this.branchTo(frame, holds);
    Encoder.keepFlags = false;
  }

  private branchTable(): void {
    const count = this.u32();
    this.settleLocals();
    const index = this.pop();
    this.claim(R12);
    this.moveTo(R12, index);
    const tableAt = Tables.read;
    for (let i: u32 = 0; i < count; i++) this.skipLeb();
    const fallback = this.frame(this.u32());
    const after = Tables.read;
    const words = this.labelWords(fallback);
    if (words > 0) this.resultToRegisters(words);
    if (count > 0) {
      this.compareConstant(R12, count, LR);
      this.branchTo(fallback, HS);
      this.shiftImmediate(LSL, R12, R12, 2);
      this.addToCounter(R12);
      this.nop();
      Tables.read = tableAt;
      for (let i: u32 = 0; i < count; i++) this.tableBranch(this.frame(this.u32()));
      Tables.read = after;
    } else this.branchTo(fallback, ALWAYS);
    this.die();
  }

  /** A branch of 32 bits. */
  private tableBranch(frame: usize): void {
    if (load<u8>(frame, 10) === KIND_LOOP) {
      this.wideBranch(ALWAYS, Tables.origin + load<u32>(frame, 4));
    } else this.branchLater(frame, ALWAYS);
  }

  private pushCallResult(type: usize): void {
    this.pushResult(wordsOf(resultOf(type)));
  }

  private callDirect(): void {
    const index = this.u32();
    const type = this.typeOfFunction(index);
    Values.calls = true;
    this.argumentsToRegisters(parameterWords(type), 0);
    const place = Tables.functions + (index << 2);
    const known = load<u32>(place);
    if ((known & KNOWN) !== 0) this.branchLink(Tables.origin + (known & ~KNOWN));
    else {
      const offset = this.offsetHere();
      this.word(known);
      if (!Encoder.full) store<u32>(place, offset);
    }
    this.pushCallResult(type);
  }

  private callIndirect(): void {
    const type = this.type(this.u32());
    this.u32();
    Values.calls = true;
    const trap = this.trapStub(CODE_TRAP_TABLE);
    const index = this.register(this.pop());
    this.claim(R12);
    this.move(R12, index);
    this.claim(LR);
    this.compareConstant(R12, Tables.tableElements, LR);
    this.branchBack(HS, trap);
    this.loadNegative(LR, CONTEXT_TABLE);
    this.dataShifted(ADD, R12, LR, R12, LSL, 3);
    this.access(LDR, LR, R12, 0);
    const wanted = canonicalType(type);
    if (!Encoder.isComparable(wanted)) {
      this.addTwelve(LR, LR, wanted, true);
      this.compareImmediate(LR, 0);
    } else this.compareImmediate(LR, wanted);
    this.branchBack(NE, trap);
    this.access(LDR, LR, R12, 4);
    this.data(ADD, R12, R12, LR);
    this.argumentsToRegisters(parameterWords(type), 1 << R12);
    this.call(R12);
    this.pushCallResult(type);
  }

  /** In code that cannot be reached, up to its end. */
  private skip(opcode: u32): void {
    if (opcode >= OP_BLOCK && opcode <= OP_IF) Values.deadDepth++;
    else if (opcode === OP_END || (opcode === OP_ELSE && Values.deadDepth === 0)) {
      if (Values.deadDepth > 0) Values.deadDepth--;
      else this.control(opcode);
      return;
    }
    this.skipImmediates(opcode);
  }

  private note(): void {
    if (Body.places + 8 > Body.placesEnd) return;
    store<u32>(Body.places, (Tables.read - Body.module) as u32);
    store<u32>(Body.places, this.offsetHere(), 4);
    Body.places += 8;
  }

  private instruction(): void {
    if (Body.places !== 0) this.note();
    const opcode = this.byte();
    Operands.locked = 0;
    if (Values.dead) {
      this.skip(opcode);
      return;
    }
    if (Encoder.keepFlags) {
      if (!this.takesFlags(opcode)) this.settleFlags();
    }
    if (opcode >= OP_LOCAL_GET && opcode <= OP_GLOBAL_SET) this.variable(opcode);
    else if (opcode >= OP_I32_LOAD && opcode <= OP_I64_STORE32) this.memoryAccess(opcode);
    else if (opcode < OP_LOCAL_GET) this.control(opcode);
    else if (opcode <= OP_F64_CONST) this.sizeOrConstant(opcode);
    else this.numeric(opcode);
  }

  /** Whether an instruction can use the flags for its topmost operand. */
  private takesFlags(opcode: u32): bool {
    switch (opcode) {
      case OP_I32_EQZ: // i32.eqz, br_if, if, select, local.set, local.tee
      case OP_BR_IF:
      case OP_IF:
      case OP_SELECT:
      case OP_LOCAL_SET:
      case OP_LOCAL_TEE:
        return true;
      default:
        return false;
    }
  }

  private numeric(opcode: u32): void {
    if (opcode <= OP_F64_GE) {
      if (opcode === OP_I32_EQZ) this.equalZero();
      else if (opcode < OP_I64_EQZ) this.compareWords(load<u8>(CONDITIONS + (opcode - OP_I32_EQ)));
      else if (opcode === OP_I64_EQZ) this.pairEqualZero();
      else if (opcode < OP_F32_EQ) this.comparePairs(load<u8>(CONDITIONS + (opcode - OP_I64_EQ)));
      else this.floatComparison(opcode);
    } else if (opcode <= OP_I32_ROTR) this.words32(opcode);
    else if (opcode <= OP_I64_ROTR) this.words64(opcode);
    else if (opcode <= OP_F64_COPYSIGN) this.floatArithmetic(opcode);
    else if (opcode <= OP_F64_REINTERPRET_I64) this.convert(opcode);
    else if (opcode <= OP_I32_EXTEND16_S) this.extend(opcode);
    else if (opcode <= OP_I64_EXTEND32_S) this.extendPair(opcode);
    else this.miscellaneous();
  }
}
