// Locals, globals, memory, constants, and the choice between two values.
import {
  OP_F32_CONST,
  OP_GLOBAL_GET,
  OP_GLOBAL_SET,
  OP_I32_CONST,
  OP_I32_LOAD,
  OP_I32_STORE,
  OP_I64_CONST,
  OP_I64_LOAD8_S,
  OP_I64_LOAD32_U,
  OP_I64_STORE8,
  OP_LOCAL_GET,
  OP_LOCAL_TEE,
  OP_MEMORY_GROW,
  OP_MEMORY_SIZE,
} from "../wasm-checker/opcodes";
import {
  ASR,
  Encoder,
  LDR,
  LDRB,
  LDRH,
  LDRSB,
  LDRSH,
  modifiedImmediate,
  NO_IMMEDIATE,
  R11,
  STR,
  STRB,
  STRH,
} from "./encoder";
import { Floats } from "./floats";
import { CONTEXT_GLOBALS, CONTEXT_GROW } from "./layout";
import { accessBytes, HIGH_BOTH, HIGH_SIGN, HIGH_ZERO } from "./locals";
import {
  entry,
  INTERNAL,
  inFloat,
  K_CONSTANT,
  K_LOCAL,
  K_REGISTER,
  K_SIGN,
  kindOf,
  NONE,
  Operands,
  payload,
  UPPER,
} from "./operands";
import { Tables, wordsOf } from "./tables";
import { highKnown } from "./values";

/** Halfwords of loads from `i32.load` on and of stores from `i32.store` on; 0 where there are two words. */
const ACCESSES: usize = memory.data<u16>([
  LDR as u16,
  0,
  LDR as u16,
  0,
  LDRSB as u16,
  LDRB as u16,
  LDRSH as u16,
  LDRH as u16,
  LDRSB as u16,
  LDRB as u16,
  LDRSH as u16,
  LDRH as u16,
  LDR as u16,
  LDR as u16,
  STR as u16,
  0,
  STR as u16,
  0,
  STRB as u16,
  STRH as u16,
  STRB as u16,
  STRH as u16,
  STR as u16,
]);

/** Instructions that read and write variables and memory. */
@unmanaged
export class Variables extends Floats {
  variable(opcode: u32): void {
    const index = this.u32();
    if (opcode >= OP_GLOBAL_GET) {
      this.global(opcode, index);
      return;
    }
    const word = this.localWord(index);
    const pair = wordsOf(this.localType(index)) === 2;
    if (opcode === OP_LOCAL_GET) {
      this.push(entry(K_LOCAL, word));
      if (pair) this.pushLocalHigh(word);
      return;
    }
    if (pair) this.setPair(word, opcode === OP_LOCAL_TEE);
    else this.setWord(word, opcode === OP_LOCAL_TEE);
  }

  private setWord(word: u32, tee: bool): void {
    const taken = this.pop();
    this.detach(word);
    const from = this.storeLocal(word, taken);
    this.forget(word);
    // The register that it was in repeats it.
    if (inFloat(taken)) this.keepCopy(payload(taken), entry(K_LOCAL, word));
    if (tee) this.pushLocal(word, from, 0);
  }

  /** After `local.tee`: the local's word, or the register that it was stored from. */
  private pushLocal(word: u32, from: u32, upper: u64): void {
    const inMemory = this.localRegister(word) === 0;
    if (inMemory && this.isTemporary(from)) this.push(entry(K_REGISTER, from) | upper);
    else this.push(entry(K_LOCAL, word) | upper);
  }

  /** The high word of the local whose low one is on top. */
  private pushLocalHigh(word: u32): void {
    const high = this.highOf(word);
    if (high !== 0) this.pushNarrowHigh(high);
    else if (this.isUsed(word + 1)) this.pushUpper(entry(K_LOCAL, word + 1));
    else this.fail(INTERNAL);
  }

