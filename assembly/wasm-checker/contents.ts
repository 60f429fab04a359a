// The sections that refer to what was declared: exports, elements, code, data (core specification,
// 5.5), each with the rules of 3.4 that concern it.
import { Body } from "./body";
import {
  constantExpression,
  count,
  KIND_FUNCTION,
  KIND_GLOBAL,
  KIND_MEMORY,
  KIND_TABLE,
  KIND_TAG,
  name,
} from "./declarations";
import { equals, isI32Function } from "./hcalls";
import { TYPE_I32 } from "./opcodes";
import {
  ABI_DATA_OUTSIDE,
  ABI_ELEMENT_OUTSIDE,
  ABI_EXPORT_KIND,
  ABI_EXPORT_NUL,
  ABI_MAIN_IMPORTED,
  ABI_MAIN_TYPE,
  INVALID_EXPORT_DUPLICATE,
  INVALID_FUNCTION_INDEX,
  INVALID_GLOBAL_INDEX,
  INVALID_MEMORY_INDEX,
  INVALID_TABLE_INDEX,
  LIMIT_BODY,
  LIMIT_COMPILE_STEPS,
  LIMIT_DATA,
  LIMIT_DATA_SEGMENTS,
  LIMIT_ELEMENT_SEGMENTS,
  LIMIT_EXPORTS,
  LIMIT_NAME,
  MALFORMED_BODY_COUNT,
  MALFORMED_DATA_COUNT,
  MALFORMED_END,
  MALFORMED_EXTERNAL_KIND,
  MALFORMED_SEGMENT,
  UNSUPPORTED_BULK_MEMORY,
  UNSUPPORTED_EXCEPTIONS,
} from "./refusals";
import { NONE } from "./report";
import { CheckState } from "./state";

/** Bits of the filter that tells which export names may have been seen. */
const FILTER_BITS: u32 = 1024;
/** Bytes of the filter of export names. */
export const FILTER_BYTES: u32 = FILTER_BITS >>> 3;

/** Hash of a name (FNV-1a), as a bit of the filter. */
function filterBit(pointer: usize, length: u32): u32 {
  let hash: u32 = 0x811c9dc5;
  for (let i: u32 = 0; i < length; i++) hash = (hash ^ load<u8>(pointer + i)) * 0x01000193;
  return (hash ^ (hash >>> 15)) & (FILTER_BITS - 1);
}

/** Whether one of the exports between `from` and `until`, read before, has this name. */
function isDuplicate(
  state: CheckState,
  from: usize,
  until: usize,
  field: usize,
  length: u32,
): bool {
  const at = state.at;
  state.at = from;
  let found = false;
  while (state.at < until && !found) {
    const otherLength = state.u32();
    found = otherLength === length && memory.compare(state.at, field, length) === 0;
    state.at += otherLength + 1;
    state.u32();
  }
  state.at = at;
  return found;
}

/** Exports: among them `memory` and `main` (abi.md). */
export function exportSection(state: CheckState): void {
  const report = state.report;
  const total = count(state, state.limits.exports, LIMIT_EXPORTS);
  const first = state.at;
  memory.fill(state.filter, 0, FILTER_BYTES);
  for (let i: u32 = 0; i < total && !state.refused; i++) {
    report.item = i;
    const exportAt = state.at;
    const length = name(state);
    const field = state.at - length;
    const kindAt = state.at;
    const kind = state.byte();
    const indexAt = state.at;
    const index = state.u32();
    if (state.refused) return;
    report.nameOffset = state.offset(field);
    report.nameLength = length;

    if (length > state.limits.nameBytes) {
      state.refuseWith(LIMIT_NAME, exportAt, state.limits.nameBytes, length);
      return;
    }
    // Names are compared only where the filter has seen one with the same hash.
    const bit = filterBit(field, length);
    const word = state.filter + ((bit >>> 5) << 2);
    const mask = (1 as u32) << (bit & 31);
    if ((load<u32>(word) & mask) !== 0 && isDuplicate(state, first, exportAt, field, length)) {
      state.refuse(INVALID_EXPORT_DUPLICATE, exportAt);
    }
    store<u32>(word, load<u32>(word) | mask);

    exported(state, kind, kindAt, index, indexAt);
    for (let at = field; at < field + length; at++) {
      if (load<u8>(at) === 0) state.refuse(ABI_EXPORT_NUL, at);
    }
    if (equals(field, length, "memory")) {
      if (kind !== KIND_MEMORY) state.refuseWith(ABI_EXPORT_KIND, kindAt, KIND_MEMORY, kind);
      state.exportsMemory = true;
    } else if (equals(field, length, "main")) {
      if (kind !== KIND_FUNCTION) state.refuseWith(ABI_EXPORT_KIND, kindAt, KIND_FUNCTION, kind);
      else if (!state.refused) exportedMain(state, index, indexAt);
    }
    if (state.refused) return;
    report.nameOffset = 0;
    report.nameLength = 0;
  }
  report.exports = total;
}

/** Checks that the exported item exists. */
function exported(state: CheckState, kind: u32, kindAt: usize, index: u32, indexAt: usize): void {
  let bound: u32 = 0;
  let code = MALFORMED_EXTERNAL_KIND;
  switch (kind) {
    case KIND_FUNCTION:
      bound = state.functionCount;
      code = INVALID_FUNCTION_INDEX;
      break;
    case KIND_TABLE:
      bound = state.tableCount;
      code = INVALID_TABLE_INDEX;
      break;
    case KIND_MEMORY:
      bound = state.memoryCount;
      code = INVALID_MEMORY_INDEX;
      break;
    case KIND_GLOBAL:
      bound = state.globalCount;
      code = INVALID_GLOBAL_INDEX;
      break;
    default:
      if (kind === KIND_TAG) code = UNSUPPORTED_EXCEPTIONS;
      state.refuseWith(code, kindAt, 0, kind);
      return;
  }
  if (index >= bound) state.refuseWith(code, indexAt, bound, index);
}

