// Programs of the attacks on limits: what one run tells, many runs would tell whole.
import { assemble } from "./wat.js";

const program = (body: string) =>
  assemble(`(module
  (import "env" "__veracruz_hcall_read_input" (func $read (param i32 i32 i32) (result i32)))
  (import "env" "__veracruz_hcall_write_output" (func $write (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "main") (result i32)
    (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1)))
    (drop (call $read (i32.const 1) (i32.const 1) (i32.const 1)))
    ${body}))`);

/** Its result is one bit: whether byte 0 of `input-0` is above that of `input-1`. */
export const COMPARE = program(`
    (i32.store8 (i32.const 2) (i32.gt_u (i32.load8_u (i32.const 0)) (i32.load8_u (i32.const 1))))
    (drop (call $write (i32.const 2) (i32.const 1)))
    (i32.const 0)`);

/** It always fails, and its code is that bit, plus 1. */
export const COMPARE_AND_FAIL = program(`
    (i32.add (i32.const 1) (i32.gt_u (i32.load8_u (i32.const 0)) (i32.load8_u (i32.const 1))))`);
