// Integers of 64 bits, as two words.

import {
  OP_I64_ADD,
  OP_I64_AND,
  OP_I64_CTZ,
  OP_I64_DIV_S,
  OP_I64_EXTEND8_S,
  OP_I64_EXTEND32_S,
  OP_I64_MUL,
  OP_I64_OR,
  OP_I64_POPCNT,
  OP_I64_REM_U,
  OP_I64_ROTL,
  OP_I64_SHL,
  OP_I64_SHR_S,
  OP_I64_SHR_U,
  OP_I64_SUB,
  OP_I64_XOR,
} from "../wasm-checker/opcodes";
import {
  ADC,
  ADD,
  AND,
  ASR,
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
  ORR,
  PL,
  R0,
  R1,
  R2,
  R12,
  RSB,
  SBC,
  SUB,
} from "./encoder";
import {
  CODE_TRAP_DIVISION,
  CODE_TRAP_OVERFLOW,
  HELPER_COUNT_64,
  HELPER_DIVIDE_SIGNED,
  HELPER_ROTATE_LEFT,
} from "./layout";
import { HIGH_BOTH, HIGH_SIGN, HIGH_ZERO } from "./locals";
import { entry, K_CONSTANT, K_REGISTER, K_SIGN, kindOf, NONE, Operands, payload } from "./operands";
import { Tables } from "./tables";
import { isConstant, isPositive, isSign, Values } from "./values";
import { mirrored, Words } from "./words";

/** Instructions of 64 bits. */
@unmanaged
export class Pairs extends Words {
  pairEqualZero(): void {
    const high = this.pop();
    const low = this.pop();
    if (isConstant(high, 0) || isSign(low, high)) {
      this.compareImmediate(this.register(low), 0);
    } else {
      const first = this.register(low);
      const second = this.highRegister(high, first);
      this.dataSetting(ORR, this.place(first, second), first, second);
    }
    this.pushFlags(EQ);
  }

  comparePairs(condition: u32): void {
    let secondHigh = this.pop();
    let second = this.pop();
    let firstHigh = this.pop();
    let first = this.pop();
    // Both narrow in the same way: the order of the low words is the order of the values.
    if (isConstant(firstHigh, 0) && isConstant(secondHigh, 0)) {
      this.pushFlags(this.compareTaken(first, second, this.unsigned(condition)));
      return;
    }
    if (isSign(first, firstHigh) && isSign(second, secondHigh)) {
      this.pushFlags(this.compareTaken(first, second, condition));
      return;
    }
    if (condition === GT || condition === LE || condition === HI || condition === LS) {
      let other = first;
      first = second;
      second = other;
      other = firstHigh;
      firstHigh = secondHigh;
      secondHigh = other;
      condition = mirrored(condition);
    }
    const a = this.register(first);
    const aHigh = this.highRegister(firstHigh, a);
    const b = this.register(second);
    const bHigh = this.highRegister(secondHigh, b);
    this.compare(a, b);
    if (condition === EQ || condition === NE) {
      this.ifThen(EQ, 0);
      this.compare(aHigh, bHigh);
    } else this.dataSetting(SBC, this.place(a, b), aHigh, bHigh);
    this.pushFlags(condition);
  }

  private unsigned(condition: u32): u32 {
    switch (condition) {
      case LT:
        return LO;
      case GT:
        return HI;
      case LE:
        return LS;
      case GE:
        return HS;
      default:
        return condition;
    }
  }

  private addPairs(negative: bool): void {
    let secondHigh = this.pop();
    let second = this.pop();
    let firstHigh = this.pop();
    let first = this.pop();
    if (!negative && kindOf(first) === K_CONSTANT) {
      let other = first;
      first = second;
      second = other;
      other = firstHigh;
      firstHigh = secondHigh;
      secondHigh = other;
    }
    const a = this.register(first);
    const aHigh = this.highRegister(firstHigh, a);
    const small =
      kindOf(second) === K_CONSTANT && modifiedImmediate(payload(second)) !== NO_IMMEDIATE;
    const smallHigh =
      kindOf(secondHigh) === K_CONSTANT && modifiedImmediate(payload(secondHigh)) !== NO_IMMEDIATE;
    const b: u32 = small ? NONE : this.register(second);
    const sign = b !== NONE && kindOf(secondHigh) === K_SIGN;
    const bHigh: u32 = smallHigh ? NONE : sign ? b : this.highRegister(secondHigh, b);
    let low = this.hint(0);
    if (low === NONE || low === aHigh || low === bHigh) low = this.place(a, sign ? NONE : b);
    let high = this.hint(1);
    if (high === NONE) high = this.place(aHigh, bHigh);
    if (small) this.dataImmediateSetting(negative ? SUB : ADD, low, a, payload(second));
    else this.dataSetting(negative ? SUB : ADD, low, a, b);
    Encoder.keepFlags = true;
    if (smallHigh) this.dataImmediate(negative ? SBC : ADC, high, aHigh, payload(secondHigh));
    else if (sign) this.dataShifted(negative ? SBC : ADC, high, aHigh, b, ASR, 31);
    else this.data(negative ? SBC : ADC, high, aHigh, bHigh);
    Encoder.keepFlags = false;
    this.pushPair(low, high);
  }

