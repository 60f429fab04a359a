import { CheckLimits } from "./limits";
import {
  MALFORMED_END,
  MALFORMED_INTEGER_BITS,
  MALFORMED_INTEGER_LENGTH,
  MALFORMED_VALUE_TYPE,
  UNSUPPORTED_GC,
  UNSUPPORTED_REFERENCE_TYPES,
  UNSUPPORTED_SIMD,
} from "./refusals";
import { CheckReport } from "./report";

/**
 * The state of one check: a reader over the module's bytes that never goes beyond `end`, the tables
 * of what was declared so far, and the first refusal.
 *
 * A refusal is sticky: it empties the rest of the input, so that readers return zeros from then on.
 * Every loop over a declared count must ask `refused`.
 */
@unmanaged
export class CheckState {
  limits: CheckLimits;
  report: CheckReport;

  /** The module, as pointers. */
  base: usize = 0;
  /** Next byte to read. */
  at: usize = 0;
  /** End of what may be read: the module's, the section's or the function body's. */
  end: usize = 0;

  /** 8 bytes for each type: u32 offset of its first parameter in the module, u8 parameters, u8 result. */
  typeTable: usize = 0;
  typeCount: u32 = 0;
  /** Entries that the tables have room for (`workspace.ts`). */
  typeCapacity: u32 = 0;
  functionCapacity: u32 = 0;
  globalCapacity: u32 = 0;
  /** u16 type index for each function, imports first. */
  functionTable: usize = 0;
  functionCount: u32 = 0;
  importCount: u32 = 0;
  /** u8 for each global: its value type, with bit 7 set when mutable. */
  globalTable: usize = 0;
  globalCount: u32 = 0;
  tableCount: u32 = 0;
  memoryCount: u32 = 0;
  bodyCount: u32 = 0;
  dataCount: u32 = 0;
  /** What the data count section announced, or `NONE`. */
  announcedData: u32 = 0;

  /** u8 value types of the current function: parameters and locals, then operands. */
  values: usize = 0;
  /** u32 for each open block of the current function, see `body.ts`. */
  frames: usize = 0;

  compileSteps: u64 = 0;

  /** Whether an export `memory` was seen. */
  exportsMemory: bool = false;
  /** `FILTER_BYTES` of `contents.ts`, while the export section is read. */
  filter: usize = 0;

  get refused(): bool {
    return this.report.code !== 0;
  }

  offset(pointer: usize): u32 {
    return (pointer - this.base) as u32;
  }

  /** Refuses the module for what stands at `where`, unless it is refused already. */
  refuse(code: u32, where: usize): void {
    this.refuseWith(code, where, 0, 0);
  }

  refuseWith(code: u32, where: usize, expected: u32, found: u32): void {
    const report = this.report;
    if (report.code === 0) {
      report.code = code;
      report.offset = this.offset(where);
      report.expected = expected;
      report.found = found;
    }
    this.at = this.end;
  }

  get remaining(): u32 {
    return (this.end - this.at) as u32;
  }

  byte(): u32 {
    const at = this.at;
    if (at >= this.end) {
      this.refuse(MALFORMED_END, at);
      return 0;
    }
    this.at = at + 1;
    return load<u8>(at);
  }

  /** Skips `length` bytes. */
  skip(length: u32): void {
    if (length > this.remaining) this.refuse(MALFORMED_END, this.end);
    else this.at += length;
  }

  /** Unsigned LEB128 of up to 32 bits (core specification, 5.2.2). */
  u32(): u32 {
    const start = this.at;
    let byte = this.byte();
    let value = byte & 0x7f;
    for (let shift: u32 = 7; byte >= 0x80 && shift <= 28; shift += 7) {
      byte = this.byte();
      if (shift === 28 && byte > 0x0f) {
        const code = byte >= 0x80 ? MALFORMED_INTEGER_LENGTH : MALFORMED_INTEGER_BITS;
        this.refuse(code, start);
      }
      value |= (byte & 0x7f) << shift;
    }
    return value;
  }

  /** Signed LEB128 of 32 or 64 bits (core specification, 5.2.2). */
  signed(bits: u32): i64 {
    const start = this.at;
    let byte: u32 = 0x80;
    let value: u64 = 0;
    let shift: u32 = 0;
    for (; byte >= 0x80 && shift < bits; shift += 7) {
      byte = this.byte();
      value |= ((byte & 0x7f) as u64) << shift;
      if (shift + 7 >= bits) {
        // The last byte that the type allows: what lies beyond the type repeats the sign bit.
        const beyond: u32 = (0x7f << (bits - shift - 1)) & 0x7f;
        if (byte >= 0x80) this.refuse(MALFORMED_INTEGER_LENGTH, start);
        else if ((byte & beyond) !== 0 && (byte & beyond) !== beyond) {
          this.refuse(MALFORMED_INTEGER_BITS, start);
        }
      }
    }
    if (shift >= 64) return value as i64;
    return ((value << (64 - shift)) as i64) >> (64 - shift);
  }

  /** A value type; refused unless isolates run it. */
  valueType(): u32 {
    const at = this.at;
    const type = this.byte();
    if (type >= 0x7c && type <= 0x7f) return type;
    this.refuseWith(valueTypeRefusal(type), at, 0, type);
    return type;
  }

  /** Entry of a type in the type table. */
  type(index: u32): usize {
    return this.typeTable + ((index as usize) << 3);
  }

  typeOfFunction(index: u32): u32 {
    return load<u16>(this.functionTable + ((index as usize) << 1));
  }
}

/** Why the byte `type` is not a value type here: an unsupported feature, or nothing known. */
export function valueTypeRefusal(type: u32): u32 {
  if (type === 0x7b) return UNSUPPORTED_SIMD;
  if (type === 0x70 || type === 0x6f) return UNSUPPORTED_REFERENCE_TYPES;
  if (type >= 0x63 && type <= 0x75) return UNSUPPORTED_GC;
  return MALFORMED_VALUE_TYPE;
}

/** Type of the parameter at `index` of the type at `entry`. */
export function parameterType(state: CheckState, entry: usize, index: u32): u32 {
  return load<u8>(state.base + load<u32>(entry) + index);
}

/** Parameters of the type at `entry` of the type table. */
export function parameterCount(entry: usize): u32 {
  return load<u8>(entry, 4);
}

/** Type of the result of the type at `entry`, or `TYPE_NONE`. */
export function resultType(entry: usize): u32 {
  return load<u8>(entry, 5);
}
