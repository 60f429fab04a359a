// Both execution strategies on the same programs: what a program can see of its home, and what its
// requester is told, must not depend on which of them runs it.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { seededRandom } from "../../host/freestanding-execution-engine/development.js";
import {
  FreestandingEngine,
  type Outcome,
  type Task,
} from "../../host/freestanding-execution-engine/engine.js";
import { exampleNames, exampleProgram, exampleRounds } from "../support/example-data.js";
import { Random } from "../support/random.js";
import { assemble } from "../support/wat.js";
import { mainProgram, program } from "./programs.js";

const engine = new FreestandingEngine();
const files = {
  inputs: [Uint8Array.of(1, 2, 3, 4), new Uint8Array(0), new Uint8Array(70_000).fill(7)],
  streams: [Uint8Array.of(5), new Uint8Array(300).fill(9)],
  previousResult: Uint8Array.of(6, 6),
};

/** What must be the same: all but time. */
function seen({ status, returnCode, reason, result, fuel, peakMemoryBytes }: Outcome) {
  const bytes = result && Buffer.from(result);
  return { status, returnCode, reason, result: bytes, fuel, peakMemoryBytes };
}

function assertAlike(task: Task, message: string): ReturnType<typeof seen> {
  const interp = seen(engine.run({ ...task, strategy: "interp" }));
  const jit = seen(engine.run({ ...task, strategy: "jit" }));
  assert.equal(jit, interp, message);
  return interp;
}

/** Arguments at the edges of what is allowed (memory starts with two pages), and now and then beyond. */
const inside = { pointers: [0, 1, 3, 255, 4096, 65533], lengths: [0, 1, 4, 5, 256, 300, 65537] };
const outside = {
  pointers: [131069, 131072, 131073, 0x7fffffff, -4, -1],
  lengths: [70_000, 131073, 0x7fffffff, -1],
};
const pointer = (random: Random) => random.pick((random.oneIn(25) ? outside : inside).pointers);
const length = (random: Random) => random.pick((random.oneIn(25) ? outside : inside).lengths);
const index = (random: Random) => random.pick([0, 1, 2, 3, -1]);

const calls: Record<string, (random: Random) => number[]> = {
  input_count: (random) => [pointer(random)],
  input_size: (random) => [index(random), pointer(random)],
  read_input: (random) => [index(random), pointer(random), length(random)],
  stream_count: (random) => [pointer(random)],
  stream_size: (random) => [index(random), pointer(random)],
  read_stream: (random) => [index(random), pointer(random), length(random)],
  has_previous_result: (random) => [pointer(random)],
  previous_result_size: (random) => [pointer(random)],
  read_previous_result: (random) => [pointer(random), length(random)],
  write_output: (random) => [pointer(random), length(random)],
  getrandom: (random) => [pointer(random), length(random)],
};

/**
 * A program that makes one H-call after the other, until one traps, mixes the codes and all of its memory
 * into one number and returns that (in every other program it writes its memory and returns 0).
 */
function randomProgram(random: Random): Uint8Array {
  const steps: string[] = [];
  for (let i = 0; i < 12; i++) {
    const name = random.pick(Object.keys(calls));
    const parameters = (calls[name] as (random: Random) => number[])(random);
    steps.push(
      `(local.set $codes (i32.add (i32.mul (local.get $codes) (i32.const 31))
        (call $${name} ${parameters.map((value) => `(i32.const ${value})`).join(" ")})))`,
    );
    if (name === "getrandom") {
      // What came is another each time: wiped, as far as it lies in the memory.
      const [address = 0, count = 0] = parameters;
      steps.push(`(memory.fill (i32.const ${address}) (i32.const 3) (i32.const ${count}))`);
    }
    if (random.oneIn(8)) steps.push("(drop (memory.grow (i32.const 1)))");
  }
  const end = random.oneIn(2)
    ? `(drop (call $write_output (i32.const 0) (i32.shl (memory.size) (i32.const 16)))) (i32.const 0)`
    : `(loop $next
        (local.set $codes (i32.add (i32.mul (local.get $codes) (i32.const 31))
          (i32.load (local.get $at))))
        (local.set $at (i32.add (local.get $at) (i32.const 4)))
        (br_if $next (i32.lt_u (local.get $at) (i32.shl (memory.size) (i32.const 16)))))
      (local.get $codes)`;
  return mainProgram(`(local $codes i32) (local $at i32) ${steps.join("\n")} ${end}`, "2 5");
}

