// Floating point, and what converts between types.

import {
  OP_F32_ABS,
  OP_F32_ADD,
  OP_F32_CONVERT_I32_S,
  OP_F32_CONVERT_I32_U,
  OP_F32_CONVERT_I64_S,
  OP_F32_CONVERT_I64_U,
  OP_F32_COPYSIGN,
  OP_F32_DEMOTE_F64,
  OP_F32_DIV,
  OP_F32_EQ,
  OP_F32_NEG,
  OP_F32_REINTERPRET_I32,
  OP_F32_SQRT,
  OP_F64_ABS,
  OP_F64_CONVERT_I64_S,
  OP_F64_CONVERT_I64_U,
  OP_F64_EQ,
  OP_F64_PROMOTE_F32,
  OP_F64_REINTERPRET_I64,
  OP_I32_REINTERPRET_F32,
  OP_I32_TRUNC_F32_S,
  OP_I32_TRUNC_F64_S,
  OP_I32_TRUNC_F64_U,
  OP_I32_WRAP_I64,
  OP_I64_EXTEND_I32_S,
  OP_I64_EXTEND_I32_U,
  OP_I64_REINTERPRET_F64,
  OP_I64_TRUNC_F64_S,
  OP_I64_TRUNC_F64_U,
} from "../wasm-checker/opcodes";
import {
  AND,
  BIC,
  EOR,
  EQ,
  GE,
  GT,
  LS,
  MI,
  NE,
  ORR,
  S0,
  VABS,
  VADD,
  VCMP,
  VCVT_F32_S32,
  VCVT_F32_U32,
  VCVT_S32_F32,
  VCVT_U32_F32,
  VDIV,
  VMUL,
  VNEG,
  VSQRT,
  VSUB,
} from "./encoder";
import {
  CONTEXT_COPY,
  CONTEXT_FILL,
  HELPER_ARITHMETIC,
  HELPER_COMPARE,
  HELPER_CONVERT,
  HELPER_SATURATE,
} from "./layout";
import { HIGH_ZERO } from "./locals";
import { entry, inFloat, K_REGISTER, K_SIGN, kindOf, NONE, Operands } from "./operands";
import { Pairs } from "./pairs";
import { F32, F64, I64, Tables, wordsOf } from "./tables";
import { Values } from "./values";

/** Conditions after `vcmp`, from `eq` on. */
const FLOAT_CONDITIONS: usize = memory.data<u8>([
  EQ as u8,
  NE as u8,
  MI as u8,
  GT as u8,
  LS as u8,
  GE as u8,
]);

/** Operations of single precision from `sqrt` on. */
const OPERATIONS: usize = memory.data<u32>([VSQRT, VADD, VSUB, VMUL, VDIV]);

/** Instructions of floating point, conversions. */
@unmanaged
export class Floats extends Pairs {
  /** Whether single precision is done by the processor. */
  static floats: bool = false;

  private compareFloats(which: u32): void {
    const second = this.pop();
    const first = this.single(this.pop());
    this.float(VCMP, first, S0, this.single(second));
    this.floatFlags();
    this.pushFlags(load<u8>(FLOAT_CONDITIONS + which));
  }

  private floatSign(opcode: u32): void {
    // abs, neg, copysign; those of 64 bits 14 later
    const wide = opcode >= OP_F64_ABS;
    const which = wide ? opcode - 14 : opcode;
    if (which === OP_F32_COPYSIGN) {
      const sign = this.register(this.popTop());
      if (wide) this.pop();
      const top = this.writable(this.popTop());
      this.dataImmediate(BIC, top, top, 0x80000000);
      const bit = this.place(sign, NONE);
      this.dataImmediate(AND, bit, sign, 0x80000000);
      this.data(ORR, top, top, bit);
      this.pushTop(top, wide);
      return;
    }
    const word = this.popTop();
    if (inFloat(word)) {
      this.pushSingle(which === OP_F32_ABS ? VABS : VNEG, S0, word);
      return;
    }
    const top = this.writable(word);
    this.dataImmediate(which === OP_F32_ABS ? BIC : EOR, top, top, 0x80000000);
    this.pushTop(top, wide);
  }

  /** Takes the topmost word, which if it is a sign becomes a register. */
  private popTop(): u64 {
    const word = this.pop();
    return kindOf(word) === K_SIGN ? this.settled(this.at(Operands.height - 1), word) : word;
  }

  private pushTop(register: u32, upper: bool): void {
    if (upper) this.pushUpper(entry(K_REGISTER, register));
    else this.pushRegister(register);
  }

