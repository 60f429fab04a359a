// The stacks of the validation algorithm in the core specification's appendix ("Validation Algorithm"):
// operand types, and control frames.
//
// A control frame is one u32: bits 0–7 the opcode that opened it (`FRAME_FUNCTION` for the outermost),
// bits 8–14 the value type of its result (`TYPE_NONE` for none), bit 15 whether the rest of it is
// unreachable, bits 16–31 the height of the operand stack where it began.
import { OP_LOOP, TYPE_NONE, TYPE_UNKNOWN } from "./opcodes";
import {
  INVALID_LABEL,
  INVALID_OPERAND,
  INVALID_OPERAND_LEFT,
  INVALID_OPERAND_MISSING,
  LIMIT_FRAME,
  LIMIT_NESTING,
} from "./refusals";
import { CheckState } from "./state";

/** Operands and open blocks of the function body that is being read. */
@unmanaged
export class Stacks {
  state: CheckState;
  /** Parameters and locals: where operands begin in `state.values`. */
  localCount: u32 = 0;
  /** Entries in `state.values`: parameters, locals and operands. */
  height: u32 = 0;
  /** Control frames, the function's own among them. */
  depth: u32 = 0;
  /** Where the instruction at hand begins. */
  opcodeAt: usize = 0;
  /** The most entries plus frames so far. */
  maximumFrame: u32 = 0;
  maximumDepth: u32 = 0;

  push(type: u32): void {
    const height = this.height;
    const frame = height + this.depth + 1;
    if (frame > this.maximumFrame) {
      const limit = this.state.limits.frame;
      if (frame > limit) {
        this.state.refuseWith(LIMIT_FRAME, this.opcodeAt, limit, frame);
        return;
      }
      this.maximumFrame = frame;
    }
    store<u8>(this.state.values + height, type as u8);
    this.height = height + 1;
  }

  /** Takes the topmost operand; `expected` may be `TYPE_UNKNOWN`. Returns its type. */
  pop(expected: u32): u32 {
    const frame = this.frame(0);
    const height = this.height;
    if (height === frame >>> 16) {
      if ((frame & 0x8000) === 0) {
        this.state.refuseWith(INVALID_OPERAND_MISSING, this.opcodeAt, expected, 0);
      }
      return expected;
    }
    const type: u32 = load<u8>(this.state.values + height - 1);
    this.height = height - 1;
    if (type !== expected && type !== TYPE_UNKNOWN && expected !== TYPE_UNKNOWN) {
      this.state.refuseWith(INVALID_OPERAND, this.opcodeAt, expected, type);
    }
    return type === TYPE_UNKNOWN ? expected : type;
  }

  /** The frame `label` levels out. */
  frame(label: u32): u32 {
    return load<u32>(this.state.frames + (((this.depth - 1 - label) as usize) << 2));
  }

  pushFrame(kind: u32, result: u32): void {
    const state = this.state;
    // The outermost frame is the function's and counts for no nesting.
    if (this.depth > state.limits.nesting) {
      state.refuseWith(LIMIT_NESTING, this.opcodeAt, state.limits.nesting, this.depth);
      return;
    }
    store<u32>(
      state.frames + ((this.depth as usize) << 2),
      kind | (result << 8) | (this.height << 16),
    );
    this.depth++;
    if (this.depth > this.maximumDepth) this.maximumDepth = this.depth;
    const frame = this.height + this.depth;
    if (frame > state.limits.frame) {
      state.refuseWith(LIMIT_FRAME, this.opcodeAt, state.limits.frame, frame);
    } else if (frame > this.maximumFrame) this.maximumFrame = frame;
  }

  /** Ends the innermost frame: its result, and nothing else, must be left. Returns the frame. */
  popFrame(): u32 {
    const frame = this.frame(0);
    const result = (frame >>> 8) & 0x7f;
    if (result !== TYPE_NONE) this.pop(result);
    if (this.height !== frame >>> 16) {
      this.state.refuseWith(INVALID_OPERAND_LEFT, this.opcodeAt, frame >>> 16, this.height);
    }
    this.depth--;
    return frame;
  }

  /** The rest of the innermost frame cannot be reached: its operands are of any type. */
  unreachable(): void {
    const frame = this.frame(0);
    this.height = frame >>> 16;
    store<u32>(this.state.frames + (((this.depth - 1) as usize) << 2), frame | 0x8000);
  }

  /** Reads a label; returns the type that a branch to it takes. */
  label(): u32 {
    const at = this.state.at;
    const label = this.state.u32();
    if (label >= this.depth) {
      this.state.refuseWith(INVALID_LABEL, at, this.depth, label);
      return TYPE_NONE;
    }
    const frame = this.frame(label);
    // A branch to a loop goes to its start, which takes no value without multi-value blocks.
    return (frame & 0xff) === OP_LOOP ? TYPE_NONE : (frame >>> 8) & 0x7f;
  }
}