  private bitwisePairs(op: u32): void {
    const secondHigh = this.pop();
    const second = this.pop();
    const firstHigh = this.pop();
    const first = this.pop();
    const zero = op === AND && (isConstant(firstHigh, 0) || isConstant(secondHigh, 0));
    if (zero || (isSign(first, firstHigh) && isSign(second, secondHigh))) {
      this.push(this.bitwiseWord(op, first, second, this.hint(0)));
      const positive = isPositive(first, firstHigh) || isPositive(second, secondHigh);
      this.pushNarrowHigh(zero ? (positive ? HIGH_BOTH : HIGH_ZERO) : HIGH_SIGN);
      return;
    }
    // A sign is of its own low word, which is not the result's.
    const upper1 = this.settled(first, firstHigh);
    const upper2 = this.settled(second, secondHigh);
    const hintLow = this.hint(0);
    const free =
      hintLow !== NONE && !this.mentions(upper1, hintLow) && !this.mentions(upper2, hintLow);
    const low = this.bitwiseWord(op, first, second, free ? hintLow : NONE);
    const hintHigh = this.hint(1);
    const freeHigh = hintHigh !== NONE && !this.mentions(low, hintHigh);
    const high = this.bitwiseWord(op, upper1, upper2, freeHigh ? hintHigh : NONE);
    this.push(low);
    this.pushUpper(high);
  }

  private multiplyPairs(): void {
    let secondHigh = this.pop();
    let second = this.pop();
    let firstHigh = this.pop();
    let first = this.pop();
    const narrow = isConstant(firstHigh, 0) && isConstant(secondHigh, 0);
    const signs = !narrow && isSign(first, firstHigh) && isSign(second, secondHigh);
    const a = this.register(first);
    const b = this.register(second);
    if (narrow || signs) {
      if (load<u8>(Tables.read) === OP_I64_ADD && Operands.height > 1) {
        Tables.read++;
        const high = this.pop();
        const low = this.pop();
        const sum = this.writable(low);
        const sumHigh = this.writableHigh(high, sum);
        this.multiplyLong(signs, true, sum, sumHigh, a, b);
        this.pushPair(sum, sumHigh);
        return;
      }
      const hint = this.hint(0);
      const hintHigh = this.hint(1);
      const low = hint !== NONE ? hint : this.place(a, b);
      let high = hintHigh;
      if (high === NONE) high = low === a ? this.place(b, NONE) : this.place(NONE, NONE);
      if (high === low) high = this.allocate();
      this.multiplyLong(signs, false, low, high, a, b);
      this.pushPair(low, high);
      return;
    }
    const aHigh: u32 = isConstant(firstHigh, 0) ? NONE : this.highRegister(firstHigh, a);
    const bHigh: u32 = isConstant(secondHigh, 0) ? NONE : this.highRegister(secondHigh, b);
    const low = this.allocate();
    const high = this.allocate();
    this.multiplyLong(false, false, low, high, a, b);
    if (bHigh !== NONE) this.multiplyAdd(high, a, bHigh, high);
    if (aHigh !== NONE) this.multiplyAdd(high, aHigh, b, high);
    this.pushPair(low, high);
  }

  private dividePairs(opcode: u32): void {
    // div_s, div_u, rem_s, rem_u
    Values.calls = true;
    this.argumentsToRegisters(4, 0);
    this.dataSetting(ORR, R12, R2, 3);
    this.branchBack(EQ, this.trapStub(CODE_TRAP_DIVISION));
    if (opcode === OP_I64_DIV_S) {
      this.compareImmediate(R2, 0xffffffff);
      this.ifThen(EQ, 2);
      this.compareImmediate(3, 0xffffffff);
      this.compareImmediate(R0, 0);
      this.compareImmediate(R1, 0x80000000);
      this.branchBack(EQ, this.trapStub(CODE_TRAP_OVERFLOW));
    }
    this.helper(HELPER_DIVIDE_SIGNED + opcode - OP_I64_DIV_S);
    this.pushPair(R0, R1);
  }

