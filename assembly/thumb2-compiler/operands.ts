// The operand stack of a function while it is compiled, and the registers. Everything is a word of 32
// bits; a value of 64 bits is two, the low one first. A word is lazy: where it comes from is noted, and
// it is loaded when an instruction wants it.
import { ASR, Encoder, LDR, LR, R0, R1, R12, S0, SP, STR } from "./encoder";
import { setStarved, starvedRegisters } from "./starved";

/** Where a word is: a constant, a local's word, a register, its slot in the frame, the sign of the word
 * below it, the condition flags. */
export const K_CONSTANT: u32 = 0;
export const K_LOCAL: u32 = 1;
export const K_REGISTER: u32 = 2;
export const K_SLOT: u32 = 3;
export const K_SIGN: u32 = 4;
export const K_FLAGS: u32 = 5;

/** Set in an entry that is the high word of a value. */
export const UPPER: u64 = 1 << 40;
/** Set in a high word that is the constant 0, where the low one is below 2^31: it is a sign as well. */
export const POSITIVE: u64 = 1 << 41;

/** A function needs a frame of more than 4 KiB. */
export const FRAME_TOO_LARGE: u32 = 2;
/** The compiler went wrong: nothing that it has made may run. */
export const INTERNAL: u32 = 5;

/** No register, no local. */
export const NONE: u32 = 0xffff;
/** Owner of a register that holds a cached value. */
const CACHE: u32 = 0xfffe;

/** Registers for operands, and for those of single precision. */
const POOL: u32 = (0xf << R0) | (1 << R12) | (1 << LR);
const FLOATS: u32 = 0xffff << S0;

/** Bytes of a local's record, one for each of its words. */
export const LOCAL_RECORD: u32 = 16;
/** The largest offset of a load or store. */
export const LARGEST_OFFSET: u32 = 4095;

/** An entry of the operand stack. */
export function entry(kind: u32, value: u32): u64 {
  return ((kind as u64) << 32) | (value as u64);
}

/** Where a word is. */
export function kindOf(word: u64): u32 {
  return ((word >>> 32) as u32) & 0xff;
}

/** The constant, local, register, index or condition that a word stands for. */
export function payload(word: u64): u32 {
  return word as u32;
}

/** Whether a word lies in a register for single precision: an f32, never another type. */
export function inFloat(word: u64): bool {
  return kindOf(word) === K_REGISTER && payload(word) >= S0;
}

/** Words of a function's frame, its registers, and its operands. */
@unmanaged
export class Operands extends Encoder {
  /** u64 for each word of the operand stack. */
  static words: usize = 0;
  static wordsCapacity: u32 = 0;
  static height: u32 = 0;
  static maximumHeight: u32 = 0;
  /** Below this height are only constants and slots. */
  static flushed: u32 = 0;
  /** Offset of slot 0 from the stack pointer. */
  static slots: u32 = 0;
  /** Registers that hold something, as bits. */
  private static taken: u32 = 0;
  /** u16 for each of these: the word that it holds, or `CACHE`. */
  static owners: usize = 0;
  /** Registers that the current instruction uses. */
  static locked: u32 = 0;
  /** Registers for single precision that `CACHE` owns, and of each, u64, the constant or local that it repeats. */
  private static repeating: u32 = 0;
  static copies: usize = 0;

  /** Records of the locals' words: u32 checked extent, u32 its epoch, u16 offset of the home, u16
   * references from the operand stack, u8 register or 0. */
  static locals: usize = 0;
  /** Facts about locals of an older epoch have ended. */
  static epoch: u32 = 1;
  /** A register with the address of linear memory at a local's value, and one with a bound. */
  static baseRegister: u32 = NONE;
  static baseLocal: u32 = NONE;
  static boundRegister: u32 = NONE;
  static boundValue: u32 = 0;

  /** Why the program is refused: `FRAME_TOO_LARGE`, or an error of the compiler itself. */
  static failure: u32 = 0;

  get failed(): bool {
    return Operands.failure !== 0;
  }

  /** Refuses the program. */
  fail(code: u32): void {
    if (Operands.failure === 0) Operands.failure = code;
  }

