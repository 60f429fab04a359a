/**
 * Writes Thumb-2 instructions (Armv7-M Architecture Reference Manual, A7.7; Armv8-M, C2.4) into a
 * buffer of bounded size. Each method is named by its mnemonic; the shortest form is taken.
 *
 * The 16-bit forms of arithmetic set the condition flags. A method without `s` in its name promises the
 * flags only while `keepFlags` is set.
 */

/** Registers. */
export const R0: u32 = 0;
export const R1: u32 = 1;
export const R2: u32 = 2;
export const R3: u32 = 3;
export const R4: u32 = 4;
export const R9: u32 = 9;
export const R10: u32 = 10;
export const R11: u32 = 11;
export const R12: u32 = 12;
export const SP: u32 = 13;
export const LR: u32 = 14;
export const PC: u32 = 15;
/** The first of s0 to s15, which are numbered from here on. */
export const S0: u32 = 16;

/** Conditions (A7.3); `condition ^ 1` is the opposite. */
export const EQ: u32 = 0;
export const NE: u32 = 1;
export const HS: u32 = 2;
export const LO: u32 = 3;
export const MI: u32 = 4;
export const PL: u32 = 5;
export const HI: u32 = 8;
export const LS: u32 = 9;
export const GE: u32 = 10;
export const LT: u32 = 11;
export const GT: u32 = 12;
export const LE: u32 = 13;

/** Operations of data processing (A5.3.1 and A5.3.11). */
export const AND: u32 = 0;
export const BIC: u32 = 1;
export const ORR: u32 = 2;
export const ORN: u32 = 3;
export const EOR: u32 = 4;
export const ADD: u32 = 8;
export const ADC: u32 = 10;
export const SBC: u32 = 11;
export const SUB: u32 = 13;
export const RSB: u32 = 14;

/** Kinds of shift. */
export const LSL: u32 = 0;
export const LSR: u32 = 1;
export const ASR: u32 = 2;
export const ROR: u32 = 3;

/** Loads and stores by width and sign: the first halfword with a register offset. */
export const STRB: u32 = 0xf800;
export const LDRB: u32 = 0xf810;
export const STRH: u32 = 0xf820;
export const LDRH: u32 = 0xf830;
export const STR: u32 = 0xf840;
export const LDR: u32 = 0xf850;
export const LDRSB: u32 = 0xf910;
export const LDRSH: u32 = 0xf930;

/** Operations of single precision, as both halfwords: the first four of two operands. */
export const VADD: u32 = 0xee300a00;
export const VSUB: u32 = 0xee300a40;
export const VMUL: u32 = 0xee200a00;
export const VDIV: u32 = 0xee800a00;
export const VABS: u32 = 0xeeb00ac0;
export const VNEG: u32 = 0xeeb10a40;
export const VSQRT: u32 = 0xeeb10ac0;
export const VCMP: u32 = 0xeeb40a40;
/** Conversions: of s32 and u32 to f32, and back, towards zero, saturating, NaN to 0. */
export const VCVT_F32_S32: u32 = 0xeeb80ac0;
export const VCVT_F32_U32: u32 = 0xeeb80a40;
export const VCVT_S32_F32: u32 = 0xeebd0ac0;
export const VCVT_U32_F32: u32 = 0xeebc0ac0;

/** No modified immediate has this value. */
export const NO_IMMEDIATE: u32 = 0xffffffff;

/** The 12 bits that stand for `value` as a modified immediate (A5.3.2), or `NO_IMMEDIATE`. */
export function modifiedImmediate(value: u32): u32 {
  if (value < 0x100) return value;
  const low = value & 0xff;
  if (value === low * 0x00010001) return 0x100 | low;
  if (value === low * 0x01010101) return 0x300 | low;
  const second = (value >>> 8) & 0xff;
  if (value === second * 0x01000100) return 0x200 | second;
  const rotation: u32 = clz(value) + 8;
  const rotated = rotl(value, rotation);
  return rotated < 0x100 ? (rotation << 7) | (rotated & 0x7f) : NO_IMMEDIATE;
}

/** −`value`, modulo 2^32. */
export function negated(value: u32): u32 {
  return ~value + 1;
}

