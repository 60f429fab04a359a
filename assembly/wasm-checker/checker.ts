/**
 * The WASM checker: whether a program may be given to the interpreter. It validates the module
 * completely (WebAssembly core specification: MVP, mutable globals, sign extension, non-trapping
 * float-to-int conversions, `memory.copy`, `memory.fill`), checks it against the Veracruz H-call ABI
 * and against the limits of the home.
 *
 * wasm3 does not validate: nothing that this function refuses may reach it.
 */
import { codeSection, dataSection, elementSection, exportSection } from "./contents";
import {
  customSection,
  functionSection,
  globalSection,
  importSection,
  memorySection,
  tableSection,
  typeSection,
} from "./declarations";
import { CheckLimits } from "./limits";
import {
  ABI_NO_MAIN,
  ABI_NO_MEMORY,
  ABI_START,
  LIMIT_MODULE,
  MALFORMED_BODY_COUNT,
  MALFORMED_DATA_COUNT,
  MALFORMED_END,
  MALFORMED_MAGIC,
  MALFORMED_SECTION_ID,
  MALFORMED_SECTION_ORDER,
  MALFORMED_SECTION_SIZE,
  MALFORMED_VERSION,
  UNSUPPORTED_EXCEPTIONS,
} from "./refusals";
import { CheckReport, NONE } from "./report";
import {
  SECTION_CODE,
  SECTION_CUSTOM,
  SECTION_DATA,
  SECTION_DATA_COUNT,
  SECTION_ELEMENT,
  SECTION_EXPORT,
  SECTION_FUNCTION,
  SECTION_GLOBAL,
  SECTION_IMPORT,
  SECTION_MEMORY,
  SECTION_START,
  SECTION_TABLE,
  SECTION_TAG,
  SECTION_TYPE,
} from "./section-ids";
import { CheckState } from "./state";
import { bodyOf, layWorkspace, workspaceBytes } from "./workspace";

export { CheckLimits } from "./limits";
export { CheckReport } from "./report";
export { workspaceBound } from "./workspace";

/** Bytes of magic number and version. */
const HEADER_BYTES: u32 = 8;

/**
 * Checks the `length` bytes at `bytes`. Returns whether the module is accepted; `report` says why not,
 * or what the module asks for.
 *
 * Reads the bytes once, keeps nothing, and frees what it allocates. It allocates one block, of at most
 * `workspaceBound(limits)` bytes: a caller for whom a failed allocation is fatal asks for that first.
 */
export function checkModule(
  bytes: usize,
  length: u32,
  limits: CheckLimits,
  report: CheckReport,
): bool {
  if (length > limits.moduleBytes) {
    report.reset();
    report.code = LIMIT_MODULE;
    report.expected = limits.moduleBytes;
    report.found = length;
    return false;
  }
  const block = heap.alloc(workspaceBytes(bytes, length, limits));
  const accepted = checkModuleIn(block, bytes, length, limits, report);
  heap.free(block);
  return accepted;
}

/**
 * As `checkModule`, in a block of `workspaceBytes` bytes that the caller gives, aligned to 16; for a
 * module within `limits.moduleBytes`.
 */
export function checkModuleIn(
  block: usize,
  bytes: usize,
  length: u32,
  limits: CheckLimits,
  report: CheckReport,
): bool {
  report.reset();
  report.moduleBytes = length;
  const state = layWorkspace(block, bytes, length, limits, report);
  header(state);
  sections(state, bytes + length);
  if (!state.refused) {
    report.item = NONE;
    whole(state);
  }
  report.compileKilosteps = (state.compileSteps / 1000) as u32;
  report.compiledBytes = compiledBytes(report);
  return report.code === 0;
}

/** Magic number and version (5.5.16). */
function header(state: CheckState): void {
  if (state.remaining < HEADER_BYTES) {
    // The bytes of the magic number that are there distinguish a truncated module from something else.
    state.refuse(MALFORMED_END, state.end);
  } else if (load<u32>(state.at) !== 0x6d736100) state.refuse(MALFORMED_MAGIC, state.at);
  else if (load<u32>(state.at, 4) !== 1) state.refuse(MALFORMED_VERSION, state.at + 4);
  else state.at += HEADER_BYTES;
}

function sections(state: CheckState, end: usize): void {
  // Rank of the last section: the order of ids, with the data count before the code.
  let last: u32 = 0;
  while (!state.refused && state.at < end) {
    const idAt = state.at;
    const id = state.byte();
    const sizeAt = state.at;
    const size = state.u32();
    if (size > state.remaining) state.refuseWith(MALFORMED_END, sizeAt, state.remaining, size);
    if (id !== SECTION_CUSTOM) {
      const rank: u32 = id === SECTION_DATA_COUNT ? 2 * SECTION_CODE - 1 : 2 * id;
      if (id === SECTION_TAG) state.refuseWith(UNSUPPORTED_EXCEPTIONS, idAt, 0, id);
      else if (id > SECTION_TAG) state.refuseWith(MALFORMED_SECTION_ID, idAt, 0, id);
      else if (rank <= last) state.refuseWith(MALFORMED_SECTION_ORDER, idAt, 0, id);
      last = rank;
    }
    if (state.refused) return;
    state.end = state.at + size;
    section(state, id, idAt);
    if (state.refused) return;
    if (state.at !== state.end) state.refuseWith(MALFORMED_SECTION_SIZE, state.at, 0, id);
    state.end = end;
    state.report.item = NONE;
  }
}

function section(state: CheckState, id: u32, idAt: usize): void {
  switch (id) {
    case SECTION_CUSTOM:
      customSection(state);
      break;
    case SECTION_TYPE:
      typeSection(state);
      break;
    case SECTION_IMPORT:
      importSection(state);
      break;
    case SECTION_FUNCTION:
      functionSection(state);
      break;
    case SECTION_TABLE:
      tableSection(state);
      break;
    case SECTION_MEMORY:
      memorySection(state);
      break;
    case SECTION_GLOBAL:
      globalSection(state);
      break;
    case SECTION_EXPORT:
      exportSection(state);
      break;
    case SECTION_START:
      state.refuse(ABI_START, idAt);
      break;
    case SECTION_ELEMENT:
      elementSection(state);
      break;
    case SECTION_CODE:
      codeSection(state, bodyOf(state));
      break;
    case SECTION_DATA:
      dataSection(state);
      break;
    default:
      state.announcedData = state.u32();
  }
}

/** What can be said only at the end of the module. */
function whole(state: CheckState): void {
  const end = state.end;
  const defined = state.functionCount - state.importCount;
  if (state.bodyCount !== defined) {
    state.refuseWith(MALFORMED_BODY_COUNT, end, defined, state.bodyCount);
  } else if (state.announcedData !== NONE && state.announcedData !== state.dataCount) {
    state.refuseWith(MALFORMED_DATA_COUNT, end, state.announcedData, state.dataCount);
  } else if (!state.exportsMemory) state.refuse(ABI_NO_MEMORY, end);
  else if (state.report.mainIndex === NONE) state.refuse(ABI_NO_MAIN, end);
}

/**
 * Estimate of wasm3's RAM on a 32-bit core, everything compiled, without linear memory and stack: code
 * words (1.5 an instruction and 22 a function, as counted over this repository's modules, and a
 * twelfth for what is left free in code pages), constants, and its structures with what the allocator
 * adds.
 */
function compiledBytes(report: CheckReport): u32 {
  return (
    3600 +
    ((report.instructions * 13) >>> 1) +
    report.functions * 200 +
    report.imports * 160 +
    report.types * 24 +
    report.globals * 40 +
    report.tableElements * 4
  );
}