  /** Entries of the words that are moved to argument registers. */
  static moves: usize = 0;

  // Locals

  local(word: u32): usize {
    return Operands.locals + word * LOCAL_RECORD;
  }

  localRegister(word: u32): u32 {
    return load<u8>(this.local(word), 12);
  }

  localHome(word: u32): u32 {
    return load<u16>(this.local(word), 8);
  }

  references(word: u32): u32 {
    return load<u16>(this.local(word), 10);
  }

  private addReference(word: u32, by: i32): void {
    const record = this.local(word);
    store<u16>(record, (load<u16>(record, 10) as i32) + by, 10);
  }

  /** Bytes from a local's value on that are known to be in memory. */
  checkedExtent(word: u32): u32 {
    const record = this.local(word);
    return load<u32>(record, 4) === Operands.epoch ? load<u32>(record) : 0;
  }

  setCheckedExtent(word: u32, extent: u32): void {
    const record = this.local(word);
    store<u32>(record, extent);
    store<u32>(record, Operands.epoch, 4);
  }

  /** A local has another value from now on. */
  forget(word: u32): void {
    store<u32>(this.local(word), 0, 4);
    if (Operands.baseLocal === word) this.dropBase();
    const copy = this.copyOf(entry(K_LOCAL, word));
    if (copy !== NONE) this.dropCopy(copy);
  }

  dropBase(): void {
    if (Operands.baseRegister !== NONE) {
      this.release(Operands.baseRegister);
      Operands.baseRegister = NONE;
      Operands.baseLocal = NONE;
    }
  }

  dropBound(): void {
    if (Operands.boundRegister !== NONE) {
      this.release(Operands.boundRegister);
      Operands.boundRegister = NONE;
    }
  }

  keepBase(register: u32, local: u32): void {
    this.dropBase();
    Operands.baseRegister = register;
    Operands.baseLocal = local;
    this.setOwner(register, CACHE);
  }

  keepBound(register: u32, value: u32): void {
    this.dropBound();
    Operands.boundRegister = register;
    Operands.boundValue = value;
    this.setOwner(register, CACHE);
  }

  /** The register for single precision that repeats a constant or a local, or `NONE`. */
  private copyOf(word: u64): u32 {
    for (let rest = Operands.repeating; rest !== 0; rest &= rest - 1) {
      const register: u32 = ctz(rest);
      if (load<u64>(Operands.copies + ((register - S0) << 3)) === word) return register;
    }
    return NONE;
  }

  private dropCopy(register: u32): void {
    Operands.repeating &= ~(1 << register);
    this.release(register);
  }

  /** The `register` for single precision, which is free, repeats a constant or a local. */
  keepCopy(register: u32, word: u64): void {
    this.setOwner(register, CACHE);
    Operands.repeating |= 1 << register;
    store<u64>(Operands.copies + ((register - S0) << 3), word);
  }

  // Registers

  private owner(register: u32): u32 {
    return load<u16>(Operands.owners + (register << 1));
  }

  private setOwner(register: u32, owner: u32): void {
    store<u16>(Operands.owners + (register << 1), owner as u16);
    Operands.taken |= 1 << register;
  }

  private release(register: u32): void {
    Operands.taken &= ~(1 << register);
  }

  private isLocked(register: u32): bool {
    return ((Operands.locked >>> register) & 1) !== 0;
  }

  lock(register: u32): void {
    Operands.locked |= 1 << register;
  }

  /** All registers for operands are free, and nothing is known: at a label. */
  clearRegisters(): void {
    Operands.taken = 0;
    Operands.repeating = 0;
    Operands.baseRegister = NONE;
    Operands.baseLocal = NONE;
    Operands.boundRegister = NONE;
    Operands.locked = 0;
  }

  /** At a label: nothing that was known holds. */
  label(): void {
    this.clearRegisters();
    Operands.epoch++;
  }

  /** Whether an operand that was taken lies in `register`, so that a result may take its place. */
  isTemporary(register: u32): bool {
    return register < S0 && (((POOL & ~Operands.taken) >>> register) & 1) !== 0;
  }

