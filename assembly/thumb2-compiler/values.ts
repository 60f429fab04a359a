// What the instructions of a body have in common: where results go, what is known of high words, calls of the home.

import { OP_LOCAL_SET, OP_LOCAL_TEE } from "../wasm-checker/opcodes";
import { ASR, Encoder, LDR, R0, R1, R11, R12 } from "./encoder";
import { CONTEXT_HELPERS } from "./layout";
import { HIGH_BOTH, HIGH_SIGN, HIGH_ZERO, Locals } from "./locals";
import { Memory } from "./memory";
import {
  entry,
  K_CONSTANT,
  K_LOCAL,
  K_REGISTER,
  K_SIGN,
  kindOf,
  NONE,
  Operands,
  POSITIVE,
  payload,
} from "./operands";
import { Tables } from "./tables";

/** Whether a word is the constant `value`. */
export function isConstant(word: u64, value: u32): bool {
  return kindOf(word) === K_CONSTANT && payload(word) === value;
}

/** Whether `high` is known to repeat the sign of `low`. */
export function isSign(low: u64, high: u64): bool {
  if (kindOf(high) === K_SIGN || (high & POSITIVE) !== 0) return true;
  return kindOf(low) === K_CONSTANT && isConstant(high, ((payload(low) as i32) >> 31) as u32);
}

/** What is known of a high word, as `HIGH_…`. */
export function highKnown(low: u64, high: u64): u32 {
  const zero: u32 = isConstant(high, 0) ? HIGH_ZERO : 0;
  return isSign(low, high) ? zero | HIGH_SIGN : zero;
}

/** Whether a value is known to be from 0 to 2^31 − 1. */
export function isPositive(low: u64, high: u64): bool {
  return highKnown(low, high) === HIGH_BOTH;
}

/** Values of a function body while it is compiled. */
@unmanaged
export class Values extends Memory {
  /** Whether what follows cannot be reached, and how many blocks were opened since. */
  static dead: bool = false;
  static deadDepth: u32 = 0;
  /** Whether the function calls anything. */
  static calls: bool = false;

  loadNegative(register: u32, distance: u32): void {
    this.access(LDR, register, R11, -(distance as i32));
  }

  die(): void {
    while (Locals.narrow !== NONE) this.unlist();
    Values.dead = true;
    Values.deadDepth = 0;
    Encoder.keepFlags = false;
  }

  /** The result of a block is in r0 and r1. */
  pushResult(words: u32): void {
    if (words === 1) this.pushRegister(R0);
    else if (words === 2) this.pushPair(R0, R1);
  }

  /** Compares a register with a constant, through `spare` if need be. */
  compareConstant(register: u32, value: u32, spare: u32): void {
    if (Encoder.isComparable(value)) this.compareImmediate(register, value);
    else {
      this.constant(spare, value);
      this.compare(register, spare);
    }
  }

  callHelper(helper: u32, words: u32, result: u32): void {
    Values.calls = true;
    this.argumentsToRegisters(words, 0);
    this.helper(helper);
    this.pushResult(result);
  }

  helper(helper: u32): void {
    this.loadNegative(R12, CONTEXT_HELPERS);
    this.access(LDR, R12, R12, (helper << 2) as i32);
    this.call(R12);
  }

  /** A function of the home that takes three words, or one. */
  callHome(context: u32, words: u32, result: u32): void {
    Values.calls = true;
    this.argumentsToRegisters(words, 0);
    this.loadNegative(R12, context);
    this.call(R12);
    this.pushResult(result);
  }

  /** The register of the local that the next instruction sets, if it has one that may be written on. */
  hint(upper: u32): u32 {
    const opcode = load<u8>(Tables.read);
    if (opcode !== OP_LOCAL_SET && opcode !== OP_LOCAL_TEE) return NONE;
    const index: u32 = load<u8>(Tables.read, 1);
    if (index >= 0x80) return NONE;
    const word = this.localWord(index) + upper;
    if (this.references(word) !== 0) return NONE;
    const register = this.localRegister(word);
    return register === 0 ? NONE : register;
  }

  /** Where a result goes whose operands, of which one may be `NONE`, are read at once. */
  destination(first: u32, second: u32): u32 {
    const hint = this.hint(0);
    if (hint !== NONE) return hint;
    return this.place(first, second);
  }

  place(first: u32, second: u32): u32 {
    if (this.isTemporary(first)) return first;
    if (this.isTemporary(second)) return second;
    return this.allocate();
  }

  /** A high word that the low one, which is on top, tells: `high` is not 0. */
  pushNarrowHigh(high: u32): void {
    if (high === HIGH_SIGN) this.pushSign();
    else this.pushUpper(entry(K_CONSTANT, 0) | (high === HIGH_BOTH ? POSITIVE : 0));
  }

  /** Takes a high word that is not wanted. */
  dropHigh(): void {
    const high = this.pop();
    if (kindOf(high) === K_REGISTER) Operands.locked &= ~(1 << payload(high));
  }

  /** A high word that was taken, but as a register if it was a sign. */
  settled(low: u64, high: u64): u64 {
    if (kindOf(high) !== K_SIGN) return high;
    const target = this.allocate();
    let from: u32 = NONE;
    if (kindOf(low) === K_REGISTER) from = payload(low);
    else if (kindOf(low) === K_LOCAL && this.localRegister(payload(low)) !== 0) {
      from = this.localRegister(payload(low));
    } else {
      this.moveTo(target, low);
      from = target;
    }
    this.shiftImmediate(ASR, target, from, 31);
    return entry(K_REGISTER, target);
  }

  /** Whether a word that was taken lies in `register`. */
  mentions(word: u64, register: u32): bool {
    if (kindOf(word) === K_REGISTER) return payload(word) === register;
    return kindOf(word) === K_LOCAL && this.localRegister(payload(word)) === register;
  }

  /** Pushes a value that was taken. */
  pushAgain(low: u64, high: u64): void {
    this.push(low);
    if (kindOf(high) === K_SIGN) this.pushSign();
    else this.pushUpper(high);
  }

  ownRegister(register: u32): u32 {
    if (this.isTemporary(register)) return register;
    const own = this.allocate();
    this.move(own, register);
    return own;
  }
}
