// For each of the compiler's rules (rules.ts) a program that ends otherwise where the rule is broken: what random
// programs come to only by luck. Their right endings are wasm3's.
import { assemble } from "../support/wat.js";

export interface RuleProgram {
  /** What it does. */
  readonly name: string;
  readonly wasm: Uint8Array;
  readonly fuel: bigint;
  /** The most pages of memory. */
  readonly pages: number;
}

const FUEL = 1_000_000n;

/** What memory begins with: words of which the compiler knows nothing. */
const WORDS = [0, -1, 65533, 65536, 5, 7, 64, 128, -0x80000000];
const [ZERO, MINUS_ONE, NEAR_END, END, FIVE, SEVEN, PLACE, OTHER_PLACE, LEAST] = WORDS.map(
  (_, index) => `(i32.load (i32.const ${4 * index}))`,
);
/** Then bytes of which no two are alike. */
const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
bytes.set(new Uint8Array(Int32Array.from(WORDS).buffer));
const data = [...bytes].map((byte) => `\\${byte.toString(16).padStart(2, "0")}`).join("");

/** A value of 64 bits of which the compiler knows nothing; its high word is no sign of its low one. */
const WIDE = "(i64.load (i32.const 64))";
const HIGH = (value: string) => `(i32.wrap_i64 (i64.shr_u ${value} (i64.const 32)))`;
/** Uses a local often enough to have a register. */
const used = (...locals: string[]) =>
  locals.map((local) => `(drop (local.get ${local}))`.repeat(8)).join(" ");

const LOCALS = `(local $at i32) (local $n i32) (local $m i32)
  (local $a i64) (local $b i64) (local $sum i64)`;

function write(
  name: string,
  code: string,
  options: { memory?: string; rest?: string; fuel?: bigint; pages?: number } = {},
): RuleProgram {
  const { memory = "1 1", rest = "", fuel = FUEL, pages = 1 } = options;
  const wasm = assemble(`(module (memory (export "memory") ${memory})
    (data (i32.const 0) "${data}")
    ${rest}
    (func (export "main") (result i32) ${LOCALS} ${code}))`);
  return { name, wasm, fuel, pages };
}