function isLow(register: u32): bool {
  return register < 8;
}

/** A buffer, and how instructions get into it. */
@unmanaged
export class Encoder {
  /** Where the next instruction goes, and the end of the buffer. */
  static out: usize = 0;
  static outEnd: usize = 0;
  /** Whether the buffer was too small: nothing is written from then on. */
  static full: bool = false;
  /** Whether the flags are in use. */
  static keepFlags: bool = false;

  half(bits: u32): void {
    const out = Encoder.out;
    if (out + 2 > Encoder.outEnd) {
      Encoder.full = true;
      return;
    }
    store<u16>(out, bits as u16);
    Encoder.out = out + 2;
  }

  wide(first: u32, second: u32): void {
    const out = Encoder.out;
    if (out + 4 > Encoder.outEnd) {
      Encoder.full = true;
      return;
    }
    store<u32>(out, first | (second << 16));
    Encoder.out = out + 4;
  }

  word(bits: u32): void {
    this.wide(bits & 0xffff, bits >>> 16);
  }

  // Data processing

  /** `op{s} rd, rn, rm, shift #amount`, 32-bit form. `amount` is 1 to 31, or 0 with LSL. */
  private operation(op: u32, s: u32, rd: u32, rn: u32, rm: u32, shift: u32, amount: u32): void {
    this.wide(
      0xea00 | (op << 5) | (s << 4) | rn,
      ((amount & 0x1c) << 10) | (rd << 8) | ((amount & 3) << 6) | (shift << 4) | rm,
    );
  }

  /** `op{s} rd, rn, #immediate`, 32-bit form, of a modified immediate's 12 bits. */
  private operationImmediate(op: u32, s: u32, rd: u32, rn: u32, twelve: u32): void {
    this.wide(
      0xf000 | ((twelve & 0x800) >>> 1) | (op << 5) | (s << 4) | rn,
      ((twelve & 0x700) << 4) | (rd << 8) | (twelve & 0xff),
    );
  }

  /** `op rd, rn, rm`. */
  data(op: u32, rd: u32, rn: u32, rm: u32): void {
    if (!Encoder.keepFlags && isLow(rd | rn | rm)) {
      if (op === ADD || op === SUB) {
        this.half((op === ADD ? 0x1800 : 0x1a00) | (rm << 6) | (rn << 3) | rd);
        return;
      }
      if (op === AND || op === ORR || op === EOR) {
        const code: u32 = op === AND ? 0x4000 : op === ORR ? 0x4300 : 0x4040;
        if (rd === rn) {
          this.half(code | (rm << 3) | rd);
          return;
        }
        if (rd === rm) {
          this.half(code | (rn << 3) | rd);
          return;
        }
      }
      if (op === BIC && rd === rn) {
        this.half(0x4380 | (rm << 3) | rd);
        return;
      }
    } else if (op === ADD && rd === rn && rd < SP && rm < SP) {
      this.half(0x4400 | ((rd & 8) << 4) | (rm << 3) | (rd & 7));
      return;
    }
    this.operation(op, 0, rd, rn, rm, LSL, 0);
  }

  /** `op rd, rn, rm, shift #amount`. */
  dataShifted(op: u32, rd: u32, rn: u32, rm: u32, shift: u32, amount: u32): void {
    this.operation(op, 0, rd, rn, rm, shift, amount);
  }

  /** `ops rd, rn, rm`: for `adds`, `subs`, `adcs`, `sbcs`, `orrs`. */
  dataSetting(op: u32, rd: u32, rn: u32, rm: u32): void {
    if (isLow(rd | rn | rm)) {
      if (op === ADD || op === SUB) {
        this.half((op === ADD ? 0x1800 : 0x1a00) | (rm << 6) | (rn << 3) | rd);
        return;
      }
      if (rd === rn && (op === ADC || op === SBC || op === ORR)) {
        this.half((op === ADC ? 0x4140 : op === SBC ? 0x4180 : 0x4300) | (rm << 3) | rd);
        return;
      }
    }
    this.operation(op, 1, rd, rn, rm, LSL, 0);
  }