  private shiftPairs(opcode: u32): void {
    // shl, shr_s, shr_u, rotl, rotr
    if (kindOf(this.at(Operands.height - 2)) !== K_CONSTANT) {
      if (opcode >= OP_I64_ROTL) this.callHelper(HELPER_ROTATE_LEFT + opcode - OP_I64_ROTL, 4, 2);
      else this.shiftByPair(opcode);
      return;
    }
    this.pop();
    let by = payload(this.pop()) & 63;
    const high = this.pop();
    const low = this.pop();
    if (opcode >= OP_I64_ROTL)
      this.rotateConstant(low, high, opcode === OP_I64_ROTL ? by : (64 - by) & 63);
    else if (opcode === OP_I64_SHL) this.shiftLeft(low, high, by);
    else this.shiftRight(low, high, by, opcode === OP_I64_SHR_S);
  }

  private shiftLeft(low: u64, high: u64, by: u32): void {
    if (by >= 32) {
      const moved = this.shifted(LSL, low, by - 32);
      this.pushConstant(0);
      this.pushUpper(moved);
      return;
    }
    if (by === 0) {
      this.pushAgain(low, high);
      return;
    }
    const from = this.register(low);
    let top: u32;
    if (isConstant(high, 0)) {
      top = this.allocate();
      this.shiftImmediate(LSR, top, from, 32 - by);
    } else {
      const above = this.highRegister(high, from);
      top = this.place(above, NONE);
      this.shiftImmediate(LSL, top, above, by);
      this.dataShifted(ORR, top, top, from, LSR, 32 - by);
    }
    const bottom = this.place(from, NONE);
    this.shiftImmediate(LSL, bottom, from, by);
    this.pushPair(bottom, top);
  }

  private shiftRight(low: u64, high: u64, by: u32, isSigned: bool): void {
    if (by === 0) {
      this.pushAgain(low, high);
      return;
    }
    if (by >= 32) {
      const above = this.settled(low, high);
      this.push(this.shifted(isSigned ? ASR : LSR, above, by - 32));
      this.pushNarrowHigh(isSigned ? HIGH_SIGN : by > 32 ? HIGH_BOTH : HIGH_ZERO);
      return;
    }
    if (isSigned ? isSign(low, high) : isConstant(high, 0)) {
      this.push(this.shifted(isSigned ? ASR : LSR, low, by));
      this.pushNarrowHigh(isSigned ? HIGH_SIGN : HIGH_BOTH);
      return;
    }
    const from = this.register(low);
    const above = this.highRegister(high, from);
    const bottom = this.place(from, NONE);
    this.shiftImmediate(LSR, bottom, from, by);
    this.dataShifted(ORR, bottom, bottom, above, LSL, 32 - by);
    const top = this.place(above, NONE);
    this.shiftImmediate(isSigned ? ASR : LSR, top, above, by);
    this.pushPair(bottom, top);
  }

  /** A word that was taken, shifted by 0 to 31. */
  private shifted(shift: u32, word: u64, by: u32): u64 {
    if (by === 0) return word;
    if (kindOf(word) === K_CONSTANT) {
      const value = payload(word);
      return entry(
        K_CONSTANT,
        shift === LSL
          ? value << by
          : shift === LSR
            ? value >>> by
            : (((value as i32) >> by) as u32),
      );
    }
    const from = this.register(word);
    const target = this.place(from, NONE);
    this.shiftImmediate(shift, target, from, by);
    return entry(K_REGISTER, target);
  }

  private rotateConstant(low: u64, high: u64, by: u32): void {
    if (by === 0) {
      this.pushAgain(low, high);
      return;
    }
    let bottom = this.register(low);
    let top = this.highRegister(high, bottom);
    if (by >= 32) {
      const other = bottom;
      bottom = top;
      top = other;
      by -= 32;
    }
    if (by === 0) {
      // Each word goes into the other's place: as registers of their own.
      this.pushPair(this.ownRegister(bottom), this.ownRegister(top));
      return;
    }
    const newTop = this.allocate();
    this.shiftImmediate(LSL, newTop, top, by);
    this.dataShifted(ORR, newTop, newTop, bottom, LSR, 32 - by);
    const newBottom = this.place(bottom, NONE);
    this.shiftImmediate(LSL, newBottom, bottom, by);
    this.dataShifted(ORR, newBottom, newBottom, top, LSR, 32 - by);
    this.pushPair(newBottom, newTop);
  }

