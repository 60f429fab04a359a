// Function bodies: each instruction's effect on operands and control frames (core specification, 3.3).
import {
  BLOCK_TYPE_EMPTY,
  FIRST_SIGNATURE,
  FRAME_FUNCTION,
  LAST_SIGNATURE,
  MISC_I64_TRUNC_SAT_F32_S,
  MISC_I64_TRUNC_SAT_F64_U,
  MISC_MEMORY_COPY,
  MISC_MEMORY_FILL,
  MISC_TABLE_COPY,
  MISC_TABLE_FILL,
  OP_BLOCK,
  OP_BR,
  OP_BR_IF,
  OP_BR_ON_NON_NULL,
  OP_BR_TABLE,
  OP_CALL,
  OP_CALL_INDIRECT,
  OP_CALL_REF,
  OP_DROP,
  OP_ELSE,
  OP_END,
  OP_F32_CONST,
  OP_F64_CONST,
  OP_GLOBAL_GET,
  OP_GLOBAL_SET,
  OP_I32_CONST,
  OP_I32_EQZ,
  OP_I32_STORE,
  OP_I64_CONST,
  OP_I64_STORE32,
  OP_IF,
  OP_LOCAL_GET,
  OP_LOCAL_SET,
  OP_LOCAL_TEE,
  OP_LOOP,
  OP_MEMORY_GROW,
  OP_MEMORY_SIZE,
  OP_NOP,
  OP_REF_EQ,
  OP_REF_FUNC,
  OP_REF_NULL,
  OP_RETURN,
  OP_RETURN_CALL,
  OP_RETURN_CALL_INDIRECT,
  OP_RETURN_CALL_REF,
  OP_SELECT,
  OP_SELECT_TYPED,
  OP_TABLE_GET,
  OP_TABLE_SET,
  OP_TRY_TABLE,
  OP_UNREACHABLE,
  PREFIX_GC,
  PREFIX_MISC,
  PREFIX_SIMD,
  PREFIX_THREADS,
  signature,
  TYPE_F32,
  TYPE_F64,
  TYPE_I32,
  TYPE_I64,
  TYPE_NONE,
  TYPE_UNKNOWN,
} from "./opcodes";
import {
  INVALID_ALIGNMENT,
  INVALID_ELSE,
  INVALID_FUNCTION_INDEX,
  INVALID_GLOBAL_IMMUTABLE,
  INVALID_GLOBAL_INDEX,
  INVALID_IF_RESULT,
  INVALID_LABEL_ARITY,
  INVALID_LOCAL_INDEX,
  INVALID_MEMORY_INDEX,
  INVALID_OPERAND,
  INVALID_OPERAND_MISSING,
  INVALID_TABLE_INDEX,
  INVALID_TYPE_INDEX,
  LIMIT_BRANCH_TABLE,
  LIMIT_LOCALS,
  MALFORMED_BODY_SIZE,
  MALFORMED_END,
  MALFORMED_OPCODE,
  MALFORMED_RESERVED,
  UNSUPPORTED_BULK_MEMORY,
  UNSUPPORTED_EXCEPTIONS,
  UNSUPPORTED_GC,
  UNSUPPORTED_MULTI_VALUE,
  UNSUPPORTED_REFERENCE_TYPES,
  UNSUPPORTED_SIMD,
  UNSUPPORTED_TAIL_CALLS,
  UNSUPPORTED_THREADS,
} from "./refusals";
import { Stacks } from "./stacks";
import { parameterCount, parameterType, resultType, valueTypeRefusal } from "./state";

/** One function body, while it is read. */
@unmanaged
export class Body extends Stacks {
  /** Reads the locals and the instructions up to the end of the body. */
  read(typeEntry: usize): void {
    const state = this.state;
    const parameters = parameterCount(typeEntry);
    for (let i: u32 = 0; i < parameters; i++) {
      store<u8>(state.values + i, parameterType(state, typeEntry, i) as u8);
    }
    this.localCount = parameters;
    this.depth = 0;
    this.maximumFrame = 0;
    this.maximumDepth = 0;
    this.opcodeAt = state.at;
    this.locals();
    // wasm3's compiler looks for a free slot for each local, from the first local on.
    const locals = (this.localCount - parameters) as u64;
    state.compileSteps += (locals * locals) >>> 1;
    this.height = this.localCount;
    this.pushFrame(FRAME_FUNCTION, resultType(typeEntry));

    let instructions: u32 = 0;
    while (this.depth > 0 && !state.refused) {
      if (state.at >= state.end) {
        state.refuse(MALFORMED_END, state.end);
        return;
      }
      this.opcodeAt = state.at;
      instructions++;
      // wasm3's compiler searches the operands for a free slot, or for uses of a local.
      state.compileSteps += this.height - this.localCount + 1;
      this.instruction(state.byte());
    }
    const report = state.report;
    report.instructions += instructions;
    if (this.maximumFrame > report.maximumFrame) report.maximumFrame = this.maximumFrame;
    if (this.maximumDepth - 1 > report.maximumNesting) {
      report.maximumNesting = this.maximumDepth - 1;
    }
    if (state.at !== state.end) state.refuse(MALFORMED_BODY_SIZE, state.at);
  }

