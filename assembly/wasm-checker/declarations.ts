// The sections that declare things: types, imports, functions, table, memory, globals (core
// specification, 5.5), each with the rules of 3.2 and 3.4 that concern it.

import { isUtf8 } from "../encoding/utf8";
import { equals, hcallParameters, isI32Function } from "./hcalls";
import { OP_END, TYPE_I32 } from "./opcodes";
import {
  ABI_IMPORT_KIND,
  ABI_IMPORT_MODULE,
  ABI_IMPORT_NAME,
  ABI_IMPORT_TYPE,
  INVALID_CONSTANT_EXPRESSION,
  INVALID_MEMORY_LIMITS,
  INVALID_OPERAND,
  INVALID_TABLE_LIMITS,
  INVALID_TYPE_INDEX,
  LIMIT_FUNCTIONS,
  LIMIT_GLOBALS,
  LIMIT_IMPORTS,
  LIMIT_MEMORY_INITIAL,
  LIMIT_MEMORY_MAXIMUM,
  LIMIT_PARAMETERS,
  LIMIT_TABLE,
  LIMIT_TYPES,
  MALFORMED_END,
  MALFORMED_EXTERNAL_KIND,
  MALFORMED_LIMITS,
  MALFORMED_MUTABILITY,
  MALFORMED_TYPE_FORM,
  MALFORMED_UTF8,
  MALFORMED_VALUE_TYPE,
  UNSUPPORTED_EXCEPTIONS,
  UNSUPPORTED_EXTENDED_CONST,
  UNSUPPORTED_GC,
  UNSUPPORTED_MEMORY64,
  UNSUPPORTED_MULTI_MEMORY,
  UNSUPPORTED_MULTI_VALUE,
  UNSUPPORTED_REFERENCE_TYPES,
  UNSUPPORTED_SIMD,
  UNSUPPORTED_THREADS,
} from "./refusals";
import { CheckState } from "./state";

/** Kinds of imports and exports. */
export const KIND_FUNCTION: u32 = 0;
export const KIND_TABLE: u32 = 1;
export const KIND_MEMORY: u32 = 2;
export const KIND_GLOBAL: u32 = 3;
/** Exception handling. */
export const KIND_TAG: u32 = 4;

/** Reads the count of a vector, refused with `code` above `limit`. */
export function count(state: CheckState, limit: u32, code: u32): u32 {
  const at = state.at;
  const value = state.u32();
  if (value > limit) {
    state.refuseWith(code, at, limit, value);
    return 0;
  }
  return value;
}

/** Reads a name: its length is returned, its bytes end at `state.at`. */
export function name(state: CheckState): u32 {
  const at = state.at;
  const length = state.u32();
  const start = state.at;
  if (length > state.remaining) {
    state.refuse(MALFORMED_END, state.end);
    return 0;
  }
  if (!isUtf8(start, length)) {
    state.refuse(MALFORMED_UTF8, at);
    return 0;
  }
  state.at = start + length;
  return length;
}

/** A custom section: its name must be UTF-8, the rest is skipped (5.5.3). */
export function customSection(state: CheckState): void {
  name(state);
  state.skip(state.remaining);
}

/** Function types, into the type table (5.5.4). */
export function typeSection(state: CheckState): void {
  const total = count(state, state.limits.types, LIMIT_TYPES);
  for (let i: u32 = 0; i < total && !state.refused; i++) {
    state.report.item = i;
    if (i >= state.typeCapacity) {
      state.refuse(MALFORMED_END, state.end);
      return;
    }
    const formAt = state.at;
    const form = state.byte();
    if (form !== 0x60) {
      const gc = form === 0x5e || form === 0x5f || form === 0x50 || form === 0x4f || form === 0x4e;
      state.refuseWith(gc ? UNSUPPORTED_GC : MALFORMED_TYPE_FORM, formAt, 0x60, form);
    }
    const parameters = count(state, state.limits.parameters, LIMIT_PARAMETERS);
    const entry = state.type(i);
    store<u32>(entry, state.offset(state.at));
    store<u8>(entry, parameters as u8, 4);
    for (let p: u32 = 0; p < parameters && !state.refused; p++) state.valueType();
    const resultsAt = state.at;
    const results = state.u32();
    if (results > 1) state.refuseWith(UNSUPPORTED_MULTI_VALUE, resultsAt, 1, results);
    store<u8>(entry, results === 1 ? (state.valueType() as u8) : 0, 5);
    if (!state.refused) state.typeCount = i + 1;
  }
  state.report.types = total;
}