  floatArithmetic(opcode: u32): void {
    const wide = opcode >= OP_F64_ABS;
    const which = wide ? opcode - 14 : opcode;
    if (which === OP_F32_ABS || which === OP_F32_NEG || which === OP_F32_COPYSIGN) {
      this.floatSign(opcode);
      return;
    }
    const two = which >= OP_F32_ADD;
    if (Floats.floats && opcode >= OP_F32_SQRT && opcode <= OP_F32_DIV) {
      const second = this.pop();
      const first = two ? this.single(this.pop()) : S0;
      this.pushSingle(load<u32>(OPERATIONS + ((opcode - OP_F32_SQRT) << 2)), first, second);
      return;
    }
    const words: u32 = wide ? 2 : 1;
    this.callHelper(HELPER_ARITHMETIC + opcode - OP_F32_ABS, two ? words << 1 : words, words);
  }

  /** Pushes what `op` makes of the register `first`, or `S0` for no operand, and a word that was taken. */
  private pushSingle(op: u32, first: u32, second: u64): void {
    const from = this.single(second);
    const target = this.allocateFloat();
    this.float(op, target, first, from);
    this.pushRegister(target);
  }

  /** Takes the topmost word out of a register for single precision, if it is in one. */
  private leaveFloat(): void {
    const word = this.pop();
    if (inFloat(word)) this.pushRegister(this.register(word));
    else this.push(word);
  }

  floatComparison(opcode: u32): void {
    const wide = opcode >= OP_F64_EQ;
    if (Floats.floats && !wide) this.compareFloats(opcode - OP_F32_EQ);
    else this.callHelper(HELPER_COMPARE + opcode - OP_F32_EQ, wide ? 4 : 2, 1);
  }

  convert(opcode: u32): void {
    switch (opcode) {
      case OP_I32_WRAP_I64:
        this.dropHigh();
        break;
      case OP_I64_EXTEND_I32_S:
        this.pushSign();
        break;
      case OP_I64_EXTEND_I32_U:
        this.pushNarrowHigh(HIGH_ZERO);
        break;
      case OP_I32_REINTERPRET_F32:
        this.leaveFloat();
        break;
      case OP_I64_REINTERPRET_F64:
      case OP_F32_REINTERPRET_I32:
      case OP_F64_REINTERPRET_I64:
        break;
      case OP_F32_CONVERT_I32_S:
      case OP_F32_CONVERT_I32_U:
        if (Floats.floats) {
          const isSigned = opcode === OP_F32_CONVERT_I32_S;
          this.pushSingle(isSigned ? VCVT_F32_S32 : VCVT_F32_U32, S0, this.pop());
          break;
        }
        this.callHelper(HELPER_CONVERT + opcode - OP_I32_TRUNC_F32_S, 1, 1);
        break;
      default: {
        // Words of the operand and of the result, by opcode.
        const from: u32 = wordsOf(this.operandType(opcode));
        const to: u32 = wordsOf(this.resultType(opcode));
        Values.calls = true;
        this.argumentsToRegisters(from, 0);
        this.helper(HELPER_CONVERT + opcode - OP_I32_TRUNC_F32_S);
        this.pushResult(to);
      }
    }
  }

  /** Type of a conversion's operand, and below of its result, as far as words go: i32 counts as f32. */
  private operandType(opcode: u32): u32 {
    if (opcode <= OP_I32_TRUNC_F64_U) return opcode < OP_I32_TRUNC_F64_S ? F32 : F64;
    if (opcode <= OP_I64_TRUNC_F64_U) return opcode < OP_I64_TRUNC_F64_S ? F32 : F64;
    if (opcode === OP_F32_DEMOTE_F64) return F64;
    if (opcode === OP_F64_PROMOTE_F32) return F32;
    return opcode === OP_F32_CONVERT_I64_S ||
      opcode === OP_F32_CONVERT_I64_U ||
      opcode === OP_F64_CONVERT_I64_S ||
      opcode === OP_F64_CONVERT_I64_U
      ? I64
      : F32;
  }

  private resultType(opcode: u32): u32 {
    if (opcode <= OP_I32_TRUNC_F64_U) return F32;
    if (opcode <= OP_I64_TRUNC_F64_U) return I64;
    return opcode <= OP_F32_DEMOTE_F64 ? F32 : F64;
  }

  miscellaneous(): void {
    const sub = this.u32();
    if (sub >= 8) {
      Tables.read += sub === 10 ? 2 : 1;
      this.callHome(sub === 10 ? CONTEXT_COPY : CONTEXT_FILL, 3, 0);
      return;
    }
    const wide = (sub & 2) !== 0;
    if (Floats.floats && sub < 2) {
      this.pushSingle(sub === 0 ? VCVT_S32_F32 : VCVT_U32_F32, S0, this.pop());
      this.leaveFloat();
      return;
    }
    this.callHelper(HELPER_SATURATE + sub, wide ? 2 : 1, sub < 4 ? 1 : 2);
  }
}
