// The short pass over a body before it is compiled: where its locals live, and the room for arguments.
import {
  OP_BLOCK,
  OP_BR,
  OP_BR_TABLE,
  OP_CALL,
  OP_CALL_INDIRECT,
  OP_END,
  OP_I32_LOAD,
  OP_I64_AND,
  OP_I64_CLZ,
  OP_I64_CONST,
  OP_I64_CTZ,
  OP_I64_EXTEND_I32_S,
  OP_I64_EXTEND_I32_U,
  OP_I64_EXTEND8_S,
  OP_I64_EXTEND16_S,
  OP_I64_EXTEND32_S,
  OP_I64_LOAD8_S,
  OP_I64_LOAD32_U,
  OP_I64_POPCNT,
  OP_I64_SHR_S,
  OP_I64_SHR_U,
  OP_I64_STORE32,
  OP_IF,
  OP_LOCAL_GET,
  OP_LOCAL_SET,
  OP_LOCAL_TEE,
  OP_LOOP,
  OP_RETURN,
} from "../wasm-checker/opcodes";
import { ASR, Encoder, R4, SP, STR } from "./encoder";
import { NATIVE_SLACK } from "./layout";
import {
  entry,
  FRAME_TOO_LARGE,
  INTERNAL,
  K_LOCAL,
  LARGEST_OFFSET,
  NONE,
  Operands,
} from "./operands";
import { starvedLocals } from "./starved";
import { parameterCount, parameterType, parameterWords, Tables, typeOf, wordsOf } from "./tables";

/** Registers r4 to r9 hold locals, and r10 where no fuel is counted. */
const HOMES: u32 = 6;
/** A local in a loop counts eightfold, up to so many loops. */
const DEEPEST: u32 = 6;
/** Fewest uses for which a register is saved and restored. */
const WORTH: u32 = 3;

/** Different extents of accesses that are counted in a function. */
const EXTENTS: u32 = 4;

/** Flags of a local's record. */
const SEEN: u8 = 1;
const NEEDS_ZERO: u8 = 2;
/** In the list of locals with `HIGH_…`, which are the bits from here on, all of the low word. */
const LISTED: u32 = 4;
const HIGH_SHIFT: u32 = 3;

/** What is known of a high word, as bits: it is 0, it repeats the sign of the low word. */
export const HIGH_ZERO: u32 = 1;
export const HIGH_SIGN: u32 = 2;
export const HIGH_BOTH: u32 = 3;

// Bytes, as powers of 2, from `i32.load` on.
const WIDTHS: usize = memory.data<u8>([
  2, 3, 2, 3, 0, 0, 1, 1, 0, 0, 1, 1, 2, 2, 2, 3, 2, 3, 0, 1, 0, 1, 2,
]);

/** Bytes that the load or store `opcode` accesses. */
export function accessBytes(opcode: u32): u32 {
  const power: u32 = load<u8>(WIDTHS + (opcode - OP_I32_LOAD));
  return 1 << power;
}

/** A constant that tells nothing as an operand of `i64.and` and of shifts. */
const NO_CONSTANT: i64 = 1 << 32;

/** A function's locals. */
@unmanaged
export class Locals extends Tables {
  /** u16 for each local: first word · 4 + type. */
  static localNumbers: usize = 0;
  static localCount: u32 = 0;
  static localWords: u32 = 0;
  /** How many locals there is room for, of two words each. */
  static localCapacity: u32 = 0;
  static parameterWordCount: u32 = 0;
  /** A byte for each open block. */
  static kinds: usize = 0;
  /** r4 to r(4 + this − 1) hold locals. */
  static homes: u32 = 0;
  /** The register that holds the bound of accesses of `boundExtent` bytes all through the function, or 0. */
  static boundHome: u32 = 0;
  static boundExtent: u32 = 0;
  /** Extents of accesses and how often they are, u32 each, while the body is scanned. */
  static extents: usize = 0;
  /** Bytes at the bottom of the frame for arguments beyond the fourth. */
  static outgoing: u32 = 0;
  /** First in the list of locals' low words of which `highOf` tells. */
  static narrow: u32 = NONE;
  /** The constant of 64 bits that the last instruction of the scan left, or `NO_CONSTANT`. */
  private static constant64: i64 = 0;

