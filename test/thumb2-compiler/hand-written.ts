// Programs that were written by hand, each for what random ones come to seldom. Their results are wasm3's.
import { assemble } from "../support/wat.js";

// Where a core has no such instructions, helpers divide, which use all registers: that of the fuel as well.
export const DIVISIONS = assemble(`(module
  (memory (export "memory") 1)
  (func (export "main") (result i32)
    (local $left i32) (local $sum f64) (local $whole i64)
    (local.set $left (i32.const 60000))
    (local.set $whole (i64.const 0x7123456789abcdef))
    (loop $next
      (local.set $sum (f64.add (local.get $sum) (f64.div (f64.const 1) (f64.convert_i32_s (local.get $left)))))
      (local.set $whole (i64.xor (local.get $whole)
        (i64.div_u (i64.const -3) (i64.add (i64.extend_i32_u (local.get $left)) (i64.const 0x123456789)))))
      (br_if $next (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    (i32.xor
      (i32.wrap_i64 (i64.reinterpret_f64 (local.get $sum)))
      (i32.wrap_i64 (i64.xor (local.get $whole) (i64.shr_u (local.get $whole) (i64.const 32)))))))`);
// Of a local of 64 bits that was set to 32, the high word is known until another path joins, and on no other.
export const KNOWN = [
  // Known before a loop, and not in its second turn.
  `(local.set $a (i64.extend_i32_s (local.get $n)))
  (loop $next
    (local.set $sum (i64.add (local.get $sum) (local.get $a)))
    (local.set $a (i64.shl (i64.extend_i32_u (local.get $n)) (i64.const 33)))
    (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))`,
  // Known on a path that ends.
  `(local.set $a (i64.shl (i64.extend_i32_u (local.get $n)) (i64.const 33)))
  (if (i32.eqz (local.get $n))
    (then
      (local.set $a (i64.extend_i32_s (local.get $n)))
      (return (i32.wrap_i64 (local.get $a)))))
  (local.set $sum (local.get $a))`,
  // Known on one of two paths, in the one way or the other.
  `(if (local.get $n)
    (then (local.set $a (i64.extend_i32_s (i32.sub (i32.const 0) (local.get $n)))))
    (else (local.set $a (i64.extend_i32_u (i32.sub (i32.const 0) (local.get $n))))))
  (local.set $sum (local.get $a))`,
].map((code) =>
  assemble(`(module (memory (export "memory") 1 1)
    (func (export "main") (result i32) (local $n i32) (local $a i64) (local $sum i64)
      (local.set $n (i32.const 3))
      ${code}
      (i32.wrap_i64 (i64.shr_u (local.get $sum) (i64.const 32)))))`),
);

/** Programs that end in a trap or not by one value, which they take from memory, where the compiler knows nothing of it. */
export const EDGES = [
  // Checked on a path that was not taken: an address outside memory.
  `(if (i32.load (i32.const 8)) (then (drop (i32.load (local.tee $at (i32.load (i32.const 0)))))))
  (local.set $at (i32.load (i32.const 4)))
  (if (i32.load (i32.const 8)) (then (drop (i32.load (local.get $at)))))
  (i32.load (local.get $at))`,
  // The one quotient that is none.
  "(i32.div_s (i32.load (i32.const 12)) (i32.load (i32.const 4)))",
  // It has a remainder.
  "(i32.rem_s (i32.load (i32.const 12)) (i32.load (i32.const 4)))",
  // The high word of a local that was extended by zeros is 0, and no sign of a low one from 2^31 on.
  `(local.set $a (i64.extend_i32_u (i32.load (i32.const 4))))
  (local.set $sum (i64.mul (local.get $a) (i64.extend_i32_s (i32.load (i32.const 12)))))
  (local.set $sum (i64.add (local.get $sum) (i64.shr_s (local.get $a) (i64.const 31))))
  (local.set $sum (i64.add (local.get $sum) (i64.extend32_s (local.get $a))))
  (local.set $sum (i64.add (local.get $sum) (i64.extend_i32_u (i64.lt_s (local.get $a) (i64.const 0)))))
  (local.set $a (i64.extend_i32_s (i32.load (i32.const 12))))
  (local.set $sum (i64.mul (local.get $sum) (local.get $a)))
  (i32.xor (i32.wrap_i64 (local.get $sum)) (i32.wrap_i64 (i64.shr_u (local.get $sum) (i64.const 32))))`,
  // Of a sum that goes to a local, the low word is written before the high one is made of the local's low word.
  `(local.set $a (i64.load (i32.const 1)))
  (local.set $sum (i64.load (i32.const 5)))
  (local.set $a (i64.add (i64.shl (local.get $a) (i64.const 32)) (local.get $sum)))
  (i32.wrap_i64 (i64.shr_u (local.get $a) (i64.const 32)))`,
  // A high word that was checked as an address, and was then set to the low one's sign: outside memory.
  `(local.set $a (i64.load (i32.const 4)))
  (drop (i32.load8_u (i32.wrap_i64 (i64.shr_u (local.get $a) (i64.const 32)))))
  (local.set $a (i64.extend_i32_s (i32.load (i32.const 4))))
  (if (i32.eqz (i32.load (i32.const 8)))
    (then (drop (i32.load8_u (i32.wrap_i64 (i64.shr_u (local.get $a) (i64.const 32)))))))
  (i32.const 0)`,
].map((code) =>
  assemble(`(module (memory (export "memory") 1 1)
    (data (i32.const 0) "\\00\\00\\00\\00\\ff\\ff\\ff\\ff\\00\\00\\00\\00\\00\\00\\00\\80")
    (func (export "main") (result i32) (local $at i32) (local $a i64) (local $sum i64)
      ${code}))`),
);