  /** A register of `pool` that nothing is in, or `NONE`. */
  private vacant(pool: u32): u32 {
    const some = isDefined(THUMB2_STARVED) ? pool & starvedRegisters : pool;
    const free = some & ~(Operands.locked | Operands.taken);
    if (free !== 0) return ctz(free);
    const known = some & Operands.repeating & ~Operands.locked;
    if (known !== 0) {
      const register: u32 = ctz(known);
      this.dropCopy(register);
      return register;
    }
    if (pool !== POOL) return NONE;
    if (Operands.boundRegister !== NONE && !this.isLocked(Operands.boundRegister)) {
      const register = Operands.boundRegister;
      this.dropBound();
      return register;
    }
    if (Operands.baseRegister !== NONE && !this.isLocked(Operands.baseRegister)) {
      const register = Operands.baseRegister;
      this.dropBase();
      return register;
    }
    return NONE;
  }

  /** A register for the current instruction; what is in it goes to its slot. */
  allocate(): u32 {
    return this.allocateFrom(POOL);
  }

  /** As `allocate`, for single precision. */
  allocateFloat(): u32 {
    return this.allocateFrom(FLOATS);
  }

  private allocateFrom(pool: u32): u32 {
    let register = this.vacant(pool);
    if (register === NONE) {
      let deepest = NONE;
      const some = isDefined(THUMB2_STARVED) ? pool & starvedRegisters : pool;
      for (let rest = some & ~Operands.locked; rest !== 0; rest &= rest - 1) {
        const candidate: u32 = ctz(rest);
        const owner = this.owner(candidate);
        if (owner < deepest) {
          deepest = owner;
          register = candidate;
        }
      }
      if (isDefined(THUMB2_STARVED)) {
        if (register === NONE && (pool & ~starvedRegisters) !== 0) return this.further(pool);
      }
      if (register === NONE) {
        this.fail(INTERNAL);
        return ctz(pool);
      }
      this.spill(deepest);
    }
    this.lock(register);
    return register;
  }

  /** Where registers are starved: one for an instruction that needs more. */
  private further(pool: u32): u32 {
    const few = setStarved(u32.MAX_VALUE);
    const register = this.allocateFrom(pool);
    setStarved(few);
    return register;
  }

  /** Makes `register` free for the current instruction. */
  claim(register: u32): void {
    this.lock(register);
    if (((Operands.taken >>> register) & 1) === 0) return;
    const owner = this.owner(register);
    if (owner === CACHE) {
      if (Operands.baseRegister === register) this.dropBase();
      else this.dropBound();
    } else {
      const other = this.vacant(POOL);
      if (other === NONE) this.spill(owner);
      else {
        this.move(other, register);
        this.release(register);
        this.setOwner(other, owner);
        this.rewrite(owner, K_REGISTER, other);
      }
    }
  }

  // Operands

  at(index: u32): u64 {
    return load<u64>(Operands.words + (index << 3));
  }

  /** Where the word at `index` is from now on. */
  private rewrite(index: u32, kind: u32, value: u32): void {
    const place = Operands.words + (index << 3);
    store<u64>(place, entry(kind, value) | (load<u64>(place) & UPPER));
  }

  slotOffset(index: u32): u32 {
    const offset = Operands.slots + (index << 2);
    if (offset > LARGEST_OFFSET) {
      this.fail(FRAME_TOO_LARGE);
      return 0;
    }
    if (index >= Operands.maximumHeight) Operands.maximumHeight = index + 1;
    return offset;
  }

  /** Stores the register that holds the word at `index` in its slot. */
  private spill(index: u32): void {
    const register = payload(this.at(index));
    let from = register;
    if (register >= S0) {
      from = this.allocate();
      this.move(from, register);
      Operands.locked &= ~(1 << from);
    }
    this.access(STR, from, SP, this.slotOffset(index) as i32);
    this.release(register);
    this.rewrite(index, K_SLOT, index);
  }