  private locals(): void {
    const state = this.state;
    const limit = state.limits.locals;
    let groups = state.u32();
    for (; groups > 0 && !state.refused; groups--) {
      const at = state.at;
      const count = state.u32();
      const type = state.valueType();
      if (state.refused) return;
      if (count > limit || this.localCount + count > limit) {
        state.refuseWith(LIMIT_LOCALS, at, limit, count);
        return;
      }
      memory.fill(state.values + this.localCount, type as u8, count);
      this.localCount += count;
    }
  }

  private instruction(opcode: u32): void {
    if (opcode >= OP_I32_EQZ && opcode <= LAST_SIGNATURE) {
      const taken = signature(opcode);
      const operand = TYPE_I32 - (taken & 3);
      this.pop(operand);
      if ((taken & 4) !== 0) this.pop(operand);
      this.push(TYPE_I32 - (taken >>> 3));
    } else if (opcode >= FIRST_SIGNATURE && opcode <= OP_I64_STORE32) this.memoryAccess(opcode);
    else if (opcode >= OP_LOCAL_GET && opcode <= OP_GLOBAL_SET) this.variable(opcode);
    else if (opcode >= OP_MEMORY_SIZE && opcode <= OP_F64_CONST) this.memorySizeOrConstant(opcode);
    else if (opcode <= OP_SELECT) this.control(opcode);
    else this.other(opcode);
  }

  private memoryAccess(opcode: u32): void {
    const state = this.state;
    const taken = signature(opcode);
    const alignAt = state.at;
    const align = state.u32();
    if (align > taken >>> 3) {
      state.refuseWith(INVALID_ALIGNMENT, alignAt, taken >>> 3, align);
    }
    state.u32();
    this.needMemory();
    const type = TYPE_I32 - (taken & 3);
    if (opcode >= OP_I32_STORE) {
      this.pop(type);
      this.pop(TYPE_I32);
    } else {
      this.pop(TYPE_I32);
      this.push(type);
    }
  }

  private needMemory(): void {
    if (this.state.memoryCount === 0) this.state.refuse(INVALID_MEMORY_INDEX, this.opcodeAt);
  }

  private variable(opcode: u32): void {
    const state = this.state;
    const at = state.at;
    const index = state.u32();
    if (opcode <= OP_LOCAL_TEE) {
      if (index >= this.localCount) {
        state.refuseWith(INVALID_LOCAL_INDEX, at, this.localCount, index);
        return;
      }
      const type: u32 = load<u8>(state.values + index);
      if (opcode !== OP_LOCAL_GET) this.pop(type);
      if (opcode !== OP_LOCAL_SET) this.push(type);
    } else {
      if (index >= state.globalCount) {
        state.refuseWith(INVALID_GLOBAL_INDEX, at, state.globalCount, index);
        return;
      }
      const global: u32 = load<u8>(state.globalTable + index);
      const type = global & 0x7f;
      if (opcode === OP_GLOBAL_GET) this.push(type);
      else {
        if ((global & 0x80) === 0) state.refuseWith(INVALID_GLOBAL_IMMUTABLE, at, 0, index);
        this.pop(type);
      }
    }
  }

  /** A byte that is zero in this version of the specification. */
  private reserved(): void {
    const at = this.state.at;
    const byte = this.state.byte();
    if (byte !== 0) this.state.refuseWith(MALFORMED_RESERVED, at, 0, byte);
  }

  private memorySizeOrConstant(opcode: u32): void {
    const state = this.state;
    switch (opcode) {
      case OP_MEMORY_SIZE:
        this.reserved();
        this.needMemory();
        this.push(TYPE_I32);
        break;
      case OP_MEMORY_GROW:
        this.reserved();
        this.needMemory();
        this.pop(TYPE_I32);
        this.push(TYPE_I32);
        break;
      case OP_I32_CONST:
        state.signed(32);
        this.push(TYPE_I32);
        break;
      case OP_I64_CONST:
        state.signed(64);
        this.push(TYPE_I64);
        break;
      case OP_F32_CONST:
        state.skip(4);
        this.push(TYPE_F32);
        break;
      default:
        state.skip(8);
        this.push(TYPE_F64);
    }
  }