/** Twenty products, more than there are registers for single precision, that wait for the value of `inner`. */
const waiting = (inner: string, products = 20): string =>
  products === 0
    ? inner
    : `(f32.sub (f32.mul (local.get $x) (f32.const ${products}.25)) ${waiting(inner, products - 1)})`;

// Single precision in registers of its own: what waits there, and copies of locals and constants.
export const SINGLES = assemble(`(module
  (memory (export "memory") 1 1)
  (data (i32.const 4) "\\00\\00\\c0\\3f")
  (func $next (param $x f32) (result f32) (f32.add (local.get $x) (f32.const 20.25)))
  (func (export "main") (result i32)
    (local $n i32) (local $x f32) (local $y f32) (local $sum f32)
    (local.set $n (i32.const 3))
    (local.set $x (f32.convert_i32_s (local.get $n)))
    (loop $again
      (local.set $sum (f32.add (local.get $sum) ${waiting("(call $next (local.get $x))")}))
      (local.set $y ${waiting(`(block (result f32)
        (drop (br_if 0 (f32.mul (local.get $x) (local.get $x)) (i32.and (local.get $n) (i32.const 1))))
        (f32.abs (f32.sub (local.get $x) (f32.const 2.25))))`)})
      (local.set $sum (f32.add (local.get $sum) (f32.mul (local.get $y) (local.get $y))))
      (local.set $y (f32.load (i32.const 4)))
      (local.set $sum (f32.add (local.get $sum) (f32.mul (local.get $y) (local.get $y))))
      (local.set $sum (f32.sub (local.get $sum) (f32.mul (local.get $y)
        (local.tee $y (f32.neg (f32.add (local.get $y) (local.get $x)))))))
      (if (f32.lt (local.get $sum) (local.get $y))
        (then (local.set $y (f32.sqrt (f32.abs (local.get $sum)))))
        (else (local.set $y (f32.mul (local.get $y) (f32.const 2.25)))))
      (local.set $x (f32.div (local.get $y) (f32.const 1.25)))
      (local.set $sum (f32.add (local.get $sum) (f32.convert_i32_u (i32.trunc_sat_f32_s (local.get $x)))))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i32.xor
      (i32.reinterpret_f32 (local.get $sum))
      (i32.wrap_i64 (i64.shr_s
        (i64.extend_i32_s (i32.reinterpret_f32 (f32.mul (local.get $x) (local.get $y))))
        (i64.const 3))))))`);

/** Before a local that has no register is set, more operands wait for it than there are registers. */
export const WAITING = assemble(`(module
  (memory (export "memory") 1 1)
  (func (export "main") (result i32)
    (local $n i32) (local $a i64) (local $b i64) (local $c i64) (local $seldom i64)
    (local.set $n (i32.const 3))
    (local.set $seldom (i64.const 0x500000007))
    (loop $next
      (local.set $a (i64.add (i64.mul (local.get $a) (i64.const 0x123456789)) (local.get $c)))
      (local.set $b (i64.xor (local.get $b) (local.get $a)))
      (local.set $c (i64.add (i64.rotl (local.get $b) (i64.const 9)) (i64.extend_i32_u (local.get $n))))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    ${"(local.get $seldom)".repeat(20)}
    (local.set $seldom (i64.add (local.get $c) (i64.const 1)))
    local.get $seldom
    ${"i64.sub ".repeat(20)}
    (local.set $a)
    (i32.xor (i32.wrap_i64 (local.get $a)) (i32.wrap_i64 (i64.shr_u (local.get $a) (i64.const 32))))))`);

/** All of them. */
export const HAND_WRITTEN = [DIVISIONS, ...KNOWN, ...EDGES, SINGLES, WAITING];