  localWord(index: u32): u32 {
    return (load<u16>(Locals.localNumbers + (index << 1)) as u32) >>> 2;
  }

  localType(index: u32): u32 {
    return (load<u16>(Locals.localNumbers + (index << 1)) as u32) & 3;
  }

  private addLocal(type: u32): void {
    const words = wordsOf(type);
    if (Locals.localCount >= Locals.localCapacity) {
      this.fail(INTERNAL);
      return;
    }
    store<u16>(
      Locals.localNumbers + (Locals.localCount << 1),
      ((Locals.localWords << 2) | type) as u16,
    );
    Locals.localCount++;
    for (let i: u32 = 0; i < words; i++) {
      const record = this.local(Locals.localWords + i);
      store<u64>(record, 0);
      store<u64>(record, 0, 8);
    }
    Locals.localWords += words;
  }

  /** Reads the declarations of a body of `type`. Afterwards `read` is at its first instruction. */
  declareLocals(type: usize): void {
    Locals.localCount = 0;
    Locals.localWords = 0;
    const parameters = parameterCount(type);
    for (let i: u32 = 0; i < parameters; i++) this.addLocal(parameterType(type, i));
    Locals.parameterWordCount = parameterWords(type);
    for (let groups = this.u32(); groups > 0; groups--) {
      const count = this.u32();
      const local = typeOf(this.byte());
      for (let i: u32 = 0; i < count && !this.failed; i++) this.addLocal(local);
    }
  }

  /** Reads the body once, counts the uses of each local, and gives places to all. Leaves `read`. */
  placeLocals(end: usize): void {
    const start = Tables.read;
    Locals.outgoing = 0;
    Locals.narrow = NONE;
    memory.fill(Locals.extents, 0, EXTENTS << 3);
    this.scan(end);
    Tables.read = start;
    Locals.homes = 0;
    Locals.boundHome = 0;
    const bounds = this.commonExtent();
    const most = isDefined(THUMB2_STARVED) ? starvedLocals : HOMES;
    const homes = Tables.native ? most + 1 : most;
    for (; Locals.homes < homes; Locals.homes++) {
      const best = this.mostUsed();
      const uses: u32 = best === Locals.localWords ? 0 : load<u32>(this.local(best));
      if (Locals.boundHome === 0 && bounds > max(uses, WORTH)) {
        Locals.boundHome = R4 + Locals.homes;
        continue;
      }
      if (best === Locals.localWords) break;
      store<u8>(this.local(best), (R4 + Locals.homes) as u8, 12);
    }
    let offset = Locals.outgoing;
    for (let word: u32 = 0; word < Locals.localWords; word++) {
      const record = this.local(word);
      // Facts come to stand where the counts were.
      store<u64>(record, 0);
      if (load<u8>(record, 12) !== 0 || load<u8>(record, 13) === 0) continue;
      store<u16>(record, offset as u16, 8);
      offset += 4;
    }
    Operands.slots = offset;
    if (offset > LARGEST_OFFSET) this.fail(FRAME_TOO_LARGE);
  }

  /** What is known of the high word of the local of 64 bits with the low word `word`: then it is stored nowhere. */
  highOf(word: u32): u32 {
    return (load<u8>(this.local(word), 13) >>> HIGH_SHIFT) & HIGH_BOTH;
  }

  /** From now on `high` is known of that high word; 0 if it is stored. */
  setHigh(word: u32, high: u32): void {
    const record = this.local(word);
    let flags: u32 = load<u8>(record, 13) & ~(HIGH_BOTH << HIGH_SHIFT);
    if (high !== 0 && (flags & LISTED) === 0) {
      store<u16>(record, Locals.narrow as u16, 14);
      Locals.narrow = word;
      flags |= LISTED;
    }
    store<u8>(record, flags | (high << HIGH_SHIFT), 13);
  }