  /** Shifts by what is not known. */
  private shiftByPair(opcode: u32): void {
    this.pop();
    const amount = this.pop();
    const high = this.pop();
    const low = this.pop();
    const by = this.writable(amount);
    const bottom = this.writable(low);
    const top = this.writableHigh(high, bottom);
    const other = this.allocate();
    const part = this.allocate();
    this.dataImmediate(AND, by, by, 63);
    this.dataImmediate(RSB, other, by, 32);
    // A register's shift by 32 to 255 gives 0: 32 − by below 0, and by − 32 below 0, are such.
    if (opcode === OP_I64_SHL) {
      this.shift(LSL, top, top, by);
      this.shift(LSR, part, bottom, other);
      this.data(ORR, top, top, part);
      this.addImmediate(other, by, negated(32));
      this.shift(LSL, part, bottom, other);
      this.data(ORR, top, top, part);
      this.shift(LSL, bottom, bottom, by);
    } else {
      this.shift(LSR, bottom, bottom, by);
      this.shift(LSL, part, top, other);
      this.data(ORR, bottom, bottom, part);
      if (opcode === OP_I64_SHR_U) {
        this.addImmediate(other, by, negated(32));
        this.shift(LSR, part, top, other);
        this.data(ORR, bottom, bottom, part);
        this.shift(LSR, top, top, by);
      } else {
        this.dataImmediateSetting(SUB, other, by, 32);
        Encoder.keepFlags = true;
        this.ifThen(PL, 0);
        this.shift(ASR, bottom, top, other);
        Encoder.keepFlags = false;
        this.shift(ASR, top, top, by);
      }
    }
    this.pushPair(bottom, top);
  }

  private countPair(opcode: u32): void {
    if (opcode === OP_I64_POPCNT) {
      this.callHelper(HELPER_COUNT_64, 2, 1);
      this.pushNarrowHigh(HIGH_BOTH);
      return;
    }
    const high = this.pop();
    const low = this.pop();
    let second = this.register(low);
    let first = this.highRegister(high, second);
    if (opcode === OP_I64_CTZ) {
      const other = first;
      first = second;
      second = other;
    }
    // Zeros of the word that counts first, and of the other if that is all zeros.
    const count = this.allocate();
    const rest = this.allocate();
    if (opcode === OP_I64_CTZ) {
      this.rbit(count, first);
      this.rbit(rest, second);
      this.clz(count, count);
      this.clz(rest, rest);
    } else {
      this.clz(count, first);
      this.clz(rest, second);
    }
    this.compareImmediate(count, 32);
    Encoder.keepFlags = true;
    this.ifThen(EQ, 0);
    this.data(ADD, count, count, rest);
    Encoder.keepFlags = false;
    this.pushRegister(count);
    this.pushNarrowHigh(HIGH_BOTH);
  }

  extendPair(opcode: u32): void {
    this.dropHigh();
    const low = this.pop();
    if (opcode === OP_I64_EXTEND32_S) this.push(low);
    else {
      const from = this.register(low);
      const hint = this.hint(0);
      const target = hint !== NONE ? hint : this.place(from, NONE);
      if (opcode === OP_I64_EXTEND8_S) this.sxtb(target, from);
      else this.sxth(target, from);
      this.pushRegister(target);
    }
    this.pushSign();
  }

  words64(opcode: u32): void {
    switch (opcode) {
      case OP_I64_ADD:
        this.addPairs(false);
        break;
      case OP_I64_SUB:
        this.addPairs(true);
        break;
      case OP_I64_MUL:
        this.multiplyPairs();
        break;
      case OP_I64_AND:
        this.bitwisePairs(AND);
        break;
      case OP_I64_OR:
        this.bitwisePairs(ORR);
        break;
      case OP_I64_XOR:
        this.bitwisePairs(EOR);
        break;
      default:
        if (opcode < OP_I64_ADD) this.countPair(opcode);
        else if (opcode <= OP_I64_REM_U) this.dividePairs(opcode);
        else this.shiftPairs(opcode);
    }
  }
}
