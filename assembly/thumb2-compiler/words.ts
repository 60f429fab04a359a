// Integers of 32 bits: comparisons, arithmetic, shifts.

import {
  OP_I32_ADD,
  OP_I32_AND,
  OP_I32_CTZ,
  OP_I32_EXTEND8_S,
  OP_I32_MUL,
  OP_I32_OR,
  OP_I32_POPCNT,
  OP_I32_REM_S,
  OP_I32_REM_U,
  OP_I32_ROTL,
  OP_I32_SHL,
  OP_I32_SHR_S,
  OP_I32_SHR_U,
  OP_I32_SUB,
  OP_I32_XOR,
} from "../wasm-checker/opcodes";
import {
  ADD,
  AND,
  ASR,
  BIC,
  Encoder,
  EOR,
  EQ,
  GE,
  GT,
  HI,
  HS,
  LE,
  LO,
  LS,
  LSL,
  LSR,
  LT,
  modifiedImmediate,
  NE,
  NO_IMMEDIATE,
  negated,
  ORN,
  ORR,
  ROR,
  RSB,
  SUB,
} from "./encoder";
import { CODE_TRAP_DIVISION, CODE_TRAP_OVERFLOW, HELPER_COUNT_32 } from "./layout";
import {
  entry,
  K_CONSTANT,
  K_FLAGS,
  K_REGISTER,
  kindOf,
  NONE,
  Operands,
  payload,
} from "./operands";
import { Tables } from "./tables";
import { Values } from "./values";

/** Conditions of comparisons of integers from `eq` on. */
export const CONDITIONS: usize = memory.data<u8>([
  EQ as u8,
  NE as u8,
  LT as u8,
  LO as u8,
  GT as u8,
  HI as u8,
  LE as u8,
  LS as u8,
  GE as u8,
  HS as u8,
]);

/** The condition for operands the other way round. */
export function mirrored(condition: u32): u32 {
  switch (condition) {
    case LT:
      return GT;
    case GT:
      return LT;
    case LE:
      return GE;
    case GE:
      return LE;
    case LO:
      return HI;
    case HI:
      return LO;
    case LS:
      return HS;
    case HS:
      return LS;
    default:
      return condition;
  }
}

/** Instructions of 32 bits. */
@unmanaged
export class Words extends Values {
  /** Takes a condition off the stack; returns what holds when it is not 0. The flags are in use. */
  condition(): u32 {
    const word = this.pop();
    if (kindOf(word) === K_FLAGS) return payload(word);
    this.compareImmediate(this.register(word), 0);
    Encoder.keepFlags = true;
    return NE;
  }

  compareWords(condition: u32): void {
    const second = this.pop();
    const first = this.pop();
    this.pushFlags(this.compareTaken(first, second, condition));
  }

  /** Compares two words that were taken; returns the condition to ask for. */
  compareTaken(first: u64, second: u64, condition: u32): u32 {
    if (kindOf(first) === K_CONSTANT && kindOf(second) !== K_CONSTANT) {
      if (Encoder.isComparable(payload(first))) {
        this.compareImmediate(this.register(second), payload(first));
        return mirrored(condition);
      }
    } else if (kindOf(second) === K_CONSTANT && Encoder.isComparable(payload(second))) {
      this.compareImmediate(this.register(first), payload(second));
      return condition;
    }
    const left = this.register(first);
    this.compare(left, this.register(second));
    return condition;
  }

  equalZero(): void {
    const word = this.pop();
    if (kindOf(word) === K_FLAGS) {
      this.pushFlags(payload(word) ^ 1);
      return;
    }
    this.compareImmediate(this.register(word), 0);
    this.pushFlags(EQ);
  }

  private add(): void {
    let second = this.pop();
    let first = this.pop();
    if (kindOf(first) === K_CONSTANT) {
      const other = first;
      first = second;
      second = other;
    }
    if (kindOf(second) === K_CONSTANT) this.addConstant(first, payload(second));
    else this.simple(ADD, first, second);
  }

  private addConstant(word: u64, value: u32): void {
    if (kindOf(word) === K_CONSTANT) this.pushConstant(payload(word) + value);
    else if (value === 0) this.push(word);
    else if (Encoder.isAddend(value)) {
      const register = this.register(word);
      const target = this.destination(register, NONE);
      this.addImmediate(target, register, value);
      this.pushRegister(target);
    } else this.simple(ADD, word, entry(K_CONSTANT, value));
  }