  /** Stores the high words of which all is known, as far as they are asked for: code that joins reads them. */
  settleLocals(): void {
    while (Locals.narrow !== NONE) {
      const word = Locals.narrow;
      const high = this.unlist();
      if (high === 0 || !this.isUsed(word + 1)) continue;
      this.forget(word + 1);
      const home = this.localRegister(word + 1);
      const register = home !== 0 ? home : this.allocate();
      if ((high & HIGH_ZERO) !== 0) this.constant(register, 0);
      else {
        const low = this.localRegister(word);
        if (low === 0) this.moveTo(register, entry(K_LOCAL, word));
        this.shiftImmediate(ASR, register, low !== 0 ? low : register, 31);
      }
      if (home === 0) this.access(STR, register, SP, this.localHome(word + 1) as i32);
      Operands.locked = 0;
    }
  }

  /** Takes the first local off the list; returns what was known of it. */
  unlist(): u32 {
    const word = Locals.narrow;
    const high = this.highOf(word);
    const record = this.local(word);
    Locals.narrow = load<u16>(record, 14);
    store<u8>(record, load<u8>(record, 13) & (SEEN | NEEDS_ZERO), 13);
    return high;
  }

  /**
   * Whether the scan sees that an instruction's result is 32 bits, extended; `read` is after `opcode`. The second pass
   * must know it of each such value. Leaves `read`.
   */
  private isNarrow(opcode: u32): bool {
    const constant = Locals.constant64;
    Locals.constant64 = NO_CONSTANT;
    switch (opcode) {
      case OP_I64_CONST: {
        const start = Tables.read;
        const value = this.signed();
        Tables.read = start;
        Locals.constant64 = value;
        return value >>> 32 === 0 || (value << 32) >> 32 === value;
      }
      case OP_I64_AND: // and
        return constant >>> 32 === 0;
      case OP_I64_SHR_S: // shifts to the right
      case OP_I64_SHR_U:
        return (constant & 63) >= 32;
      case OP_I64_CLZ: // counts of bits, extensions
      case OP_I64_CTZ:
      case OP_I64_POPCNT:
      case OP_I64_EXTEND_I32_S:
      case OP_I64_EXTEND_I32_U:
      case OP_I64_EXTEND8_S:
      case OP_I64_EXTEND16_S:
      case OP_I64_EXTEND32_S:
        return true;
      default: // loads of less than 64 bits
        return opcode >= OP_I64_LOAD8_S && opcode <= OP_I64_LOAD32_U;
    }
  }

  /**
   * How many instructions a register for the most common bound would save; notes that in `boundExtent`. Half
   * of the accesses are taken for spared by what is known of a local.
   */
  private commonExtent(): u32 {
    let most: u32 = 0;
    if (Tables.boundVaries) return 0;
    for (let i: u32 = 0; i < EXTENTS; i++) {
      const place = Locals.extents + (i << 3);
      const last = Tables.boundBytes - (load<u32>(place) as u64);
      if (last > 0xffffffff || Encoder.isComparable(last as u32)) continue;
      if (Encoder.isComparable((last as u32) + 1)) continue;
      const uses = last > 0xffff ? load<u32>(place, 4) : load<u32>(place, 4) >>> 1;
      if (uses > most) {
        most = uses;
        Locals.boundExtent = load<u32>(place);
      }
    }
    return most;
  }

  /** The extent that an access is checked for: within `NATIVE_SLACK`, one check does for all. */
  checkedFor(extent: u32): u32 {
    return Tables.native && extent <= NATIVE_SLACK ? 0 : extent;
  }

  private countExtent(extent: u32, weight: u32): void {
    for (let i: u32 = 0; i < EXTENTS; i++) {
      const place = Locals.extents + (i << 3);
      const uses = load<u32>(place, 4);
      if (uses !== 0 && load<u32>(place) !== extent) continue;
      store<u32>(place, extent);
      store<u32>(place, uses > 0x7fffffff - weight ? 0x7fffffff : uses + weight, 4);
      return;
    }
  }

  /** The local's word with the most uses that has no register; `localWords` when none is worth one. */
  private mostUsed(): u32 {
    let best = Locals.localWords;
    let most = WORTH - 1;
    for (let word: u32 = 0; word < Locals.localWords; word++) {
      const record = this.local(word);
      const uses = load<u32>(record);
      if (uses > most && load<u8>(record, 12) === 0) {
        most = uses;
        best = word;
      }
    }
    return best;
  }

