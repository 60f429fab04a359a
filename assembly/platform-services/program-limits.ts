import { STRATEGY_INTERPRETATION } from "./program-profiles";

/**
 * Bounds on one run of a program, in the layout that `programLoad` reads (24 bytes, little-endian):
 *
 * | offset | type | |
 * |---|---|---|
 * | 0 | u64 | fuel, in the units of `programUsage`; 0 = unbounded |
 * | 8 | u32 | deadline in milliseconds of wall time; 0 = none (a home without a clock ignores it) |
 * | 12 | u32 | memory in bytes; `memory.grow` beyond it answers -1 |
 * | 16 | u32 | interpreter stack in bytes |
 * | 20 | u32 | strategy, `STRATEGY_…` |
 */
export class ProgramLimits {
  fuel: u64 = 0;
  deadlineMs: u32 = 0;
  memoryBytes: u32 = 0;
  stackBytes: u32 = 0;
  strategy: u32 = STRATEGY_INTERPRETATION;
}