  /** `op rd, rn, #value`, of a value with a modified immediate. */
  dataImmediate(op: u32, rd: u32, rn: u32, value: u32): void {
    this.operationImmediate(op, 0, rd, rn, modifiedImmediate(value));
  }

  /** `ops rd, rn, #value`, of a value with a modified immediate. */
  dataImmediateSetting(op: u32, rd: u32, rn: u32, value: u32): void {
    if ((op === ADD || op === SUB) && isLow(rd | rn)) {
      if (rd === rn && value < 0x100) {
        this.half((op === ADD ? 0x3000 : 0x3800) | (rd << 8) | value);
        return;
      }
      if (value < 8) {
        this.half((op === ADD ? 0x1c00 : 0x1e00) | (value << 6) | (rn << 3) | rd);
        return;
      }
    }
    this.operationImmediate(op, 1, rd, rn, modifiedImmediate(value));
  }

  /** Whether `addImmediate` takes `value`. */
  static isAddend(value: u32): bool {
    return (
      value < 0x1000 ||
      negated(value) < 0x1000 ||
      modifiedImmediate(value) !== NO_IMMEDIATE ||
      modifiedImmediate(negated(value)) !== NO_IMMEDIATE
    );
  }

  /** `add` or `sub rd, rn, #…` of a value for which `isAddend` holds; `rn` is not the program counter. */
  addImmediate(rd: u32, rn: u32, value: u32): void {
    const negative: bool = negated(value) < value;
    const amount = negative ? negated(value) : value;
    if (!Encoder.keepFlags && isLow(rd | rn)) {
      if (rd === rn && amount < 0x100) {
        this.half((negative ? 0x3800 : 0x3000) | (rd << 8) | amount);
        return;
      }
      if (amount < 8) {
        this.half((negative ? 0x1e00 : 0x1c00) | (amount << 6) | (rn << 3) | rd);
        return;
      }
    }
    if (amount < 0x1000) this.addTwelve(rd, rn, amount, negative);
    else if (modifiedImmediate(amount) !== NO_IMMEDIATE) {
      this.dataImmediate(negative ? SUB : ADD, rd, rn, amount);
    } else this.dataImmediate(negative ? ADD : SUB, rd, rn, 0 - amount);
  }

  /** `addw` or `subw rd, rn, #amount`, always of 32 bits. `amount` is below 4096. */
  addTwelve(rd: u32, rn: u32, amount: u32, negative: bool): void {
    this.wide(
      (negative ? 0xf2a0 : 0xf200) | ((amount & 0x800) >>> 1) | rn,
      ((amount & 0x700) << 4) | (rd << 8) | (amount & 0xff),
    );
  }

  /** `mov rd, rm`, or `vmov` where one of them is from `S0` on; leaves the flags. */
  move(rd: u32, rm: u32): void {
    if (rd === rm) return;
    if ((rd | rm) < S0) this.half(0x4600 | ((rd & 8) << 4) | (rm << 3) | (rd & 7));
    else {
      const float = max(rd, rm);
      this.wide(
        (rm < S0 ? 0xee00 : 0xee10) | ((float >>> 1) & 7),
        (min(rd, rm) << 12) | ((float & 1) << 7) | 0xa10,
      );
    }
  }

  /** `mvn rd, rm`. */
  not(rd: u32, rm: u32): void {
    if (!Encoder.keepFlags && isLow(rd | rm)) this.half(0x43c0 | (rm << 3) | rd);
    else this.operation(ORN, 0, rd, PC, rm, LSL, 0);
  }

  /** Puts `value` into `rd`, in one instruction or two. */
  constant(rd: u32, value: u32): void {
    if (!Encoder.keepFlags && isLow(rd) && value < 0x100) {
      this.half(0x2000 | (rd << 8) | value);
      return;
    }
    const direct = modifiedImmediate(value);
    if (direct !== NO_IMMEDIATE) {
      this.operationImmediate(ORR, 0, rd, PC, direct);
      return;
    }
    const inverse = modifiedImmediate(~value);
    if (inverse !== NO_IMMEDIATE) {
      this.operationImmediate(ORN, 0, rd, PC, inverse);
      return;
    }
    this.sixteen(0xf240, rd, value & 0xffff);
    if (value >>> 16 !== 0) this.sixteen(0xf2c0, rd, value >>> 16);
  }

