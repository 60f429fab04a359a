/**
 * Want of registers, for tests of what the compiler does when they run out: in a module that is compiled with
 * `--use THUMB2_STARVED=1` only. Nothing of it is in another one.
 */

/** Registers, as bits, of which one is freed before another is taken; an instruction that needs more gets more. */
export let starvedRegisters: u32 = u32.MAX_VALUE;
/** Registers that hold locals. */
export let starvedLocals: u32 = 6;

/** How many registers for operands there are, of each kind, and for locals: 1 to 6 and 0 to 6. */
export function starve(operands: u32, locals: u32): void {
  // r0 to r3, r12, r14; s0 and so on from bit 16.
  const words = operands < 5 ? ((1 as u32) << operands) - 1 : operands < 6 ? 0x100f : 0x500f;
  setStarved(operands < 6 ? words | ((((1 as u32) << operands) - 1) << 16) : u32.MAX_VALUE);
  starvedLocals = locals;
}

/** Which registers those are; returns which they were. */
export function setStarved(registers: u32): u32 {
  const before = starvedRegisters;
  starvedRegisters = registers;
  return before;
}
