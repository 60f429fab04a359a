/** The encoder of the Thumb-2 compiler, one instruction at a time. */
import {
  Encoder,
  modifiedImmediate,
  patchBranch,
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
} from "../thumb2-compiler/encoder";

const encoder = changetype<Encoder>(0);
const ROOM: u32 = 64;
const FLOAT_OPERATIONS = memory.data<u32>([
  VADD,
  VSUB,
  VMUL,
  VDIV,
  VABS,
  VNEG,
  VSQRT,
  VCMP,
  VCVT_F32_S32,
  VCVT_F32_U32,
  VCVT_S32_F32,
  VCVT_U32_F32,
]);
const buffer = heap.alloc(ROOM);

/** Starts again, with the flags in use or not; returns where the instructions are written. */
export function reset(keepFlags: bool): usize {
  Encoder.out = buffer;
  Encoder.outEnd = buffer + ROOM;
  Encoder.full = false;
  Encoder.keepFlags = keepFlags;
  return buffer;
}

/** Bytes written since. */
export function length(): u32 {
  return (Encoder.out - buffer) as u32;
}

export function immediate(value: u32): u32 {
  return modifiedImmediate(value);
}

export function isAddend(value: u32): bool {
  return Encoder.isAddend(value);
}

export function isComparable(value: u32): bool {
  return Encoder.isComparable(value);
}

export function data(op: u32, rd: u32, rn: u32, rm: u32): void {
  encoder.data(op, rd, rn, rm);
}

export function dataShifted(op: u32, rd: u32, rn: u32, rm: u32, shift: u32, by: u32): void {
  encoder.dataShifted(op, rd, rn, rm, shift, by);
}

export function dataSetting(op: u32, rd: u32, rn: u32, rm: u32): void {
  encoder.dataSetting(op, rd, rn, rm);
}

export function dataImmediate(op: u32, rd: u32, rn: u32, value: u32): void {
  encoder.dataImmediate(op, rd, rn, value);
}

export function dataImmediateSetting(op: u32, rd: u32, rn: u32, value: u32): void {
  encoder.dataImmediateSetting(op, rd, rn, value);
}

export function addImmediate(rd: u32, rn: u32, value: u32): void {
  encoder.addImmediate(rd, rn, value);
}

export function addTwelve(rd: u32, rn: u32, amount: u32, negative: bool): void {
  encoder.addTwelve(rd, rn, amount, negative);
}

export function move(rd: u32, rm: u32): void {
  encoder.move(rd, rm);
}

export function not(rd: u32, rm: u32): void {
  encoder.not(rd, rm);
}

export function constant(rd: u32, value: u32): void {
  encoder.constant(rd, value);
}

export function compare(rn: u32, rm: u32): void {
  encoder.compare(rn, rm);
}

export function compareImmediate(rn: u32, value: u32): void {
  encoder.compareImmediate(rn, value);
}

export function shiftImmediate(shift: u32, rd: u32, rm: u32, amount: u32): void {
  encoder.shiftImmediate(shift, rd, rm, amount);
}

export function shift(shift: u32, rd: u32, rn: u32, rm: u32): void {
  encoder.shift(shift, rd, rn, rm);
}

export function single(which: u32, rd: u32, rm: u32): void {
  switch (which) {
    case 0:
      encoder.sxth(rd, rm);
      break;
    case 1:
      encoder.sxtb(rd, rm);
      break;
    case 2:
      encoder.uxth(rd, rm);
      break;
    case 3:
      encoder.uxtb(rd, rm);
      break;
    case 4:
      encoder.clz(rd, rm);
      break;
    default:
      encoder.rbit(rd, rm);
  }
}

export function multiply(rd: u32, rn: u32, rm: u32): void {
  encoder.multiply(rd, rn, rm);
}

export function multiplyAdd(rd: u32, rn: u32, rm: u32, ra: u32): void {
  encoder.multiplyAdd(rd, rn, rm, ra);
}

export function multiplySubtract(rd: u32, rn: u32, rm: u32, ra: u32): void {
  encoder.multiplySubtract(rd, rn, rm, ra);
}

export function divide(isSigned: bool, rd: u32, rn: u32, rm: u32): void {
  encoder.divide(isSigned, rd, rn, rm);
}

export function multiplyLong(
  isSigned: bool,
  accumulate: bool,
  low: u32,
  high: u32,
  rn: u32,
  rm: u32,
): void {
  encoder.multiplyLong(isSigned, accumulate, low, high, rn, rm);
}

export function access(code: u32, rt: u32, rn: u32, offset: i32): void {
  encoder.access(code, rt, rn, offset);
}

export function loadTwelve(rt: u32, rn: u32, offset: u32): void {
  encoder.loadTwelve(rt, rn, offset);
}

export function accessIndexed(code: u32, rt: u32, rn: u32, rm: u32, amount: u32): void {
  encoder.accessIndexed(code, rt, rn, rm, amount);
}

export function pushRegisters(mask: u32): void {
  encoder.pushRegisters(mask);
}

export function popRegisters(mask: u32): void {
  encoder.popRegisters(mask);
}

export function ifThen(condition: u32, same: u32): void {
  encoder.ifThen(condition, same);
}

export function ifThenElse(condition: u32): void {
  encoder.ifThenElse(condition);
}

export function call(rm: u32): void {
  encoder.call(rm);
}

export function nop(): void {
  encoder.nop();
}

export function addToCounter(rm: u32): void {
  encoder.addToCounter(rm);
}

/** A branch back by `distance` bytes from the place of the instruction. */
export function branchBack(condition: u32, distance: u32): void {
  encoder.branchBack(condition, Encoder.out - distance);
}

/** A branch of 32 bits by `distance` bytes. */
export function branch(condition: u32, distance: i32): void {
  const place = Encoder.out;
  encoder.word(0);
  patchBranch(place, condition, place + distance);
}

/** The operation `which` of `FLOAT_OPERATIONS`. */
export function float(which: u32, sd: u32, sn: u32, sm: u32): void {
  encoder.float(load<u32>(FLOAT_OPERATIONS + (which << 2)), sd, sn, sm);
}

export function floatFlags(): void {
  encoder.floatFlags();
}