/** Reads the index of a function type. */
function typeIndex(state: CheckState): u32 {
  const at = state.at;
  const index = state.u32();
  if (index >= state.typeCount) {
    state.refuseWith(INVALID_TYPE_INDEX, at, state.typeCount, index);
    return 0;
  }
  return index;
}

function addFunction(state: CheckState, type: u32): void {
  if (state.functionCount >= state.functionCapacity) {
    state.refuse(MALFORMED_END, state.end);
    return;
  }
  store<u16>(state.functionTable + ((state.functionCount as usize) << 1), type as u16);
  state.functionCount++;
}

/** Imports: functions of the ABI only (abi.md). */
export function importSection(state: CheckState): void {
  const report = state.report;
  const total = count(state, state.limits.imports, LIMIT_IMPORTS);
  for (let i: u32 = 0; i < total && !state.refused; i++) {
    report.item = i;
    const importAt = state.at;
    const moduleLength = name(state);
    const module = state.at - moduleLength;
    const fieldAt = state.at;
    const fieldLength = name(state);
    const field = state.at - fieldLength;
    const kindAt = state.at;
    const kind = state.byte();
    if (state.refused) return;

    report.moduleNameOffset = state.offset(module);
    report.moduleNameLength = moduleLength;
    report.nameOffset = state.offset(field);
    report.nameLength = fieldLength;
    if (kind !== KIND_FUNCTION) {
      let code = ABI_IMPORT_KIND;
      if (kind === KIND_TAG) code = UNSUPPORTED_EXCEPTIONS;
      else if (kind > KIND_TAG) code = MALFORMED_EXTERNAL_KIND;
      state.refuseWith(code, kindAt, 0, kind);
      return;
    }
    const parameters = hcallParameters(field, fieldLength);
    if (!equals(module, moduleLength, "env")) state.refuse(ABI_IMPORT_MODULE, importAt);
    else if (parameters === 0) state.refuse(ABI_IMPORT_NAME, fieldAt);
    const typeAt = state.at;
    const type = typeIndex(state);
    if (!state.refused && !isI32Function(state, state.type(type), parameters)) {
      state.refuseWith(ABI_IMPORT_TYPE, typeAt, parameters, type);
    }
    if (state.refused) return;
    addFunction(state, type);
    report.nameOffset = 0;
    report.nameLength = 0;
    report.moduleNameOffset = 0;
    report.moduleNameLength = 0;
  }
  state.importCount = total;
  report.imports = total;
}

/** Type indices of the module's own functions (5.5.6). */
export function functionSection(state: CheckState): void {
  const total = count(state, state.limits.functions, LIMIT_FUNCTIONS);
  for (let i: u32 = 0; i < total && !state.refused; i++) {
    state.report.item = i;
    const type = typeIndex(state);
    if (!state.refused) addFunction(state, type);
  }
  state.report.functions = total;
}

/**
 * Reads limits (5.3.7): the minimum is returned, the maximum kept in the report's `maximumPages`
 * when it is a memory's. Both must be at most `bound`.
 */
function limits(state: CheckState, bound: u64, code: u32, memory: bool): u32 {
  const flagAt = state.at;
  const flag = state.byte();
  if (flag > 1) {
    let refusal = MALFORMED_LIMITS;
    if (flag <= 3) refusal = UNSUPPORTED_THREADS;
    else if (flag <= 7) refusal = UNSUPPORTED_MEMORY64;
    state.refuseWith(refusal, flagAt, 1, flag);
    return 0;
  }
  const at = state.at;
  const minimum = state.u32();
  if ((minimum as u64) > bound) state.refuseWith(code, at, bound as u32, minimum);
  if (flag === 1) {
    const maximumAt = state.at;
    const maximum = state.u32();
    if (maximum < minimum || (maximum as u64) > bound) {
      state.refuseWith(code, maximumAt, minimum, maximum);
    } else if (memory) {
      state.report.maximumPages = maximum;
      const most = state.limits.maximumPages;
      if (maximum > most) state.refuseWith(LIMIT_MEMORY_MAXIMUM, maximumAt, most, maximum);
    }
  }
  return minimum;
}