  private subtract(): void {
    const second = this.pop();
    const first = this.pop();
    if (kindOf(second) === K_CONSTANT) this.addConstant(first, negated(payload(second)));
    else if (kindOf(first) === K_CONSTANT && modifiedImmediate(payload(first)) !== NO_IMMEDIATE) {
      const register = this.register(second);
      const target = this.destination(register, NONE);
      this.dataImmediate(RSB, target, register, payload(first));
      this.pushRegister(target);
    } else this.simple(SUB, first, second);
  }

  private simple(op: u32, first: u64, second: u64): void {
    const a = this.register(first);
    const b = this.register(second);
    const target = this.destination(a, b);
    this.data(op, target, a, b);
    this.pushRegister(target);
  }

  private bitwise(op: u32): void {
    const second = this.pop();
    const first = this.pop();
    this.push(this.bitwiseWord(op, first, second, this.hint(0)));
  }

  /** `and`, `or`, `xor` of two words that were taken, into `hint` if that is a register. */
  bitwiseWord(op: u32, first: u64, second: u64, hint: u32): u64 {
    if (kindOf(first) === K_CONSTANT) {
      const other = first;
      first = second;
      second = other;
    }
    if (kindOf(second) === K_CONSTANT) {
      const value = payload(second);
      if (kindOf(first) === K_CONSTANT) {
        const left = payload(first);
        const result = op === AND ? left & value : op === ORR ? left | value : left ^ value;
        return entry(K_CONSTANT, result);
      }
      if (value === 0) return op === AND ? entry(K_CONSTANT, 0) : first;
      if (value === 0xffffffff && op !== EOR) return op === AND ? first : second;
      const a = this.register(first);
      const target = hint !== NONE ? hint : this.place(a, NONE);
      if (value === 0xffffffff) this.not(target, a);
      else if (op === AND && value === 0xff) this.uxtb(target, a);
      else if (op === AND && value === 0xffff) this.uxth(target, a);
      else if (modifiedImmediate(value) !== NO_IMMEDIATE) this.dataImmediate(op, target, a, value);
      else if (op !== EOR && modifiedImmediate(~value) !== NO_IMMEDIATE) {
        this.dataImmediate(op === AND ? BIC : ORN, target, a, ~value);
      } else {
        const b = this.register(second);
        this.data(op, target, a, b);
      }
      return entry(K_REGISTER, target);
    }
    const a = this.register(first);
    const b = this.register(second);
    const target = hint !== NONE ? hint : this.place(a, b);
    this.data(op, target, a, b);
    return entry(K_REGISTER, target);
  }

  private multiplyWords(): void {
    let second = this.pop();
    let first = this.pop();
    if (kindOf(first) === K_CONSTANT) {
      const other = first;
      first = second;
      second = other;
    }
    if (kindOf(second) === K_CONSTANT) {
      const value = payload(second);
      if (kindOf(first) === K_CONSTANT) {
        this.pushConstant(payload(first) * value);
        return;
      }
      if (value === 0) {
        this.pushConstant(0);
        return;
      }
      if (popcnt(value) === 1) {
        this.shiftConstant(LSL, first, ctz(value));
        return;
      }
    }
    const a = this.register(first);
    const b = this.register(second);
    const target = this.destination(a, b);
    this.multiply(target, a, b);
    this.pushRegister(target);
  }

  private divideWords(opcode: u32): void {
    const second = this.pop();
    const first = this.pop();
    const isSigned = (opcode & 1) !== 0; // of div_s, div_u, rem_s, rem_u
    const remainder = opcode >= OP_I32_REM_S;
    if (kindOf(second) === K_CONSTANT && !isSigned && popcnt(payload(second)) === 1) {
      const value = payload(second);
      if (remainder) this.push(this.bitwiseWord(AND, first, entry(K_CONSTANT, value - 1), NONE));
      else this.shiftConstant(LSR, first, ctz(value));
      return;
    }
    const harmless =
      kindOf(second) === K_CONSTANT && payload(second) !== 0 && payload(second) !== 0xffffffff;
    const a = this.register(first);
    const b = this.register(second);
    if (!harmless) {
      this.compareImmediate(b, 0);
      this.branchBack(EQ, this.trapStub(CODE_TRAP_DIVISION));
      if (isSigned && !remainder) {
        this.compareImmediate(b, 0xffffffff);
        this.ifThen(EQ, 0);
        this.compareImmediate(a, 0x80000000);
        this.branchBack(EQ, this.trapStub(CODE_TRAP_OVERFLOW));
      }
    }
    if (!remainder) {
      const target = this.destination(a, b);
      this.divide(isSigned, target, a, b);
      this.pushRegister(target);
      return;
    }
    const quotient = this.allocate();
    this.divide(isSigned, quotient, a, b);
    const target = this.destination(a, b);
    this.multiplySubtract(target, quotient, b, a);
    this.pushRegister(target);
  }