  private control(opcode: u32): void {
    switch (opcode) {
      case OP_UNREACHABLE:
        this.unreachable();
        break;
      case OP_NOP:
        break;
      case OP_IF:
        this.pop(TYPE_I32);
        this.open(opcode);
        break;
      case OP_BLOCK:
      case OP_LOOP:
        this.open(opcode);
        break;
      case OP_ELSE:
        this.elseBranch();
        break;
      case OP_END: {
        const frame = this.popFrame();
        const result = (frame >>> 8) & 0x7f;
        if (result !== TYPE_NONE) {
          if ((frame & 0xff) === OP_IF) {
            this.state.refuseWith(INVALID_IF_RESULT, this.opcodeAt, result, 0);
          }
          // The function's own result leaves with it.
          if (this.depth > 0) this.push(result);
        }
        break;
      }
      case OP_BR: {
        const type = this.label();
        if (type !== TYPE_NONE) this.pop(type);
        this.unreachable();
        break;
      }
      case OP_BR_IF: {
        const type = this.label();
        this.pop(TYPE_I32);
        if (type !== TYPE_NONE) {
          this.pop(type);
          this.push(type);
        }
        break;
      }
      case OP_BR_TABLE:
        this.branchTable();
        break;
      case OP_RETURN: {
        const type = (this.frame(this.depth - 1) >>> 8) & 0x7f;
        if (type !== TYPE_NONE) this.pop(type);
        this.unreachable();
        break;
      }
      case OP_CALL:
        this.call();
        break;
      case OP_CALL_INDIRECT:
        this.callIndirect();
        break;
      case OP_DROP:
        this.pop(TYPE_UNKNOWN);
        break;
      case OP_SELECT:
        this.select();
        break;
      case OP_RETURN_CALL:
      case OP_RETURN_CALL_INDIRECT:
        this.state.refuseWith(UNSUPPORTED_TAIL_CALLS, this.opcodeAt, 0, opcode);
        break;
      case OP_CALL_REF:
      case OP_RETURN_CALL_REF:
        this.state.refuseWith(UNSUPPORTED_GC, this.opcodeAt, 0, opcode);
        break;
      case 0x16: // assigned to nothing
      case 0x17:
        this.state.refuseWith(MALFORMED_OPCODE, this.opcodeAt, 0, opcode);
        break;
      default: // 0x06 to 0x0a, 0x18, 0x19: try, catch, throw, rethrow, delegate …
        this.state.refuseWith(UNSUPPORTED_EXCEPTIONS, this.opcodeAt, 0, opcode);
    }
  }

  /** `block`, `loop` or `if`: reads the block type and opens a frame. */
  private open(opcode: u32): void {
    const state = this.state;
    const at = state.at;
    const type = state.byte();
    let result = TYPE_NONE;
    if (type >= TYPE_F64 && type <= TYPE_I32) result = type;
    else if (type !== BLOCK_TYPE_EMPTY) {
      // Other negative numbers would be value types; all else is the index of a function type.
      const code = (type & 0xc0) === 0x40 ? valueTypeRefusal(type) : UNSUPPORTED_MULTI_VALUE;
      state.refuseWith(code, at, 0, type);
    }
    // wasm3's compiler looks for every local among the operands where a block begins.
    const operands = this.height - this.localCount;
    if (operands > 0) state.compileSteps += ((operands + 1) as u64) * this.localCount;
    this.pushFrame(opcode, result);
  }

  private elseBranch(): void {
    const frame = this.popFrame();
    if ((frame & 0xff) !== OP_IF) this.state.refuse(INVALID_ELSE, this.opcodeAt);
    if (!this.state.refused) this.pushFrame(OP_ELSE, (frame >>> 8) & 0x7f);
  }

