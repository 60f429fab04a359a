// The one block of memory that a check allocates: its objects, tables and stacks. What a module
// declares sizes it, after the declared counts were bounded by the limits and by the bytes that are
// there to back them.
import { Body } from "./body";
import { FILTER_BYTES } from "./contents";
import { CheckLimits } from "./limits";
import { CheckReport, NONE } from "./report";
import { declared } from "./section-counts";
import { SECTION_FUNCTION, SECTION_GLOBAL, SECTION_IMPORT, SECTION_TYPE } from "./section-ids";
import { CheckState } from "./state";

/** Fewest bytes of a type, an import, a function and a global in their sections. */
const TYPE_BYTES: u32 = 3;
const IMPORT_BYTES: u32 = 4;
const GLOBAL_BYTES: u32 = 4;

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

/** The body of the state that `layWorkspace` laid out. */
export function bodyOf(state: CheckState): Body {
  return changetype<Body>(changetype<usize>(state) + offsetof<CheckState>());
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
  state.limits = limits;
  state.report = report;
  bodyOf(state).state = state;
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