  /** Shifts a word that was taken by 0 to 31, together with what the next instruction does with it. */
  private shiftConstant(shift: u32, word: u64, amount: u32): void {
    if (amount === 0) {
      this.push(word);
      return;
    }
    if (kindOf(word) === K_CONSTANT) {
      const value = payload(word);
      this.pushConstant(
        shift === LSL
          ? value << amount
          : shift === LSR
            ? value >>> amount
            : shift === ASR
              ? (((value as i32) >> amount) as u32)
              : rotr(value, amount),
      );
      return;
    }
    const a = this.register(word);
    const op = this.fusable(load<u8>(Tables.read));
    if (op !== NONE && Operands.height > 0) {
      Tables.read++;
      const other = this.register(this.pop());
      const target = this.destination(other, a);
      this.dataShifted(op, target, other, a, shift, amount);
      this.pushRegister(target);
      return;
    }
    const target = this.destination(a, NONE);
    this.shiftImmediate(shift, target, a, amount);
    this.pushRegister(target);
  }

  private fusable(opcode: u32): u32 {
    switch (opcode) {
      case OP_I32_ADD:
        return ADD;
      case OP_I32_SUB:
        return SUB;
      case OP_I32_AND:
        return AND;
      case OP_I32_OR:
        return ORR;
      case OP_I32_XOR:
        return EOR;
      default:
        return NONE;
    }
  }

  private shiftWords(opcode: u32): void {
    // shl, shr_s, shr_u, rotl, rotr
    const amount = this.pop();
    const word = this.pop();
    const left = opcode === OP_I32_ROTL;
    const shift: u32 =
      opcode === OP_I32_SHL
        ? LSL
        : opcode === OP_I32_SHR_S
          ? ASR
          : opcode === OP_I32_SHR_U
            ? LSR
            : ROR;
    if (kindOf(amount) === K_CONSTANT) {
      const by = payload(amount) & 31;
      this.shiftConstant(shift, word, left ? (32 - by) & 31 : by);
      return;
    }
    const a = this.register(word);
    let by = this.register(amount);
    if (shift !== ROR || left) {
      const masked = this.place(by, NONE);
      if (left) this.dataImmediate(RSB, masked, by, 0);
      else this.dataImmediate(AND, masked, by, 31);
      by = masked;
    }
    const target = this.destination(a, by);
    this.shift(shift, target, a, by);
    this.pushRegister(target);
  }

  private countBits(opcode: u32): void {
    if (opcode === OP_I32_POPCNT) {
      this.callHelper(HELPER_COUNT_32, 1, 1);
      return;
    }
    const a = this.register(this.pop());
    const target = this.destination(a, NONE);
    if (opcode === OP_I32_CTZ) {
      this.rbit(target, a);
      this.clz(target, target);
    } else this.clz(target, a);
    this.pushRegister(target);
  }

  extend(opcode: u32): void {
    const a = this.register(this.pop());
    const target = this.destination(a, NONE);
    if (opcode === OP_I32_EXTEND8_S) this.sxtb(target, a);
    else this.sxth(target, a);
    this.pushRegister(target);
  }

  words32(opcode: u32): void {
    switch (opcode) {
      case OP_I32_ADD:
        this.add();
        break;
      case OP_I32_SUB:
        this.subtract();
        break;
      case OP_I32_MUL:
        this.multiplyWords();
        break;
      case OP_I32_AND:
        this.bitwise(AND);
        break;
      case OP_I32_OR:
        this.bitwise(ORR);
        break;
      case OP_I32_XOR:
        this.bitwise(EOR);
        break;
      default:
        if (opcode < OP_I32_ADD) this.countBits(opcode);
        else if (opcode <= OP_I32_REM_U) this.divideWords(opcode);
        else this.shiftWords(opcode);
    }
  }
}