  push(word: u64): void {
    if (Operands.height >= Operands.wordsCapacity) {
      this.fail(INTERNAL);
      return;
    }
    const index = Operands.height;
    let pushed = word;
    const kind = kindOf(word);
    if (kind === K_SLOT && payload(word) !== index) {
      // The slot may be another word's by the time that it is read.
      const register = this.allocate();
      this.access(LDR, register, SP, this.slotOffset(payload(word)) as i32);
      pushed = entry(K_REGISTER, register) | (word & UPPER);
    }
    store<u64>(Operands.words + (index << 3), pushed);
    if (kindOf(pushed) === K_REGISTER) this.setOwner(payload(pushed), index);
    else if (kind === K_LOCAL) this.addReference(payload(word), 1);
    Operands.height = index + 1;
  }

  pushRegister(register: u32): void {
    this.push(entry(K_REGISTER, register));
  }

  pushConstant(value: u32): void {
    this.push(entry(K_CONSTANT, value));
  }

  /** The high word of a value. */
  pushUpper(word: u64): void {
    this.push(word | UPPER);
  }

  pushPair(low: u32, high: u32): void {
    this.pushRegister(low);
    this.pushUpper(entry(K_REGISTER, high));
  }

  /** A high word that repeats the sign of the low word, which is on top. */
  pushSign(): void {
    const low = this.at(Operands.height - 1);
    if (kindOf(low) === K_CONSTANT) {
      this.pushUpper(entry(K_CONSTANT, ((payload(low) as i32) >> 31) as u32));
    } else this.pushUpper(entry(K_SIGN, 0));
  }

  pushFlags(condition: u32): void {
    this.push(entry(K_FLAGS, condition));
    Encoder.keepFlags = true;
  }

  /** Takes the topmost word; a register that it is in is locked. */
  pop(): u64 {
    if (Operands.height === 0) {
      this.fail(INTERNAL);
      return 0;
    }
    const index = --Operands.height;
    const word = this.at(index);
    if (Operands.flushed > index) Operands.flushed = index;
    const kind = kindOf(word);
    if (kind === K_REGISTER) {
      this.release(payload(word));
      this.lock(payload(word));
    } else if (kind === K_LOCAL) this.addReference(payload(word), -1);
    return word & ~UPPER;
  }

  /** Whether the topmost value has two words. */
  topIsPair(): bool {
    return (this.at(Operands.height - 1) & UPPER) !== 0;
  }

  // Loading

  /** The register with a word that was taken; not to be written on unless `isTemporary`. */
  register(word: u64): u32 {
    const kind = kindOf(word);
    if (kind === K_REGISTER && payload(word) < S0) return payload(word);
    if (kind === K_LOCAL) {
      const register = this.localRegister(payload(word));
      if (register !== 0) return register;
    }
    const register = this.allocate();
    this.moveTo(register, word);
    return register;
  }

  /** The register for single precision with a word that was taken; not to be written on. */
  single(word: u64): u32 {
    if (inFloat(word)) return payload(word);
    let register = this.copyOf(word);
    if (register === NONE) {
      const from = this.register(word);
      register = this.allocateFloat();
      this.move(register, from);
      if (kindOf(word) <= K_LOCAL) this.keepCopy(register, word);
    }
    this.lock(register);
    return register;
  }

  /** As `register` for a high word, of which the low one lies in `low`. */
  highRegister(word: u64, low: u32): u32 {
    if (kindOf(word) !== K_SIGN) return this.register(word);
    const register = this.allocate();
    this.shiftImmediate(ASR, register, low, 31);
    return register;
  }

  /** A register with a word that was taken which may be written on. */
  writable(word: u64): u32 {
    const register = this.register(word);
    return this.owned(register);
  }

  writableHigh(word: u64, low: u32): u32 {
    return this.owned(this.highRegister(word, low));
  }

  private owned(register: u32): u32 {
    if (this.isTemporary(register)) return register;
    const other = this.allocate();
    this.move(other, register);
    return other;
  }

  /** Loads a word that was taken, but no sign, into `register`. */
  moveTo(register: u32, word: u64): void {
    const value = payload(word);
    switch (kindOf(word)) {
      case K_CONSTANT:
        this.constant(register, value);
        break;
      case K_LOCAL: {
        const from = this.localRegister(value);
        if (from !== 0) this.move(register, from);
        else this.access(LDR, register, SP, this.localHome(value) as i32);
        break;
      }
      case K_REGISTER:
        this.move(register, value);
        break;
      case K_SLOT:
        this.access(LDR, register, SP, this.slotOffset(value) as i32);
        break;
      case K_FLAGS:
        this.flagsTo(register, value);
        break;
      default:
        this.fail(INTERNAL);
    }
  }