test("50 random sequences of H-calls at the edges of memory, files and results", () => {
  const random = new Random(6);
  const endings = new Map<string, number>();
  for (let i = 0; i < 50; i++) {
    const task = { program: randomProgram(random), ...files, limits: { outputBytes: 200_000 } };
    const { status, reason = "" } = assertAlike(task, `sequence ${i}`);
    const ending = status === "returned" ? status : reason;
    endings.set(ending, (endings.get(ending) ?? 0) + 1);
  }
  // The test is of use only as long as all of these come.
  for (const ending of ["returned", "an H-call got a range outside the program's memory"]) {
    assert.ok((endings.get(ending) ?? 0) >= 10, JSON.stringify([...endings]));
  }
});

for (const [name, instructions, reason] of [
  ["unreachable", "unreachable", "unreachable executed"],
  ["a quotient by zero", "(i32.div_s (i32.const 1) (i32.const 0))", "integer division by zero"],
  ["a remainder by zero", "(i32.rem_u (i32.const 1) (i32.const 0))", "integer division by zero"],
  [
    "a quotient that does not fit",
    "(i32.wrap_i64 (i64.div_s (i64.const 0x8000000000000000) (i64.const -1)))",
    "integer overflow",
  ],
  ["a remainder that is 0", "(i32.rem_s (i32.const 0x80000000) (i32.const -1))", undefined],
  [
    "a NaN as an integer",
    "(i32.wrap_i64 (i64.trunc_f64_u (f64.const nan)))",
    "invalid conversion to integer",
  ],
  ["a load beyond", "(i32.load offset=4294967295 (i32.const -1))", "memory access out of bounds"],
  [
    "a fill beyond",
    "(memory.fill (i32.const 1) (i32.const 0) (i32.const 65536)) (i32.const 0)",
    "memory access out of bounds",
  ],
  [
    "a copy of nothing beyond",
    "(memory.copy (i32.const 0) (i32.const 65537) (i32.const 0)) (i32.const 0)",
    "memory access out of bounds",
  ],
  [
    "a copy of nothing at the end",
    "(memory.copy (i32.const 65536) (i32.const 0) (i32.const 0)) (i32.const 0)",
    undefined,
  ],
  [
    "growth up to the limit, and no further",
    `(drop (memory.grow (i32.const 1023)))
    (i32.sub (memory.grow (i32.const 1)) (i32.const -1))`,
    undefined,
  ],
] as const) {
  test(`${name}: the same in both`, () => {
    assert.is(assertAlike({ program: mainProgram(instructions) }, name).reason, reason);
  });
}

for (const [name, body] of [
  ["an element of another type", "(elem (i32.const 0) $none) (func $none)"],
  ["an empty element", ""],
] as const) {
  test(`an indirect call of ${name}: the same in both`, () => {
    const task = {
      program: program(`(type $t (func (result i32))) (table 1 funcref) ${body}
        (func (export "main") (result i32) (call_indirect (type $t) (i32.const 0)))`),
    };
    assert.match(assertAlike(task, name).reason ?? "", /indirect call/);
  });
}

// A name is its bytes: no decoder may take a byte order mark (EF BB BF) away, or bring two spellings together.
for (const [name, exported, body] of [
  ["a byte order mark before main", "\\ef\\bb\\bfmain", "(result i32) (i32.const 7)"],
  ["the same with another type", "\\ef\\bb\\bfmain", "(param f64) (result i64) (i64.const 7)"],
  ["a byte order mark before memory", "\\ef\\bb\\bfmemory", "(result i32) (i32.const 7)"],
  ["a byte order mark behind main", "main\\ef\\bb\\bf", "(result i32) (i32.const 7)"],
  ["main in full-width letters", "ｍain", "(result i32) (i32.const 7)"],
  ["an empty name", "", "(param i64 i64 i64) (i32.const 7) (drop)"],
] as const) {
  test(`an export named ${name} is another export: the same in both`, () => {
    const task = {
      program: program(`(func (export "${exported}") ${body})
        (func (export "main") (result i32) (i32.const 0))`),
    };
    assert.is(assertAlike(task, name).returnCode, 0);
  });
}

test("a trap names the function that did it and its callers, by the name section", () => {
  for (const [trap, reason] of [
    ["unreachable", "unreachable executed"],
    ["(drop (i32.load (i32.const -1)))", "memory access out of bounds"],
    ["(drop (i32.div_u (i32.const 1) (i32.const 0)))", "integer division by zero"],
    ["(call_indirect (i32.const 5))", /indirect call/],
  ] as const) {
    const text = `(module
      (import "env" "__veracruz_hcall_input_count" (func (param i32) (result i32)))
      (memory (export "memory") 1) (table 1 funcref)
      (func $deepest ${trap}) (func $middle (call $deepest))
      (func (export "main") (result i32) (call $middle) (i32.const 0)))`;
    for (const strategy of ["interp", "jit"] as const) {
      const named = engine.run({ program: assemble(text, true), strategy });
      assert.match(named.reason ?? "", reason, strategy);
      assert.equal(named.callers, [
        { index: 1, name: "deepest" },
        { index: 2, name: "middle" },
        { index: 3, name: undefined },
      ]);
      const bare = engine.run({ program: assemble(text), strategy });
      assert.equal(
        bare.callers.map(({ index, name }) => [index, name]),
        [1, 2, 3].map((index) => [index, undefined]),
      );
    }
  }
  const deep = program(
    `(func $f (call $f)) (func (export "main") (result i32) (call $f) (i32.const 0))`,
  );
  for (const strategy of ["interp", "jit"] as const) {
    const { callers } = engine.run({ program: deep, strategy });
    assert.ok(callers.length > 0 && callers.length <= 16, `${strategy}: ${callers.length}`);
  }
  assert.equal(engine.run({ program: mainProgram("(i32.const 0)") }).callers, []);
});

