// Addresses of linear memory: their checks, and how an instruction reaches them.

import { ADD, ALWAYS, Encoder, HI, HS, LDR, LO, LSR, negated, R11, SUB } from "./encoder";
import { CODE_TRAP_MEMORY, CONTEXT_MEMORY_BYTES, NATIVE_SLACK } from "./layout";
import { Locals } from "./locals";
import { K_CONSTANT, K_LOCAL, kindOf, LARGEST_OFFSET, NONE, Operands, payload } from "./operands";
import { Tables } from "./tables";

const PAGE_SHIFT: u32 = 16;

/** Accesses of linear memory. */
@unmanaged
export class Memory extends Locals {
  /** The address of the current access: a register, and another or a distance. */
  static base: u32 = 0;
  static index: u32 = NONE;
  static distance: u32 = 0;
  /** For tests of what stands behind them: compiles accesses without checks. */
  static unchecked: bool = false;

  /** Traps if the value in `register` is not below memory's end by `extent` bytes. */
  private check(register: u32, extent: u32): void {
    const trap = this.trapStub(CODE_TRAP_MEMORY);
    const least = Tables.boundBytes;
    if (!Tables.boundVaries) {
      const last = (least - extent) as u32;
      if (Encoder.isComparable(last)) this.compareImmediate(register, last);
      else if (Encoder.isComparable(last + 1)) {
        this.compareImmediate(register, last + 1);
        this.branchBack(HS, trap);
        return;
      } else if (Locals.boundHome !== 0 && Locals.boundExtent === extent) {
        this.compare(register, Locals.boundHome);
      } else this.compareBound(register, last);
      this.branchBack(HI, trap);
      return;
    }
    const held = Operands.boundRegister !== NONE && Operands.boundValue === extent;
    const bound = held ? Operands.boundRegister : this.allocate();
    if (!held) {
      this.access(LDR, bound, R11, -(CONTEXT_MEMORY_BYTES as i32));
      if ((extent as u64) <= least && Encoder.isAddend(negated(extent))) {
        this.addImmediate(bound, bound, negated(extent));
      } else {
        const other = this.allocate();
        this.constant(other, extent);
        this.dataSetting(SUB, bound, bound, other);
        this.branchBack(LO, trap);
      }
      this.keepBound(bound, extent);
    }
    this.compare(register, bound);
    this.branchBack(HI, trap);
    Operands.locked &= ~(1 << bound);
  }

  private compareBound(register: u32, last: u32): void {
    const held = Operands.boundRegister !== NONE && Operands.boundValue === last;
    const bound = held ? Operands.boundRegister : this.allocate();
    if (!held) {
      this.constant(bound, last);
      this.keepBound(bound, last);
    }
    this.compare(register, bound);
    Operands.locked &= ~(1 << bound);
  }

  /**
   * Makes the access of `size` bytes at the address that was taken ready; false when it always traps, which
   * it then does. With `pair`, two words are reached by a distance.
   */
  reach(address: u64, offset: u32, size: u32, pair: bool): bool {
    Memory.base = R11;
    Memory.index = NONE;
    Memory.distance = 0;
    const least = Tables.boundBytes;
    const most = (Tables.maximumPages as u64) << PAGE_SHIFT;
    if (kindOf(address) === K_CONSTANT) {
      const place = (payload(address) as u64) + offset;
      if (place + size <= least) {
        this.reachConstant(place as u32, size, pair);
        return true;
      }
    }
    const extent = (offset as u64) + size;
    if (extent > (Tables.boundVaries ? most : least)) {
      if (!Memory.unchecked) {
        this.wideBranch(ALWAYS, this.trapStub(CODE_TRAP_MEMORY));
        return false;
      }
    }
    const local: u32 = kindOf(address) === K_LOCAL ? payload(address) : NONE;
    const checked = local !== NONE && (this.checkedExtent(local) as u64) >= extent;
    if (checked && Operands.baseLocal === local && extent <= (LARGEST_OFFSET as u64)) {
      Memory.base = Operands.baseRegister;
      this.lock(Memory.base);
      Memory.distance = offset;
      return true;
    }
    const register = this.register(address);
    if (!checked && !Memory.unchecked) {
      const wanted = this.checkedFor(extent as u32);
      this.check(register, wanted);
      if (local !== NONE) this.setCheckedExtent(local, wanted === 0 ? NATIVE_SLACK : wanted);
    }
    this.reachRegister(register, local, offset, size, pair);
    return true;
  }

  private reachConstant(place: u32, size: u32, pair: bool): void {
    if (place + size <= LARGEST_OFFSET) {
      Memory.distance = place;
      return;
    }
    const register = this.allocate();
    this.constant(register, place);
    if (pair) {
      this.data(ADD, register, register, R11);
      Memory.base = register;
    } else Memory.index = register;
  }

  private reachRegister(register: u32, local: u32, offset: u32, size: u32, pair: bool): void {
    const near = offset + size <= LARGEST_OFFSET && offset <= LARGEST_OFFSET;
    if (local !== NONE && Operands.baseLocal === local && near) {
      Memory.base = Operands.baseRegister;
      this.lock(Memory.base);
      Memory.distance = offset;
    } else if (offset === 0 && !pair) Memory.index = register;
    else if (near) {
      const sum = this.isTemporary(register) && local === NONE ? register : this.allocate();
      this.data(ADD, sum, register, R11);
      if (local !== NONE) this.keepBase(sum, local);
      Memory.base = sum;
      Memory.distance = offset;
    } else {
      const sum = this.allocate();
      this.constant(sum, offset);
      this.data(ADD, sum, sum, register);
      if (pair) {
        this.data(ADD, sum, sum, R11);
        Memory.base = sum;
      } else Memory.index = sum;
    }
  }

  /** A load or store of the word `words` words on. */
  reached(code: u32, register: u32, words: u32): void {
    if (Memory.index !== NONE) this.accessIndexed(code, register, Memory.base, Memory.index, 0);
    else this.access(code, register, Memory.base, (Memory.distance + (words << 2)) as i32);
  }

  /** A register that the address leaves free for what is loaded, or `NONE`. */
  spareOfAddress(): u32 {
    if (Memory.index !== NONE && this.isTemporary(Memory.index)) return Memory.index;
    if (this.isTemporary(Memory.base)) return Memory.base;
    return NONE;
  }

  /** `memory.size` into a register. */
  loadPages(register: u32): void {
    this.access(LDR, register, R11, -(CONTEXT_MEMORY_BYTES as i32));
    this.shiftImmediate(LSR, register, register, PAGE_SHIFT);
  }
}