/** All of them. */
export const RULE_PROGRAMS: readonly RuleProgram[] = [
  // Memory
  write("a read behind memory", `(local.set $at ${END}) (i32.load (local.get $at))`),
  write(
    "a read of which the last byte is behind memory",
    `(local.set $at ${NEAR_END}) (i32.load (local.get $at))`,
  ),
  write("a byte behind memory", `(i32.load8_u ${END})`),
  write("a read behind memory that grows", `(drop (memory.grow (i32.const 0))) (i32.load ${END})`, {
    memory: "1 2",
    pages: 2,
  }),
  write(
    "a local that was checked is set",
    `(local.set $at ${PLACE}) (drop (i32.load (local.get $at)))
    (local.set $at ${END}) (i32.load (local.get $at))`,
  ),
  write(
    "a local that was checked in a block that is not done",
    `(local.set $at ${END})
    (if ${ZERO} (then (drop (i32.load (local.get $at))))) (i32.load (local.get $at))`,
  ),
  write(
    "a local of which the place in memory is in a register is set",
    `(local.set $at ${PLACE}) (local.set $n (i32.load offset=4 (local.get $at)))
    (local.set $at ${OTHER_PLACE})
    (i32.sub (local.get $n) (i32.load offset=4 (local.get $at)))`,
  ),
  write(
    "memory's size is read again after a call that makes it grow",
    `(local.set $at ${END}) (drop (i32.load ${PLACE})) (call $grow) (i32.load (local.get $at))`,
    {
      memory: "1 2",
      pages: 2,
      rest: "(func $grow (drop (memory.grow (i32.const 1))))",
    },
  ),
  write(
    "a constant address of which the last byte is behind memory",
    "(i32.load (i32.const 65533))",
  ),
  write(
    "an offset that is behind memory",
    `(local.set $at ${ZERO}) (i32.load offset=65535 (local.get $at))`,
  ),
  write(
    "more bytes from a local than it was checked for",
    `(local.set $at ${NEAR_END}) (drop (i32.load8_u (local.get $at)))
    (i32.load8_u offset=3 (local.get $at))`,
  ),
  write(
    "more bytes than the bound in a register is for",
    `(drop (i32.load16_u ${PLACE})) (i32.load ${NEAR_END})`,
  ),
  write(
    "more bytes than the bound in a register is for, of memory that grows",
    `(drop (memory.grow (i32.const 0))) (drop (i32.load8_u ${PLACE})) (i32.load ${NEAR_END})`,
    { memory: "1 2", pages: 2 },
  ),
  write(
    "a wide read of which the low word takes the address's place",
    `(i32.sub (i32.load offset=8 ${PLACE}) ${HIGH(`(i64.load offset=8 ${PLACE})`)})`,
  ),

  // Operands
  write(
    "an operand waits for a local that is set",
    `(local.set $n ${FIVE}) ${used("$n")} (i32.sub (local.get $n) (local.tee $n ${SEVEN}))`,
  ),
  write(
    "an operand waits for a local in the frame that is set",
    `(local.set $n ${FIVE}) (i32.sub (local.get $n) (local.tee $n ${SEVEN}))`,
  ),
  write(
    "an operand waits for the local that a result goes to",
    `(local.set $n ${FIVE}) ${used("$n")}
    local.get $n
    (i32.add ${SEVEN} ${PLACE})
    local.set $n
    (i32.sub (local.get $n))`,
  ),
  write(
    "an operand in a register, and a call",
    `(i32.add (i32.mul ${SEVEN} ${SEVEN}) (call $clobber (i32.const 1) (i32.const 2)))`,
    {
      rest: `(func $clobber (param i32 i32) (result i32)
        (i32.add (i32.mul ${FIVE} (local.get 0)) (i32.mul ${PLACE} (local.get 1))))`,
    },
  ),
  write(
    "a comparison waits for its use, and another one comes",
    `(i32.add (i32.lt_s ${FIVE} ${SEVEN}) (i32.lt_s ${SEVEN} ${FIVE}))`,
  ),
  write("arguments that change places", `(call $digits ${FIVE} ${SEVEN} ${PLACE} ${OTHER_PLACE})`, {
    rest: `(func $digits (param $a i32) (param $b i32) (param $c i32) (param $d i32) (result i32)
        (call $more (local.get $d) (local.get $c) (local.get $b) (local.get $a)))
      (func $more (param i32 i32 i32 i32) (result i32)
        (i32.add (local.get 0) (i32.mul (i32.const 3)
          (i32.add (local.get 1) (i32.mul (i32.const 3)
            (i32.add (local.get 2) (i32.mul (i32.const 3) (local.get 3))))))))`,
  }),
  write(
    "a word in a slot becomes another operand",
    `i32.const 0 ${SEVEN} (block) i32.add ${FIVE} (block) i32.sub`,
  ),
  write(
    "a register that a call through the table wants",
    `(local.set $n ${ZERO}) ${used("$n")} (i32.sub (i32.mul ${SEVEN} ${FIVE})
      (call_indirect (type $four)
        (i32.mul ${SEVEN} ${SEVEN}) (i32.mul ${FIVE} ${FIVE}) (i32.mul ${PLACE} ${FIVE})
        (i32.mul ${PLACE} ${SEVEN}) (local.get $n)))`,
    {
      rest: `(type $four (func (param i32 i32 i32 i32) (result i32)))
        (table 1 1 funcref) (elem (i32.const 0) $four)
        (func $four (param i32 i32 i32 i32) (result i32)
          (i32.xor (i32.mul (local.get 0) (local.get 1)) (i32.sub (local.get 2) (local.get 3))))`,
    },
  ),

  // Traps
  write("a divisor of 0", `(i32.div_u ${SEVEN} ${ZERO})`),
  write("a remainder by 0", `(i32.rem_s ${SEVEN} ${ZERO})`),
  write("a quotient that is none", `(i32.div_s ${LEAST} ${MINUS_ONE})`),
  write(
    "a divisor of 64 bits that is 0",
    `(i32.wrap_i64 (i64.div_u ${WIDE} (i64.extend_i32_s ${ZERO})))`,
  ),
  write(
    "a quotient of 64 bits that is none",
    `(i32.wrap_i64 (i64.div_s
      (i64.shl (i64.extend_i32_s ${LEAST}) (i64.const 32)) (i64.extend_i32_s ${MINUS_ONE})))`,
  ),
  // What lies behind the table, the globals, is as an entry of the right type would be.
  write("an indirect call behind the table", "(call_indirect (type $plain) (i32.const 1))", {
    rest: `(type $plain (func (result i32)))
      (global (mut i32) (i32.const 0)) (global (mut i32) (i32.const 0))
      (table 1 1 funcref) (elem (i32.const 0) $plain) (func $plain (result i32) (i32.const 3))`,
  }),
  write(
    "an indirect call of another type",
    `(call_indirect (type $other) ${SEVEN} (i32.const 0))`,
    {
      rest: `(type $plain (func (result i32))) (type $other (func (param i32) (result i32)))
      (table 1 1 funcref) (elem (i32.const 0) $plain) (func $plain (result i32) (i32.const 3))`,
    },
  ),
  write("no end of calls", "(call $again)", {
    rest: "(func $again (result i32) (i32.add (call $again) (i32.const 1)))",
    // wasm3 has more stack than this takes.
    fuel: 10_000n,
  }),

  // Fuel
  write(
    "turns of a loop, and calls",
    `(local.set $n ${SEVEN})
    (loop $next
      (drop (call $plain))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i32.const 1)`,
    { rest: "(func $plain (result i32) (i32.const 3))" },
  ),

  // High words
  write("a value that is no sign", `${HIGH(`(i64.mul ${WIDE} (i64.load (i32.const 72)))`)}`),
  write(
    "a word of 2^31 or more, extended by zeros",
    `(i64.lt_s (i64.extend_i32_u ${MINUS_ONE}) (i64.extend_i32_s ${FIVE}))`,
  ),
  write(
    "a high word that is known before a loop, and not in it",
    `(local.set $n ${SEVEN}) (local.set $a (i64.extend_i32_s ${MINUS_ONE}))
    (loop $next
      (local.set $sum (i64.add (local.get $sum) (local.get $a)))
      (local.set $a ${WIDE})
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    ${HIGH("(local.get $sum)")}`,
  ),
  write(
    "a high word that is known where a block is left",
    `(local.set $a ${WIDE})
    (block $out
      (local.set $a (i64.extend_i32_s ${MINUS_ONE}))
      (br_if $out ${SEVEN})
      (local.set $a (i64.load (i32.const 72))))
    ${HIGH("(local.get $a)")}`,
  ),
  write(
    "a high word that is known, and its local set to something else",
    `(local.set $a (i64.extend_i32_s ${MINUS_ONE})) (local.set $sum (local.get $a))
    (local.set $a ${WIDE})
    ${HIGH("(i64.xor (local.get $a) (local.get $sum))")}`,
  ),
  write(
    "a high word that is known on a path that ends",
    `(local.set $a ${WIDE})
    (if ${ZERO} (then (local.set $a (i64.extend_i32_s ${SEVEN}))
      (return (i32.wrap_i64 (local.get $a)))))
    ${HIGH("(local.get $a)")}`,
  ),
  // The sum goes to no local: its low word might take the narrow operand's register, before the sign is read.
  write(
    "a sum of which one operand is a sign in a register for operands",
    `(local.set $a (i64.extend_i32_u ${FIVE})) (local.set $a (i64.add (local.get $a) ${WIDE}))
    (local.set $a (i64.and (local.get $a) (i64.const 0xff00000007))) ${used("$a")}
    ${HIGH(`(i64.add (local.get $a) (i64.extend_i32_s ${MINUS_ONE}))`)}`,
  ),
  write(
    "a difference of which one operand is a sign in a register for operands",
    `(local.set $a ${WIDE}) ${used("$a")}
    ${HIGH(`(i64.sub (local.get $a) (i64.extend_i32_s ${LEAST}))`)}`,
  ),
  write(
    "a sum goes to the local of which its high word is made",
    `(local.set $a ${WIDE}) (local.set $sum (i64.load (i32.const 72)))
    (local.set $a (i64.add (i64.shl (local.get $a) (i64.const 32)) (local.get $sum)))
    ${used("$a")} ${HIGH("(local.get $a)")}`,
  ),
  write(
    "words that come from each other",
    `(local.set $a ${WIDE}) ${used("$a")}
    (local.set $a (i64.rotl (local.get $a) (i64.const 32)))
    (i32.sub ${HIGH("(local.get $a)")} (i32.wrap_i64 (local.get $a)))`,
  ),
  write(
    "a choice of which the second is a sign",
    `${HIGH(`(select ${WIDE} (i64.extend_i32_s ${MINUS_ONE}) ${ZERO})`)}`,
  ),
  write(
    "a word that becomes its local's high one",
    `(local.set $a ${WIDE}) ${used("$a")} (local.set $a (i64.shl (local.get $a) (i64.const 32)))
    ${HIGH("(local.get $a)")}`,
  ),
  write(
    "a combination goes to the local of which its high word is made",
    `(local.set $a ${WIDE}) (local.set $b (i64.load (i32.const 72))) ${used("$a", "$b")}
    (local.set $a (i64.xor
      (i64.or (i64.shl (local.get $a) (i64.const 32)) (i64.extend_i32_u ${SEVEN})) (local.get $b)))
    ${HIGH("(local.get $a)")}`,
  ),
  write(
    "a combination goes to the local of which its low word is made",
    `(local.set $a ${WIDE}) (local.set $b (i64.load (i32.const 72))) ${used("$a", "$b")}
    (local.set $a (i64.xor
      (i64.or (i64.shr_u (local.get $a) (i64.const 32)) (i64.shl (local.get $b) (i64.const 32)))
      (i64.const 0x1200000000)))
    (i32.wrap_i64 (local.get $a))`,
  ),
  ...[ZERO, SEVEN].map((condition, index) =>
    write(
      `a high word that is known on both ways of an if, ${["else", "then"][index]}`,
      `(local.set $a ${WIDE})
      (if ${condition}
        (then (local.set $a (i64.extend_i32_s ${MINUS_ONE})))
        (else (local.set $a (i64.extend_i32_u ${MINUS_ONE}))))
      ${HIGH("(local.get $a)")}`,
    ),
  ),
  write(
    "a high word that is known before an if",
    `(local.set $a ${WIDE}) (local.set $a (i64.extend_i32_s ${MINUS_ONE}))
    (if ${ZERO} (then (local.set $a (i64.load (i32.const 72)))))
    ${HIGH("(local.get $a)")}`,
  ),
  write(
    "a high word that is known where a branch table leaves a block",
    `(local.set $a ${WIDE})
    (block $out
      (local.set $a (i64.extend_i32_s ${MINUS_ONE}))
      (br_table $out $out ${FIVE}))
    ${HIGH("(local.get $a)")}`,
  ),

  // Words
  // The caller's locals are in the registers that the function takes for its own.
  write(
    "locals that are read before they are set",
    `(local.set $at ${SEVEN}) (local.set $n ${FIVE}) (local.set $m ${PLACE}) (local.set $a ${WIDE})
    (local.set $b (i64.load (i32.const 72)))
    ${used("$at", "$n", "$m", "$a", "$b")}
    (i32.add (call $unset) (i32.add (i32.add (local.get $at) (local.get $n)) (local.get $m)))`,
    {
      rest: `(func $unset (result i32) (local $x i32) (local $y i32) (local $z i64)
        ${used("$x", "$y", "$z")}
        (i32.add (i32.xor (local.get $x) (local.get $y)) (i32.wrap_i64 (local.get $z))))`,
    },
  ),
  write(
    "comparisons of a constant with a word",
    `(i32.or (i32.lt_s (i32.const 6) ${SEVEN}) (i32.shl (i32.ge_u (i32.const 6) ${SEVEN}) (i32.const 1)))`,
  ),
  write("a shift by 32 and more", `(i32.shl ${SEVEN} (i32.add ${FIVE} (i32.const 28)))`),
];
