// Both execution strategies on the same programs: what a program can see of its home, and what its
// requester is told, must not depend on which of them runs it.
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  FreestandingEngine,
  type Outcome,
  type Task,
} from "../../host/freestanding-execution-engine/engine.js";
import { Random } from "../support/random.js";
import { mainProgram, program } from "./programs.js";

const engine = new FreestandingEngine();
const files = {
  inputs: [Uint8Array.of(1, 2, 3, 4), new Uint8Array(0), new Uint8Array(70_000).fill(7)],
  streams: [Uint8Array.of(5), new Uint8Array(300).fill(9)],
  previousResult: Uint8Array.of(6, 6),
};

/** What must be the same: all but fuel, which jit does not count, and time. */
function seen({ status, returnCode, reason, result, peakMemoryBytes }: Outcome) {
  return { status, returnCode, reason, result: result && Buffer.from(result), peakMemoryBytes };
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
  for (const ending of ["returned", "an H-call was given a range outside the program's memory"]) {
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

test("the one difference: jit does not tell a float that is too large from one that is no number", () => {
  const task = { program: mainProgram("(i32.trunc_f64_s (f64.const 1e10))") };
  assert.is(engine.run(task).reason, "integer overflow");
  assert.is(engine.run({ ...task, strategy: "jit" }).reason, "invalid conversion to integer");
});

test.after(() => engine.free());
test.run();