  private setPair(word: u32, tee: bool): void {
    let high = this.pop();
    let low = this.pop();
    this.detach(word);
    this.detach(word + 1);
    const known = highKnown(low, high);
    this.setHigh(word, known);
    if (known !== 0) {
      if (kindOf(high) === K_REGISTER) Operands.locked &= ~(1 << payload(high));
      const from = this.storeLocal(word, low);
      this.forget(word);
      if (tee) {
        this.pushLocal(word, from, 0);
        this.pushNarrowHigh(known);
      }
      return;
    }
    // The words may come from each other.
    if (kindOf(high) === K_LOCAL && payload(high) === word) high = this.copied(high);
    if (kindOf(low) === K_LOCAL && payload(low) === word + 1) low = this.copied(low);
    const lowFrom = this.storeLocal(word, low);
    const highFrom = this.storeLocal(word + 1, high);
    this.forget(word);
    this.forget(word + 1);
    if (tee) {
      this.pushLocal(word, lowFrom, 0);
      this.pushLocal(word + 1, highFrom, UPPER);
    }
  }

  private copied(word: u64): u64 {
    const register = this.allocate();
    this.moveTo(register, word);
    return entry(K_REGISTER, register);
  }

  private global(opcode: u32, index: u32): void {
    const number: u32 = load<u16>(Tables.globals + (index << 1));
    const word = number >>> 3;
    const words = wordsOf((number >>> 1) & 3);
    if (opcode === OP_GLOBAL_SET) {
      for (let i = words; i > 0; i--) {
        if (i === 2 && kindOf(this.at(Operands.height - 1)) === K_SIGN) {
          const high = this.pop();
          const low = this.pop();
          const register = this.register(low);
          this.accessGlobal(STR, this.highRegister(high, register), word + 1);
          this.accessGlobal(STR, register, word);
          return;
        }
        this.accessGlobal(STR, this.register(this.pop()), word + i - 1);
      }
      return;
    }
    for (let i: u32 = 0; i < words; i++) {
      const upper: u64 = i === 0 ? 0 : UPPER;
      if ((number & 1) === 0) {
        const value = load<u32>(Tables.globalValues + ((word + i) << 2));
        this.push(entry(K_CONSTANT, value) | upper);
      } else {
        const hint: u32 = words === 1 ? this.hint(0) : NONE;
        const register = hint !== NONE ? hint : this.allocate();
        this.accessGlobal(LDR, register, word + i);
        this.push(entry(K_REGISTER, register) | upper);
      }
    }
  }

  private accessGlobal(code: u32, register: u32, word: u32): void {
    const distance = CONTEXT_GLOBALS + 4 + (word << 2);
    if (distance < 256) {
      this.access(code, register, R11, -(distance as i32));
      return;
    }
    const place = code === LDR && register < 4 ? register : this.allocate();
    this.addTwelve(place, R11, distance, true);
    this.access(code, register, place, 0);
  }

  select(): void {
    const holds = this.condition();
    if (this.topIsPair()) {
      const secondHigh = this.pop();
      const second = this.pop();
      const firstHigh = this.pop();
      const first = this.pop();
      // High words first, while signs have their low words.
      const secondLow = kindOf(secondHigh) === K_SIGN ? this.register(second) : NONE;
      const low = this.writable(first);
      const high = this.writableHigh(firstHigh, low);
      this.replaceUnless(holds, low, secondLow !== NONE ? entry(K_REGISTER, secondLow) : second);
      if (secondLow !== NONE) {
        // The sign of the second, only where that is chosen.
        this.ifThen(holds ^ 1, 0);
        this.shiftImmediate(ASR, high, secondLow, 31);
      } else this.replaceUnless(holds, high, secondHigh);
      Encoder.keepFlags = false;
      this.pushPair(low, high);
      return;
    }
    const second = this.pop();
    const first = this.pop();
    const hint = this.hint(0);
    if (
      hint !== NONE &&
      kindOf(second) === K_LOCAL &&
      this.localRegister(payload(second)) === hint
    ) {
      const register = this.register(first);
      if (register !== hint) {
        this.ifThen(holds, 0);
        this.move(hint, register);
      }
      Encoder.keepFlags = false;
      this.pushRegister(hint);
      return;
    }
    let target: u32;
    if (hint !== NONE) {
      target = hint;
      this.moveTo(hint, first);
    } else target = this.writable(first);
    this.replaceUnless(holds, target, second);
    Encoder.keepFlags = false;
    this.pushRegister(target);
  }