  /** Makes `register` 1 under `condition`, else 0. */
  private flagsTo(register: u32, condition: u32): void {
    this.ifThenElse(condition);
    if (register < 8) {
      // In an IT block these leave the flags.
      this.half(0x2001 | (register << 8));
      this.half(0x2000 | (register << 8));
    } else {
      Encoder.keepFlags = true;
      this.constant(register, 1);
      this.constant(register, 0);
    }
    Encoder.keepFlags = false;
  }

  /** Flags on top become a register. */
  settleFlags(): void {
    if (!Encoder.keepFlags) return;
    const word = this.pop();
    const register = this.allocate();
    this.flagsTo(register, payload(word));
    this.pushRegister(register);
    Operands.locked = 0;
  }

  /** Stores all words below `limit` in their slots but for constants. Leaves the flags. */
  flush(limit: u32): void {
    for (let index = Operands.flushed; index < limit; index++) {
      const word = this.at(index);
      const kind = kindOf(word);
      if (kind === K_CONSTANT) continue;
      if (kind === K_SIGN) {
        // Its low word was stored before.
        const register = this.allocate();
        this.access(LDR, register, SP, this.slotOffset(index - 1) as i32);
        this.shiftImmediate(ASR, register, register, 31);
        this.access(STR, register, SP, this.slotOffset(index) as i32);
        this.rewrite(index, K_SLOT, index);
      } else if (kind === K_REGISTER) this.spill(index);
      else if (kind === K_LOCAL) {
        const register = this.register(word);
        this.addReference(payload(word), -1);
        this.access(STR, register, SP, this.slotOffset(index) as i32);
        this.rewrite(index, K_SLOT, index);
      }
      Operands.locked = 0;
    }
    if (Operands.flushed < limit) Operands.flushed = limit;
  }

  /** Stores the words below `limit` that lie in registers for operands in their slots: before a call. */
  spillBelow(limit: u32): void {
    // Those for single precision come last: their way to the slot may push a word out of another register.
    for (let rest = Operands.taken; rest !== 0; rest &= rest - 1) {
      const owner = this.owner(ctz(rest));
      if (owner < limit) this.spill(owner);
    }
    this.dropBase();
    this.dropBound();
  }

  /** The operands that wait for a local's word take it now: it is about to change. */
  detach(word: u32): void {
    for (let index = Operands.height; this.references(word) > 0 && index > 0; ) {
      index--;
      const found = this.at(index);
      if (kindOf(found) !== K_LOCAL || payload(found) !== word) continue;
      this.addReference(word, -1);
      const home = this.localRegister(word);
      const register = this.vacant(POOL);
      if (register !== NONE || home === 0) {
        const target = register !== NONE ? register : this.allocate();
        if (home !== 0) this.move(target, home);
        else this.access(LDR, target, SP, this.localHome(word) as i32);
        this.setOwner(target, index);
        this.rewrite(index, K_REGISTER, target);
        // It is an operand's, and may give way to the next one's.
        Operands.locked &= ~(1 << target);
      } else {
        this.access(STR, home, SP, this.slotOffset(index) as i32);
        this.rewrite(index, K_SLOT, index);
      }
    }
  }

  /** A word that was taken goes into a local's word; returns the register that it came from, or `NONE`. */
  storeLocal(word: u32, taken: u64): u32 {
    const home = this.localRegister(word);
    if (home !== 0) {
      this.moveTo(home, taken);
      return home;
    }
    const register = this.register(taken);
    this.access(STR, register, SP, this.localHome(word) as i32);
    return register;
  }

  // Fixed places