// Calls of all kinds, loops in loops, memory that is filled, copied and grown, and what H-calls copy.
const SPENDER = program(
  `(type $t (func (param i32) (result i32)))
  (table 2 funcref) (elem (i32.const 0) $twice $input_count)
  (global $fuel (export "fuel") (mut i64) (i64.const 7)) (export "fuel'" (global $fuel))
  (func $twice (param i32) (result i32) (i32.shl (local.get 0) (i32.const 1)))
  (func (export "main") (param i32 i32) (result i32) (local $i i32) (local $j f64)
    (loop $outer
      (local.set $j (f64.const 0))
      (loop $inner
        (local.set $j (f64.add (local.get $j) (f64.const 1)))
        (br_if $inner (f64.lt (local.get $j) (f64.const 3))))
      (local.set $i (call $twice (i32.add (local.get $i) (i32.const 1))))
      (drop (call_indirect (type $t) (i32.const 0) (i32.const 0)))
      (drop (call_indirect (type $t) (i32.const 64) (i32.const 1)))
      (if (i32.lt_u (local.get $i) (i32.const 9)) (then (br $outer))))
    (memory.fill (i32.const 0) (i32.const 1) (i32.const 1000))
    (memory.copy (i32.const 5) (i32.const 3) (i32.const 513))
    (drop (memory.grow (i32.const 0)))
    (drop (memory.grow (i32.const 9)))
    (drop (memory.grow (i32.const 1)))
    (drop (call $read_input (i32.const 2) (i32.const 0) (i32.const 70000)))
    (drop (call $write_output (i32.const 0) (i32.const 700)))
    (block $out (br_table 0 0 $out (i32.const 1)))
    (i32.const 0))`,
  "2 3",
);

test("whatever the limit, fuel ends a run at the same place in both", () => {
  const { fuel = 0n, status } = engine.run({ program: SPENDER, ...files });
  assert.is(status, "returned");
  assert.ok(fuel > 500n, `${fuel}`);
  const limits = [fuel - 1n, fuel, fuel + 1n];
  for (let limit = 1n; limit < fuel; limit += limit < 30n ? 1n : 37n) limits.push(limit);
  for (const limit of limits) {
    const { reason } = assertAlike(
      { program: SPENDER, ...files, limits: { fuel: limit } },
      `${limit}`,
    );
    assert.is(reason, limit < fuel ? "out of fuel" : undefined, `${limit}`);
  }
});

test("every example gives the same result for the same fuel in both", () => {
  // The same random numbers for both.
  const [interp, jit] = (["interp", "jit"] as const).map((strategy) => {
    const home = new FreestandingEngine({ random: seededRandom("examples") });
    const outcomes = exampleNames.map((name) => {
      const task = { program: exampleProgram(name), ...exampleRounds(name)[0], strategy };
      return [name, seen(home.run(task))];
    });
    home.free();
    return outcomes;
  });
  assert.equal(jit, interp);
});

test("a byte order mark makes another import, or none: refused in both", () => {
  for (const [module, field] of [
    ["\\ef\\bb\\bfenv", "__veracruz_hcall_input_count"],
    ["env", "\\ef\\bb\\bf__veracruz_hcall_input_count"],
  ]) {
    const task = {
      program: assemble(`(module (import "${module}" "${field}" (func (param i32) (result i32)))
        (memory (export "memory") 1) (func (export "main") (result i32) (i32.const 0)))`),
    };
    assert.is(assertAlike(task, `${module}.${field}`).status, "refused");
  }
});

test("the one difference: jit does not tell a float that is too large from one that is no number", () => {
  const task = { program: mainProgram("(i32.trunc_f64_s (f64.const 1e10))") };
  assert.is(engine.run(task).reason, "integer overflow");
  assert.is(engine.run({ ...task, strategy: "jit" }).reason, "invalid conversion to integer");
});

test.after(() => engine.free());
test.run();