  needsZero(word: u32): bool {
    return (load<u8>(this.local(word), 13) & NEEDS_ZERO) !== 0;
  }

  /** Whether a local is mentioned at all. */
  isUsed(word: u32): bool {
    return (load<u8>(this.local(word), 13) & SEEN) !== 0;
  }

  private scan(end: usize): void {
    let depth: u32 = 0;
    let loops: u32 = 0;
    // What is not a loop may be left before its end.
    let blocks: u32 = 0;
    let ifs: u32 = 0;
    let left = false;
    // Whether the instruction before leaves 32 bits, extended; and what has no joins in it since some locals were set so.
    let narrow: bool = false;
    let line: u32 = 1;
    Locals.constant64 = NO_CONSTANT;
    while (Tables.read < end) {
      const opcode = this.byte();
      if (opcode >= OP_LOCAL_GET && opcode <= OP_LOCAL_TEE) {
        const local = this.u32();
        const record = this.local(this.localWord(local));
        const sets = opcode !== OP_LOCAL_GET;
        if (sets) store<u32>(record, narrow ? line : 0, 4);
        else narrow = load<u32>(record, 4) === line;
        const certain = ifs === 0 && (blocks === 0 || !left);
        this.use(local, narrow, sets && certain, (1 as u32) << (3 * min(loops, DEEPEST)));
        narrow = narrow && opcode !== OP_LOCAL_SET;
        Locals.constant64 = NO_CONSTANT;
        continue;
      }
      narrow = this.isNarrow(opcode);
      if (opcode >= OP_LOOP && opcode <= OP_BR_TABLE) line++;
      if (opcode >= OP_I32_LOAD && opcode <= OP_I64_STORE32) {
        this.skipLeb();
        const extent = (this.u32() as u64) + accessBytes(opcode);
        if (extent <= 0xffffffff) {
          this.countExtent(this.checkedFor(extent as u32), (1 as u32) << (3 * min(loops, DEEPEST)));
        }
        continue;
      }
      if (opcode >= OP_BLOCK && opcode <= OP_IF) {
        store<u8>(Locals.kinds + depth, opcode as u8);
        depth++;
        if (opcode === OP_LOOP) loops++;
        else if (opcode === OP_IF) ifs++;
        else {
          if (blocks === 0) left = false;
          blocks++;
        }
      } else if (opcode === OP_END && depth > 0) {
        depth--;
        const kind: u32 = load<u8>(Locals.kinds + depth);
        if (kind === OP_LOOP) loops--;
        else if (kind === OP_IF) ifs--;
        else blocks--;
      } else if (opcode >= OP_BR && opcode <= OP_RETURN) left = true;
      else if (opcode === OP_CALL) {
        this.passes(this.typeOfFunction(this.u32()));
        continue;
      } else if (opcode === OP_CALL_INDIRECT) {
        this.passes(this.type(this.u32()));
        this.skipLeb();
        continue;
      }
      this.skipImmediates(opcode);
    }
  }

  /** A call of a function of `type`. */
  private passes(type: usize): void {
    const words = parameterWords(type);
    if (words > 4) Locals.outgoing = max(Locals.outgoing, (words - 4) << 2);
  }

  /** A use of a local, or where it is `narrow` of its low word only. `set` if all paths from the begin set it. */
  private use(local: u32, narrow: bool, set: bool, weight: u32): void {
    const first = this.localWord(local);
    const last = first + (narrow ? 1 : wordsOf(this.localType(local)));
    for (let word = first; word < last; word++) {
      const record = this.local(word);
      const uses = load<u32>(record);
      store<u32>(record, uses > 0x7fffffff - weight ? 0x7fffffff : uses + weight);
      if (load<u8>(record, 13) === 0) {
        const zero = word >= Locals.parameterWordCount && !set;
        store<u8>(record, SEEN | (zero ? NEEDS_ZERO : 0), 13);
      }
    }
  }
}