  /** `movw` or `movt rd, #bits`. */
  private sixteen(opcode: u32, rd: u32, bits: u32): void {
    this.wide(
      opcode | ((bits & 0x800) >>> 1) | (bits >>> 12),
      ((bits & 0x700) << 4) | (rd << 8) | (bits & 0xff),
    );
  }

  // Comparisons

  /** `cmp rn, rm`; `rn` may be the stack pointer, in a 32-bit form. */
  compare(rn: u32, rm: u32): void {
    if (isLow(rn | rm)) this.half(0x4280 | (rm << 3) | rn);
    else if (rn !== SP) this.half(0x4500 | ((rn & 8) << 4) | (rm << 3) | (rn & 7));
    else this.operation(SUB, 1, PC, rn, rm, LSL, 0);
  }

  /** Whether `compareImmediate` takes `value`. */
  static isComparable(value: u32): bool {
    return (
      modifiedImmediate(value) !== NO_IMMEDIATE ||
      modifiedImmediate(negated(value)) !== NO_IMMEDIATE
    );
  }

  /** `cmp` or `cmn rn, #…`; of a value for which `isComparable` holds. */
  compareImmediate(rn: u32, value: u32): void {
    if (isLow(rn) && value < 0x100) this.half(0x2800 | (rn << 8) | value);
    else if (modifiedImmediate(value) !== NO_IMMEDIATE) {
      this.operationImmediate(SUB, 1, PC, rn, modifiedImmediate(value));
    } else this.operationImmediate(ADD, 1, PC, rn, modifiedImmediate(negated(value)));
  }

  // Shifts

  /** `lsl`, `lsr`, `asr` or `ror rd, rm, #amount`; `amount` is 1 to 31. */
  shiftImmediate(shift: u32, rd: u32, rm: u32, amount: u32): void {
    if (!Encoder.keepFlags && shift !== ROR && isLow(rd | rm)) {
      this.half((shift << 11) | (amount << 6) | (rm << 3) | rd);
    } else this.operation(ORR, 0, rd, PC, rm, shift, amount);
  }

  /** `lsl`, `lsr`, `asr` or `ror rd, rn, rm`: by the lowest byte of `rm`. */
  shift(shift: u32, rd: u32, rn: u32, rm: u32): void {
    if (!Encoder.keepFlags && rd === rn && isLow(rd | rm)) {
      const code: u32 =
        shift === LSL ? 0x4080 : shift === LSR ? 0x40c0 : shift === ASR ? 0x4100 : 0x41c0;
      this.half(code | (rm << 3) | rd);
    } else this.wide(0xfa00 | (shift << 5) | rn, 0xf000 | (rd << 8) | rm);
  }

  // Single registers

  private extension(long: u32, short: u32, rd: u32, rm: u32): void {
    if (isLow(rd | rm)) this.half(short | (rm << 3) | rd);
    else this.wide(long, 0xf080 | (rd << 8) | rm);
  }

  sxth(rd: u32, rm: u32): void {
    this.extension(0xfa0f, 0xb200, rd, rm);
  }

  sxtb(rd: u32, rm: u32): void {
    this.extension(0xfa4f, 0xb240, rd, rm);
  }

  uxth(rd: u32, rm: u32): void {
    this.extension(0xfa1f, 0xb280, rd, rm);
  }

  uxtb(rd: u32, rm: u32): void {
    this.extension(0xfa5f, 0xb2c0, rd, rm);
  }

  clz(rd: u32, rm: u32): void {
    this.wide(0xfab0 | rm, 0xf080 | (rd << 8) | rm);
  }

  rbit(rd: u32, rm: u32): void {
    this.wide(0xfa90 | rm, 0xf0a0 | (rd << 8) | rm);
  }

  // Multiplication and division

