// The one block of memory that a check allocates: its objects, tables and stacks. What a module
// declares sizes it, after the declared counts were bounded by the limits and by the bytes that are
// there to back them.
import { Body } from "./body";
import { FILTER_BYTES } from "./contents";
import { CheckLimits } from "./limits";
import { CheckReport, NONE } from "./report";
import { CheckState } from "./state";

const SECTION_TYPE: u32 = 1;
const SECTION_IMPORT: u32 = 2;
const SECTION_FUNCTION: u32 = 3;
const SECTION_GLOBAL: u32 = 6;

/** Fewest bytes of a type, an import, a function and a global in their sections. */
const TYPE_BYTES: u32 = 3;
const IMPORT_BYTES: u32 = 4;
const GLOBAL_BYTES: u32 = 4;

/** Reads an unsigned LEB128: its value, and in the upper half the address behind it; 0 when cut short. */
function leb(at: usize, end: usize): u64 {
  let value: u64 = 0;
  for (let shift: u32 = 0; shift < 35 && at < end; shift += 7) {
    const byte = load<u8>(at++);
    value |= ((byte & 0x7f) as u64) << shift;
    if (byte < 0x80) return (value & 0xffffffff) | ((at as u64) << 32);
  }
  return 0;
}

/**
 * The count at the head of the section `wanted`, at most `limit` and at most what its bytes can hold
 * with `itemBytes` each; 0 without such a section. Looks at section heads only.
 */
function declared(bytes: usize, length: u32, wanted: u32, itemBytes: u32, limit: u32): u32 {
  const end = bytes + length;
  for (let at = bytes + 8; at < end; ) {
    const id: u32 = load<u8>(at);
    const head = leb(at + 1, end);
    const start = (head >>> 32) as usize;
    if (start === 0) return 0;
    const size = head as u32;
    if (size > ((end - start) as u32)) return 0;
    if (id === wanted) return min(min(leb(start, start + size) as u32, size / itemBytes), limit);
    at = start + size;
  }
  return 0;
}

/** Bytes of the operand stack: it holds parameters and locals, too. */
function valueBytes(limits: CheckLimits): u32 {
  return max(limits.frame, max(limits.locals, limits.parameters)) + 1;
}

function frameBytes(limits: CheckLimits): u32 {
  return (limits.nesting + 1) << 2;
}

function blockBytes(limits: CheckLimits, types: u32, functions: u32, globals: u32): u32 {
  const objects: u32 = offsetof<CheckState>() + offsetof<Body>();
  const tables = (types << 3) + (functions << 1) + globals;
  return (
    ((objects + 15) & ~15) + tables + frameBytes(limits) + FILTER_BYTES + valueBytes(limits) + 8
  );
}

/** The most bytes that a check within `limits` allocates at once, whatever the module. */
export function workspaceBound(limits: CheckLimits): u32 {
  return blockBytes(limits, limits.types, limits.imports + limits.functions, limits.globals);
}

/** Entries of the type table that the module's type section fills at most; likewise below. */
function declaredTypes(bytes: usize, length: u32, limits: CheckLimits): u32 {
  return declared(bytes, length, SECTION_TYPE, TYPE_BYTES, limits.types);
}

function declaredFunctions(bytes: usize, length: u32, limits: CheckLimits): u32 {
  return (
    declared(bytes, length, SECTION_IMPORT, IMPORT_BYTES, limits.imports) +
    declared(bytes, length, SECTION_FUNCTION, 1, limits.functions)
  );
}

function declaredGlobals(bytes: usize, length: u32, limits: CheckLimits): u32 {
  return declared(bytes, length, SECTION_GLOBAL, GLOBAL_BYTES, limits.globals);
}

/** Bytes of the block for this module; at most `workspaceBound(limits)`. */
export function workspaceBytes(bytes: usize, length: u32, limits: CheckLimits): u32 {
  return blockBytes(
    limits,
    declaredTypes(bytes, length, limits),
    declaredFunctions(bytes, length, limits),
    declaredGlobals(bytes, length, limits),
  );
}

/** Lays out a block of `workspaceBytes` bytes, aligned to 16, for the module. */
export function layWorkspace(
  block: usize,
  bytes: usize,
  length: u32,
  limits: CheckLimits,
  report: CheckReport,
): CheckState {
  const types = declaredTypes(bytes, length, limits);
  const functions = declaredFunctions(bytes, length, limits);
  const globals = declaredGlobals(bytes, length, limits);
  const objects: u32 = offsetof<CheckState>() + offsetof<Body>();
  memory.fill(block, 0, objects);
  const state = changetype<CheckState>(block);
  const body = changetype<Body>(block + offsetof<CheckState>());
  state.limits = limits;
  state.report = report;
  state.body = body;
  body.state = state;
  report.workspaceBytes = blockBytes(limits, types, functions, globals);

  state.base = bytes;
  state.at = bytes;
  state.end = bytes + length;
  state.announcedData = NONE;
  state.typeCapacity = types;
  state.functionCapacity = functions;
  state.globalCapacity = globals;
  // In the order of their alignment: 8, 4, 2, 1.
  let next = block + ((objects + 15) & ~15);
  state.typeTable = next;
  next += types << 3;
  state.frames = next;
  next += frameBytes(limits);
  state.filter = next;
  next += FILTER_BYTES;
  state.functionTable = next;
  next += functions << 1;
  state.globalTable = next;
  next += globals;
  state.values = next;
  return state;
}