  /** Puts a word that was taken into `register` unless `condition` holds. */
  private replaceUnless(condition: u32, register: u32, word: u64): void {
    if (kindOf(word) === K_CONSTANT && modifiedImmediate(payload(word)) !== NO_IMMEDIATE) {
      this.ifThen(condition ^ 1, 0);
      this.constant(register, payload(word));
      return;
    }
    const from = this.register(word);
    if (from === register) return;
    this.ifThen(condition ^ 1, 0);
    this.move(register, from);
  }

  memoryAccess(opcode: u32): void {
    this.skipLeb();
    const offset = this.u32();
    const code: u32 = load<u16>(ACCESSES + ((opcode - OP_I32_LOAD) << 1));
    const size = accessBytes(opcode);
    if (opcode >= OP_I32_STORE) this.storeValue(opcode, code, offset, size);
    else this.loadValue(opcode, code, offset, size);
  }

  private loadValue(opcode: u32, code: u32, offset: u32, size: u32): void {
    if (!this.reach(this.pop(), offset, size, code === 0)) {
      this.die();
      return;
    }
    const spare = this.spareOfAddress();
    const hint = this.hint(0);
    if (code === 0) {
      // The high word first: the low one may take the address's place.
      const highHint = this.hint(1);
      const high = highHint !== NONE ? highHint : this.allocate();
      this.reached(LDR, high, 1);
      const low = hint !== NONE ? hint : spare !== NONE ? spare : this.allocate();
      this.reached(LDR, low, 0);
      this.pushPair(low, high);
      return;
    }
    const register = hint !== NONE ? hint : spare !== NONE ? spare : this.allocate();
    this.reached(code, register, 0);
    this.pushRegister(register);
    if (opcode >= OP_I64_LOAD8_S) {
      this.pushNarrowHigh(
        (opcode & 1) === 0 ? HIGH_SIGN : opcode === OP_I64_LOAD32_U ? HIGH_ZERO : HIGH_BOTH,
      );
    }
  }

  private storeValue(opcode: u32, code: u32, offset: u32, size: u32): void {
    const pair = code === 0 || opcode >= OP_I64_STORE8;
    const high = pair ? this.pop() : 0;
    const low = this.pop();
    const address = this.pop();
    if (!this.reach(address, offset, size, code === 0)) {
      this.die();
      return;
    }
    const register = this.register(low);
    if (code === 0) {
      this.reached(STR, this.highRegister(high, register), 1);
      this.reached(STR, register, 0);
    } else this.reached(code, register, 0);
  }

  sizeOrConstant(opcode: u32): void {
    switch (opcode) {
      case OP_MEMORY_SIZE:
        Tables.read++;
        if (Tables.grows) {
          const hint = this.hint(0);
          const register = hint !== NONE ? hint : this.allocate();
          this.loadPages(register);
          this.pushRegister(register);
        } else this.pushConstant(Tables.initialPages);
        break;
      case OP_MEMORY_GROW:
        Tables.read++;
        this.callHome(CONTEXT_GROW, 1, 1);
        break;
      case OP_I32_CONST:
        this.pushConstant(this.signed() as u32);
        break;
      case OP_I64_CONST: {
        const value = this.signed();
        this.pushConstant(value as u32);
        this.pushUpper(entry(K_CONSTANT, (value >>> 32) as u32));
        break;
      }
      case OP_F32_CONST:
        this.pushConstant(load<u32>(Tables.read));
        Tables.read += 4;
        break;
      default:
        this.pushConstant(load<u32>(Tables.read));
        this.pushUpper(entry(K_CONSTANT, load<u32>(Tables.read, 4)));
        Tables.read += 8;
    }
  }
}