  multiply(rd: u32, rn: u32, rm: u32): void {
    if (!Encoder.keepFlags && rd === rm && isLow(rd | rn)) this.half(0x4340 | (rn << 3) | rd);
    else if (!Encoder.keepFlags && rd === rn && isLow(rd | rm)) this.half(0x4340 | (rm << 3) | rd);
    else this.wide(0xfb00 | rn, 0xf000 | (rd << 8) | rm);
  }

  /** `mla rd, rn, rm, ra`: rd = ra + rn × rm. */
  multiplyAdd(rd: u32, rn: u32, rm: u32, ra: u32): void {
    this.wide(0xfb00 | rn, (ra << 12) | (rd << 8) | rm);
  }

  /** `mls rd, rn, rm, ra`: rd = ra − rn × rm. */
  multiplySubtract(rd: u32, rn: u32, rm: u32, ra: u32): void {
    this.wide(0xfb00 | rn, (ra << 12) | (rd << 8) | 0x10 | rm);
  }

  /** `sdiv` or `udiv rd, rn, rm`. */
  divide(isSigned: bool, rd: u32, rn: u32, rm: u32): void {
    this.wide((isSigned ? 0xfb90 : 0xfbb0) | rn, 0xf0f0 | (rd << 8) | rm);
  }

  /** `smull`, `umull`, or with `accumulate` `smlal`, `umlal low, high, rn, rm`. */
  multiplyLong(isSigned: bool, accumulate: bool, low: u32, high: u32, rn: u32, rm: u32): void {
    const code: u32 = (isSigned ? 0xfb80 : 0xfba0) | (accumulate ? 0x40 : 0);
    this.wide(code | rn, (low << 12) | (high << 8) | rm);
  }

  // Memory

  /** A load or store `rt, [rn, #offset]`; `offset` is −255 to 4095. */
  access(code: u32, rt: u32, rn: u32, offset: i32): void {
    if (offset < 0) {
      this.wide(code | rn, (rt << 12) | 0xc00 | ((0 - offset) as u32));
      return;
    }
    const distance = offset as u32;
    if (rn === SP && isLow(rt) && distance < 1024 && (distance & 3) === 0) {
      if (code === LDR || code === STR) {
        this.half((code === LDR ? 0x9800 : 0x9000) | (rt << 8) | (distance >>> 2));
        return;
      }
    }
    if (isLow(rn | rt)) {
      if ((code === LDR || code === STR) && distance < 128 && (distance & 3) === 0) {
        this.half((code === LDR ? 0x6800 : 0x6000) | (distance << 4) | (rn << 3) | rt);
        return;
      }
      if ((code === LDRH || code === STRH) && distance < 64 && (distance & 1) === 0) {
        this.half((code === LDRH ? 0x8800 : 0x8000) | (distance << 5) | (rn << 3) | rt);
        return;
      }
      if ((code === LDRB || code === STRB) && distance < 32) {
        this.half((code === LDRB ? 0x7800 : 0x7000) | (distance << 6) | (rn << 3) | rt);
        return;
      }
    }
    this.wide(code | 0x80 | rn, (rt << 12) | distance);
  }

  /** `ldr rt, [rn, #offset]`, always of 32 bits; `offset` is below 4096. */
  loadTwelve(rt: u32, rn: u32, offset: u32): void {
    this.wide(LDR | 0x80 | rn, (rt << 12) | offset);
  }

  /** A load or store `rt, [rn, rm, lsl #amount]`; `amount` is 0 to 3. */
  accessIndexed(code: u32, rt: u32, rn: u32, rm: u32, amount: u32): void {
    this.wide(code | rn, (rt << 12) | (amount << 4) | rm);
  }

  /** `push {registers}` of a mask with r0 to r12 and lr. */
  pushRegisters(mask: u32): void {
    if ((mask & ~0x40ff) === 0) this.half(0xb400 | ((mask >>> 6) & 0x100) | (mask & 0xff));
    else this.wide(0xe92d, mask);
  }

  /** `pop {registers}` of a mask with r0 to r12 and pc. */
  popRegisters(mask: u32): void {
    if ((mask & ~0x80ff) === 0) this.half(0xbc00 | ((mask >>> 7) & 0x100) | (mask & 0xff));
    else this.wide(0xe8bd, mask);
  }

  // Branches