/** Tables: one at most, of function references (5.5.7). */
export function tableSection(state: CheckState): void {
  const total = count(state, 1, UNSUPPORTED_REFERENCE_TYPES);
  if (total === 0) return;
  const typeAt = state.at;
  const type = state.byte();
  if (type !== 0x70) {
    let code = MALFORMED_VALUE_TYPE;
    if (type === 0x6f) code = UNSUPPORTED_REFERENCE_TYPES;
    else if ((type >= 0x63 && type <= 0x75) || type === 0x40) code = UNSUPPORTED_GC;
    state.refuseWith(code, typeAt, 0x70, type);
    return;
  }
  const at = state.at;
  const minimum = limits(state, 0xffffffff, INVALID_TABLE_LIMITS, false);
  const most = state.limits.tableElements;
  if (minimum > most) state.refuseWith(LIMIT_TABLE, at, most, minimum);
  state.tableCount = 1;
  state.report.tableElements = minimum;
}

/** Memories: one at most, within the limits (5.5.8). */
export function memorySection(state: CheckState): void {
  const total = count(state, 1, UNSUPPORTED_MULTI_MEMORY);
  if (total === 0) return;
  const at = state.at;
  const minimum = limits(state, 65536, INVALID_MEMORY_LIMITS, true);
  const most = state.limits.initialPages;
  if (minimum > most) state.refuseWith(LIMIT_MEMORY_INITIAL, at, most, minimum);
  state.memoryCount = 1;
  state.report.initialPages = minimum;
}

/**
 * A constant expression of type `type` (3.3.10). No global is imported here, so that of MVP's only
 * one constant is left. Returns the value of an i32.
 */
export function constantExpression(state: CheckState, type: u32): u32 {
  const at = state.at;
  const opcode = state.byte();
  let value: u32 = 0;
  if (opcode >= 0x41 && opcode <= 0x44) {
    // 0x41 to 0x44 are the constants of i32, i64, f32, f64.
    const found = TYPE_I32 - (opcode - 0x41);
    if (found !== type) state.refuseWith(INVALID_OPERAND, at, type, found);
    if (opcode === 0x41) value = state.signed(32) as u32;
    else if (opcode === 0x42) state.signed(64);
    else state.skip(opcode === 0x43 ? 4 : 8);
    // Anything more would be an extended constant expression, or nothing valid.
    const endAt = state.at;
    const end = state.byte();
    if (end !== OP_END) state.refuseWith(UNSUPPORTED_EXTENDED_CONST, endAt, 0, end);
  } else {
    let code = INVALID_CONSTANT_EXPRESSION;
    if (opcode === 0xd0 || opcode === 0xd2) code = UNSUPPORTED_REFERENCE_TYPES;
    else if (opcode === 0xfb) code = UNSUPPORTED_GC;
    else if (opcode === 0xfd) code = UNSUPPORTED_SIMD;
    state.refuseWith(code, at, type, opcode);
  }
  return value;
}

/** Globals and their initial values (5.5.9). */
export function globalSection(state: CheckState): void {
  const total = count(state, state.limits.globals, LIMIT_GLOBALS);
  for (let i: u32 = 0; i < total && !state.refused; i++) {
    state.report.item = i;
    if (i >= state.globalCapacity) {
      state.refuse(MALFORMED_END, state.end);
      return;
    }
    const type = state.valueType();
    const mutableAt = state.at;
    const mutable = state.byte();
    if (mutable > 1) state.refuseWith(MALFORMED_MUTABILITY, mutableAt, 1, mutable);
    constantExpression(state, type);
    if (state.refused) return;
    store<u8>(state.globalTable + i, (type | (mutable << 7)) as u8);
    // Counted one by one: an initial value may not refer to a global that comes later.
    state.globalCount = i + 1;
  }
  state.report.globals = total;
}