  /** Moves the topmost value, of `count` words, to r0 and r1, off the stack. Leaves the flags. */
  resultToRegisters(count: u32): void {
    if (count === 1) {
      const word = this.pop();
      if (kindOf(word) !== K_REGISTER || payload(word) !== R0) {
        this.claim(R0);
        this.moveTo(R0, word);
      }
      return;
    }
    const high = this.pop();
    const low = this.pop();
    const lowIn1 = kindOf(low) === K_REGISTER && payload(low) === R1;
    if (kindOf(high) === K_REGISTER && payload(high) === R0) {
      if (lowIn1) {
        const other = this.allocate();
        this.move(other, R0);
        this.move(R0, R1);
        this.move(R1, other);
        return;
      }
      this.claim(R1);
      this.move(R1, R0);
      this.moveTo(R0, low);
      return;
    }
    this.claim(R0);
    this.moveTo(R0, low);
    this.claim(R1);
    if (kindOf(high) === K_SIGN) this.shiftImmediate(ASR, R1, R0, 31);
    else this.moveTo(R1, high);
  }

  /** The word at `index` as a register, on the stack. */
  private settleSign(index: u32): void {
    if (kindOf(this.at(index)) !== K_SIGN) return;
    const low = this.at(index - 1);
    let register: u32 = NONE;
    if (kindOf(low) === K_REGISTER) {
      register = payload(low);
      this.lock(register);
    } else if (kindOf(low) === K_LOCAL) {
      register = this.localRegister(payload(low));
      if (register === 0) register = NONE;
    }
    const target = this.allocate();
    if (register === NONE) {
      this.moveTo(target, low);
      register = target;
    }
    this.shiftImmediate(ASR, target, register, 31);
    this.setOwner(target, index);
    this.rewrite(index, K_REGISTER, target);
  }

  /**
   * Takes the topmost `count` words as arguments: the first four go to r0 to r3, the others to the
   * lowest words of the frame. All that lies in registers for operands goes to its slots. Registers in
   * `kept` are not touched; r12 or else lr must be free of them.
   */
  argumentsToRegisters(count: u32, kept: u32): void {
    const first = Operands.height - count;
    Operands.locked = kept;
    this.spillBelow(first);
    // From the last on, so that the low word of a sign is still there.
    for (let i = count; i > 4; i--) {
      const index = first + i - 1;
      this.settleSign(index);
      const register = this.register(this.pop());
      this.access(STR, register, SP, ((i - 5) << 2) as i32);
      Operands.locked = kept;
    }
    const few = min(count, 4);
    for (let i: u32 = 1; i < few; i++) {
      this.settleSign(first + i);
      Operands.locked = kept;
    }
    for (let i = few; i > 0; i--) store<u64>(Operands.moves + ((i - 1) << 3), this.pop());
    this.moveArguments(few, kept);
    this.clearRegisters();
  }

  private moveArguments(count: u32, kept: u32): void {
    const spare = ((kept >>> R12) & 1) !== 0 ? LR : R12;
    let pending: u32 = 0;
    for (let i: u32 = 0; i < count; i++) {
      const word = load<u64>(Operands.moves + (i << 3));
      if (kindOf(word) === K_REGISTER && payload(word) !== i) pending |= 1 << i;
    }
    while (pending !== 0) {
      let moved = false;
      for (let i: u32 = 0; i < count; i++) {
        if (((pending >>> i) & 1) === 0 || this.isSource(i, pending & ~(1 << i))) continue;
        this.move(i, payload(load<u64>(Operands.moves + (i << 3))));
        pending &= ~(1 << i);
        moved = true;
      }
      if (moved) continue;
      // What is left are cycles within r0 to r3: one of them waits elsewhere.
      const from: u32 = ctz(pending);
      this.move(spare, from);
      for (let i: u32 = 0; i < count; i++) {
        const place = Operands.moves + (i << 3);
        if (((pending >>> i) & 1) !== 0 && payload(load<u64>(place)) === from) {
          store<u64>(place, entry(K_REGISTER, spare));
        }
      }
    }
    for (let i: u32 = 0; i < count; i++) {
      const word = load<u64>(Operands.moves + (i << 3));
      if (kindOf(word) !== K_REGISTER) this.moveTo(i, word);
    }
  }

  /** Whether one of the `pending` moves reads `register`. */
  private isSource(register: u32, pending: u32): bool {
    for (let rest = pending; rest !== 0; rest &= rest - 1) {
      if (payload(load<u64>(Operands.moves + (ctz(rest) << 3))) === register) return true;
    }
    return false;
  }
}