  private branchTable(): void {
    const state = this.state;
    this.pop(TYPE_I32);
    const countAt = state.at;
    const count = state.u32();
    if (count > state.limits.branchTable) {
      state.refuseWith(LIMIT_BRANCH_TABLE, countAt, state.limits.branchTable, count);
      return;
    }
    // Every label must take what lies on top of the stack; below an unreachable instruction that may
    // be of any type, but all labels must still take equally many values.
    const frame = this.frame(0);
    const empty = this.height === frame >>> 16;
    const top: u32 = empty ? TYPE_UNKNOWN : load<u8>(state.values + this.height - 1);
    let first = TYPE_NONE;
    for (let i: u32 = 0; i <= count && !state.refused; i++) {
      const at = state.at;
      const type = this.label();
      if (i === 0) first = type;
      else if ((type === TYPE_NONE) !== (first === TYPE_NONE)) {
        state.refuse(INVALID_LABEL_ARITY, at);
      }
      if (type !== TYPE_NONE) {
        if (empty && (frame & 0x8000) === 0) {
          state.refuseWith(INVALID_OPERAND_MISSING, this.opcodeAt, type, 0);
        } else if (top !== type && top !== TYPE_UNKNOWN) {
          state.refuseWith(INVALID_OPERAND, at, type, top);
        }
      }
    }
    state.compileSteps += count;
    this.unreachable();
  }

  private call(): void {
    const state = this.state;
    const at = state.at;
    const index = state.u32();
    if (index >= state.functionCount) {
      state.refuseWith(INVALID_FUNCTION_INDEX, at, state.functionCount, index);
      return;
    }
    this.callType(state.typeOfFunction(index));
  }

  private callIndirect(): void {
    const state = this.state;
    const typeAt = state.at;
    const type = state.u32();
    const tableAt = state.at;
    const table = state.u32();
    if (table >= state.tableCount) {
      state.refuseWith(INVALID_TABLE_INDEX, tableAt, state.tableCount, table);
    } else if (type >= state.typeCount) {
      state.refuseWith(INVALID_TYPE_INDEX, typeAt, state.typeCount, type);
    } else {
      this.pop(TYPE_I32);
      this.callType(type);
    }
  }

  private callType(index: u32): void {
    const entry = this.state.type(index);
    for (let i = parameterCount(entry); i > 0; i--) {
      this.pop(parameterType(this.state, entry, i - 1));
    }
    const result = resultType(entry);
    if (result !== TYPE_NONE) this.push(result);
  }

  private select(): void {
    this.pop(TYPE_I32);
    const second = this.pop(TYPE_UNKNOWN);
    const first = this.pop(second);
    this.push(first === TYPE_UNKNOWN ? second : first);
  }

  /** Opcodes with a prefix, and those of features that are not run here. */
  private other(opcode: u32): void {
    const state = this.state;
    if (opcode === PREFIX_MISC) {
      const subAt = state.at;
      const sub = state.u32();
      if (sub <= MISC_I64_TRUNC_SAT_F64_U) {
        // Non-trapping conversions: i32 then i64, each from f32 (two) and f64 (two).
        this.pop((sub & 2) !== 0 ? TYPE_F64 : TYPE_F32);
        this.push(sub < MISC_I64_TRUNC_SAT_F32_S ? TYPE_I32 : TYPE_I64);
      } else if (sub === MISC_MEMORY_COPY || sub === MISC_MEMORY_FILL) {
        this.reserved();
        if (sub === MISC_MEMORY_COPY) this.reserved();
        this.needMemory();
        this.pop(TYPE_I32);
        this.pop(TYPE_I32);
        this.pop(TYPE_I32);
      } else {
        state.refuseWith(
          sub <= MISC_TABLE_COPY
            ? UNSUPPORTED_BULK_MEMORY
            : sub <= MISC_TABLE_FILL
              ? UNSUPPORTED_REFERENCE_TYPES
              : MALFORMED_OPCODE,
          sub <= MISC_TABLE_FILL ? this.opcodeAt : subAt,
          0,
          opcode,
        );
      }
      return;
    }
    let code = MALFORMED_OPCODE;
    if (opcode === OP_SELECT_TYPED || opcode === OP_TABLE_GET || opcode === OP_TABLE_SET) {
      code = UNSUPPORTED_REFERENCE_TYPES;
    } else if (opcode === OP_TRY_TABLE) code = UNSUPPORTED_EXCEPTIONS;
    else if (opcode >= OP_REF_NULL && opcode <= OP_REF_FUNC) code = UNSUPPORTED_REFERENCE_TYPES;
    else if (opcode >= OP_REF_EQ && opcode <= OP_BR_ON_NON_NULL) code = UNSUPPORTED_GC;
    else if (opcode === PREFIX_GC) code = UNSUPPORTED_GC;
    else if (opcode === PREFIX_SIMD) code = UNSUPPORTED_SIMD;
    else if (opcode === PREFIX_THREADS) code = UNSUPPORTED_THREADS;
    state.refuseWith(code, this.opcodeAt, 0, opcode);
  }
}