  /** `it`, and with `same` more instructions `itt`, `ittt`, `itttt`, all under `condition`. */
  ifThen(condition: u32, same: u32): void {
    const firstBit = condition & 1;
    let mask: u32 = 0;
    for (let i: u32 = 0; i < same; i++) mask = (mask << 1) | firstBit;
    mask = ((mask << 1) | 1) << (3 - same);
    this.half(0xbf00 | (condition << 4) | mask);
  }

  /** `ite`: one instruction under `condition`, the next under its opposite. */
  ifThenElse(condition: u32): void {
    const opposite = (condition & 1) ^ 1;
    this.half(0xbf00 | (condition << 4) | (opposite << 3) | 4);
  }

  /** `blx rm`. */
  call(rm: u32): void {
    this.half(0x4780 | (rm << 3));
  }

  nop(): void {
    this.half(0xbf00);
  }

  /** `add pc, rm`: the instruction at this address + 4 + rm comes next. */
  addToCounter(rm: u32): void {
    this.half(0x4487 | (rm << 3));
  }

  /** Branches back to `target`, under `condition` or always (`ALWAYS`), in the shortest form. */
  branchBack(condition: u32, target: usize): void {
    const distance = ((target as i64) - (Encoder.out as i64) - 4) as i32;
    if (condition === ALWAYS) {
      if (distance >= -2048) this.half(0xe000 | (((distance as u32) >>> 1) & 0x7ff));
      else this.wideBranch(ALWAYS, target);
    } else if (distance >= -256) {
      this.half(0xd000 | (condition << 8) | (((distance as u32) >>> 1) & 0xff));
    } else this.wideBranch(condition, target);
  }

  /** `b.w` or `b<condition>.w`. */
  wideBranch(condition: u32, target: usize): void {
    const out = Encoder.out;
    this.word(0);
    if (!Encoder.full) patchBranch(out, condition, target);
  }

  /** `bl target`. */
  branchLink(target: usize): void {
    const out = Encoder.out;
    this.word(0);
    if (!Encoder.full) patchBranch(out, LINK, target);
  }

  // Floating point, single precision (A7.5)

  /** `op sd, sn, sm`, of which `sn` is `S0` where an operation has one operand; `VCMP` compares `sd` with `sm`. */
  float(op: u32, sd: u32, sn: u32, sm: u32): void {
    this.word(
      (op << 16) |
        (op >>> 16) |
        ((sd & 1) << 6) |
        ((sd & 14) << 27) |
        ((sn >>> 1) & 7) |
        ((sn & 1) << 23) |
        ((sm & 14) << 15) |
        ((sm & 1) << 21),
    );
  }

  /** `vmrs APSR_nzcv, fpscr`: what `VCMP` found, as the core's flags. */
  floatFlags(): void {
    this.wide(0xeef1, 0xfa10);
  }
}

/** In place of a condition: always, and with a link. */
export const ALWAYS: u32 = 14;
export const LINK: u32 = 15;

/** Writes a branch of 32 bits at `out` to `target`: `condition`, `ALWAYS` or `LINK`. */
export function patchBranch(out: usize, condition: u32, target: usize): void {
  const distance = ((target as i64) - (out as i64) - 4) as i32 as u32;
  const sign = distance >>> 31;
  let first: u32;
  let second: u32;
  if (condition < ALWAYS) {
    first = 0xf000 | (sign << 10) | (condition << 6) | ((distance >>> 12) & 0x3f);
    second =
      0x8000 |
      (((distance >>> 18) & 1) << 13) |
      (((distance >>> 19) & 1) << 11) |
      ((distance >>> 1) & 0x7ff);
  } else {
    const j1 = ((distance >>> 23) & 1 & 1) ^ 1 ^ sign;
    const j2 = ((distance >>> 22) & 1 & 1) ^ 1 ^ sign;
    first = 0xf000 | (sign << 10) | ((distance >>> 12) & 0x3ff);
    second =
      (condition === LINK ? 0xd000 : 0x9000) | (j1 << 13) | (j2 << 11) | ((distance >>> 1) & 0x7ff);
  }
  store<u32>(out, first | (second << 16));
}
