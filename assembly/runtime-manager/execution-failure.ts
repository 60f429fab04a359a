import { Computation, RUN_TRAPPED } from "../execution-engine/computation";
import {
  E_BOUNDS,
  E_LIMIT,
  E_MEMORY,
  E_STRATEGY,
  TRAP_DEADLINE,
  TRAP_DIVISION_BY_ZERO,
  TRAP_INDIRECT_CALL,
  TRAP_INTEGER_OVERFLOW,
  TRAP_INVALID_CONVERSION,
  TRAP_MEMORY_BOUNDS,
  TRAP_OUT_OF_FUEL,
  TRAP_STACK_OVERFLOW,
  TRAP_STOPPED,
  TRAP_UNREACHABLE,
} from "../platform-services/errors";
import { STATUS_FAILED_VM_ERROR } from "../transport-protocol/messages";
import { Outcome } from "./outcome";

function trapName(code: i32): string {
  switch (code) {
    case E_BOUNDS:
      return "an H-call got a range outside its memory";
    case E_MEMORY:
      return "its output exceeds the limit or the free memory";
    case TRAP_UNREACHABLE:
      return "unreachable executed";
    case TRAP_MEMORY_BOUNDS:
      return "memory access out of bounds";
    case TRAP_DIVISION_BY_ZERO:
      return "division by zero";
    case TRAP_INTEGER_OVERFLOW:
      return "integer overflow";
    case TRAP_INVALID_CONVERSION:
      return "invalid conversion to integer";
    case TRAP_INDIRECT_CALL:
      return "indirect call of a missing function or of another type";
    case TRAP_STACK_OVERFLOW:
      return "stack overflow";
    case TRAP_OUT_OF_FUEL:
      return "out of fuel";
    case TRAP_DEADLINE:
      return "deadline passed";
    case TRAP_STOPPED:
      return "stopped";
    default:
      return "";
  }
}

/** Tells the requester why a run gave no result. */
export function describeFailure(computation: Computation, outcome: Outcome): void {
  const code = computation.detail;
  if (computation.status === RUN_TRAPPED) {
    const name = trapName(code);
    outcome.fail(STATUS_FAILED_VM_ERROR, "the program trapped: ");
    if (name.length > 0) outcome.and(name);
    else outcome.and("code ").andInteger(code);
    return;
  }
  const check = computation.check;
  outcome.fail(STATUS_FAILED_VM_ERROR, "the program was refused: ");
  if (check.code !== 0) {
    // The numbers of `vc-wc`, which explains them.
    outcome.and("WASM check ").andNumber(check.code).and(" at byte ").andNumber(check.offset);
  } else if (code === E_MEMORY || code === E_LIMIT) {
    outcome.and("it needs more memory than is free");
  } else if (code === E_STRATEGY) {
    outcome.and("the execution strategy or limits are not offered here");
  } else {
    outcome.and("code ").andInteger(code);
  }
}