function exportedMain(state: CheckState, index: u32, indexAt: usize): void {
  const entry = state.type(state.typeOfFunction(index));
  if (isI32Function(state, entry, 2)) state.report.mainParameters = 2;
  else if (!isI32Function(state, entry, 0)) {
    state.refuseWith(ABI_MAIN_TYPE, indexAt, 0, state.typeOfFunction(index));
  }
  if (index < state.importCount) state.refuseWith(ABI_MAIN_IMPORTED, indexAt, 0, index);
  state.report.mainIndex = index;
}

/** Element segments (core specification, 5.5.12). */
export function elementSection(state: CheckState): void {
  const total = count(state, state.limits.elementSegments, LIMIT_ELEMENT_SEGMENTS);
  for (let i: u32 = 0; i < total && !state.refused; i++) {
    state.report.item = i;
    const flagAt = state.at;
    const flag = state.u32();
    if (flag !== 0) {
      // 1 and 5 are passive, 3 and 7 declarative, 2 and 6 name a table, 4 to 7 hold expressions.
      state.refuseWith(flag <= 7 ? UNSUPPORTED_BULK_MEMORY : MALFORMED_SEGMENT, flagAt, 0, flag);
      return;
    }
    if (state.tableCount === 0) state.refuse(INVALID_TABLE_INDEX, flagAt);
    const offsetAt = state.at;
    const offset = constantExpression(state, TYPE_I32);
    const length = state.u32();
    // Each element takes a byte at least: a length that cannot be is not looped over.
    if (length > state.remaining) state.refuse(MALFORMED_END, state.end);
    for (let e: u32 = 0; e < length && !state.refused; e++) {
      const at = state.at;
      const index = state.u32();
      if (index >= state.functionCount) {
        state.refuseWith(INVALID_FUNCTION_INDEX, at, state.functionCount, index);
      }
    }
    const size = state.report.tableElements;
    if ((offset as u64) + length > (size as u64)) {
      state.refuseWith(ABI_ELEMENT_OUTSIDE, offsetAt, size, offset);
    }
  }
}

/** Function bodies. */
export function codeSection(state: CheckState, body: Body): void {
  const report = state.report;
  const sectionEnd = state.end;
  const countAt = state.at;
  const total = state.u32();
  const defined = state.functionCount - state.importCount;
  if (total !== defined) state.refuseWith(MALFORMED_BODY_COUNT, countAt, defined, total);
  state.bodyCount = total;
  report.codeBytes = state.remaining;
  for (let i: u32 = 0; i < total && !state.refused; i++) {
    report.item = i;
    const sizeAt = state.at;
    const size = state.u32();
    if (size > state.remaining) state.refuse(MALFORMED_END, sectionEnd);
    const most = state.limits.bodyBytes;
    report.functionIndex = state.importCount + i;
    if (size > most) state.refuseWith(LIMIT_BODY, sizeAt, most, size);
    if (state.refused) return;
    state.end = state.at + size;
    body.read(state.type(state.typeOfFunction(state.importCount + i)));
    const kilosteps = state.compileSteps / 1000;
    if (kilosteps > (state.limits.compileKilosteps as u64)) {
      state.refuseWith(
        LIMIT_COMPILE_STEPS,
        sizeAt,
        state.limits.compileKilosteps,
        kilosteps as u32,
      );
    }
    if (!state.refused) {
      state.end = sectionEnd;
      report.functionIndex = NONE;
    }
  }
}

/** Data segments (core specification, 5.5.14). */
export function dataSection(state: CheckState): void {
  const report = state.report;
  const countAt = state.at;
  const total = count(state, state.limits.dataSegments, LIMIT_DATA_SEGMENTS);
  if (state.announcedData !== NONE && state.announcedData !== total) {
    state.refuseWith(MALFORMED_DATA_COUNT, countAt, state.announcedData, total);
  }
  state.dataCount = total;
  const memoryBytes = (report.initialPages as u64) << 16;
  for (let i: u32 = 0; i < total && !state.refused; i++) {
    report.item = i;
    const flagAt = state.at;
    const flag = state.u32();
    if (flag !== 0) {
      // 1 is passive, 2 names a memory.
      state.refuseWith(flag <= 2 ? UNSUPPORTED_BULK_MEMORY : MALFORMED_SEGMENT, flagAt, 0, flag);
      return;
    }
    if (state.memoryCount === 0) state.refuse(INVALID_MEMORY_INDEX, flagAt);
    const offsetAt = state.at;
    const offset = constantExpression(state, TYPE_I32);
    const sizeAt = state.at;
    const size = state.u32();
    state.skip(size);
    if (state.refused) return;
    if ((offset as u64) + size > memoryBytes) {
      state.refuseWith(ABI_DATA_OUTSIDE, offsetAt, memoryBytes as u32, offset);
    }
    report.dataBytes += size;
    const most = state.limits.dataBytes;
    if (report.dataBytes > most) state.refuseWith(LIMIT_DATA, sizeAt, most, report.dataBytes);
  }
}
