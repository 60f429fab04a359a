// Each row of the tables in the ABI, with both execution strategies.
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  FreestandingEngine,
  type Outcome,
  type Task,
} from "../../host/freestanding-execution-engine/engine.js";
import { hcallNames, mainProgram, probe, program } from "./programs.js";

const engine = new FreestandingEngine();
const strategies = ["interp", "jit"] as const;
const bytes = (...values: number[]) => Uint8Array.from(values);
const filled = (length: number) => new Uint8Array(length).fill(0xaa);

function run(strategy: "interp" | "jit", task: Omit<Task, "strategy">): Outcome {
  return engine.run({ ...task, strategy });
}

/** What a probe reported: the code its H-call returned, and the memory it showed. */
function probed(outcome: Outcome): { code: number; memory: Uint8Array } {
  assert.is(outcome.status, "returned", outcome.reason);
  assert.is(outcome.returnCode, 0);
  const result = outcome.result as Uint8Array;
  return {
    code: new DataView(result.buffer, result.byteOffset).getInt32(0, true),
    memory: result.subarray(4),
  };
}

interface Row {
  name: string;
  call: string;
  task?: Omit<Task, "program">;
  code: number;
  /** Expected bytes from address 0; what follows must be untouched. */
  memory?: Uint8Array;
  at?: number;
}

const twoInputs = { inputs: [bytes(1, 2, 3), bytes(4, 5)] };
const twoStreams = { streams: [bytes(6, 7, 8, 9), bytes()] };
const previous = { previousResult: bytes(10, 11, 12) };
const emptyPrevious = { previousResult: bytes() };

const rows: Row[] = [
  {
    name: "input_count of none",
    call: "(call $input_count (i32.const 0))",
    code: 0,
    memory: bytes(0, 0, 0, 0),
  },
  {
    name: "input_count of two",
    call: "(call $input_count (i32.const 0))",
    task: twoInputs,
    code: 0,
    memory: bytes(2, 0, 0, 0),
  },
  {
    name: "input_count at an odd address",
    call: "(call $input_count (i32.const 3))",
    task: twoInputs,
    code: 0,
    memory: bytes(2, 0, 0, 0),
    at: 3,
  },
  {
    name: "input_size",
    call: "(call $input_size (i32.const 1) (i32.const 0))",
    task: twoInputs,
    code: 0,
    memory: bytes(2, 0, 0, 0),
  },
  {
    name: "input_size, index = count",
    call: "(call $input_size (i32.const 2) (i32.const 0))",
    task: twoInputs,
    code: -4,
  },
  {
    name: "input_size, index -1 read as unsigned",
    call: "(call $input_size (i32.const -1) (i32.const 0))",
    task: twoInputs,
    code: -4,
  },
  {
    name: "read_input, capacity = length",
    call: "(call $read_input (i32.const 0) (i32.const 0) (i32.const 3))",
    task: twoInputs,
    code: 0,
    memory: bytes(1, 2, 3),
  },
  {
    name: "read_input, capacity > length",
    call: "(call $read_input (i32.const 0) (i32.const 0) (i32.const 9))",
    task: twoInputs,
    code: 0,
    memory: bytes(1, 2, 3),
  },
  {
    name: "read_input, capacity < length",
    call: "(call $read_input (i32.const 0) (i32.const 0) (i32.const 2))",
    task: twoInputs,
    code: -3,
  },
  {
    name: "read_input, index = count",
    call: "(call $read_input (i32.const 2) (i32.const 0) (i32.const 9))",
    task: twoInputs,
    code: -4,
  },
  {
    name: "stream_count",
    call: "(call $stream_count (i32.const 0))",
    task: twoStreams,
    code: 0,
    memory: bytes(2, 0, 0, 0),
  },
  {
    name: "stream_count of none",
    call: "(call $stream_count (i32.const 0))",
    task: twoInputs,
    code: 0,
    memory: bytes(0, 0, 0, 0),
  },
  {
    name: "stream_size",
    call: "(call $stream_size (i32.const 0) (i32.const 0))",
    task: twoStreams,
    code: 0,
    memory: bytes(4, 0, 0, 0),
  },
  {
    name: "stream_size, index = count",
    call: "(call $stream_size (i32.const 2) (i32.const 0))",
    task: twoStreams,
    code: -10,
  },
  {
    name: "read_stream",
    call: "(call $read_stream (i32.const 0) (i32.const 0) (i32.const 8))",
    task: twoStreams,
    code: 0,
    memory: bytes(6, 7, 8, 9),
  },
  {
    name: "read_stream of an empty item with capacity 0",
    call: "(call $read_stream (i32.const 1) (i32.const 0) (i32.const 0))",
    task: twoStreams,
    code: 0,
  },
  {
    name: "read_stream, capacity < length",
    call: "(call $read_stream (i32.const 0) (i32.const 0) (i32.const 3))",
    task: twoStreams,
    code: -9,
  },
  {
    name: "read_stream, index = count",
    call: "(call $read_stream (i32.const 2) (i32.const 0) (i32.const 8))",
    task: twoStreams,
    code: -10,
  },
  {
    name: "has_previous_result, none",
    call: "(call $has_previous_result (i32.const 0))",
    code: 0,
    memory: bytes(0, 0, 0, 0),
  },
  {
    name: "has_previous_result, one",
    call: "(call $has_previous_result (i32.const 0))",
    task: previous,
    code: 0,
    memory: bytes(1, 0, 0, 0),
  },
  {
    name: "has_previous_result, an empty one",
    call: "(call $has_previous_result (i32.const 0))",
    task: emptyPrevious,
    code: 0,
    memory: bytes(1, 0, 0, 0),
  },
  {
    name: "previous_result_size, none, stores 4 bytes",
    call: "(call $previous_result_size (i32.const 0))",
    code: 0,
    memory: bytes(0, 0, 0, 0),
  },
  {
    name: "previous_result_size, one, stores 4 bytes",
    call: "(call $previous_result_size (i32.const 0))",
    task: previous,
    code: 0,
    memory: bytes(3, 0, 0, 0),
  },
  {
    name: "read_previous_result, none",
    call: "(call $read_previous_result (i32.const 0) (i32.const 0))",
    code: 0,
  },
  {
    name: "read_previous_result",
    call: "(call $read_previous_result (i32.const 0) (i32.const 3))",
    task: previous,
    code: 0,
    memory: bytes(10, 11, 12),
  },
  {
    name: "read_previous_result, capacity < length",
    call: "(call $read_previous_result (i32.const 0) (i32.const 2))",
    task: previous,
    code: -11,
  },
  { name: "getrandom of nothing", call: "(call $getrandom (i32.const 0) (i32.const 0))", code: 0 },
];

for (const strategy of strategies) {
  for (const row of rows) {
    test(`${strategy}: ${row.name}`, () => {
      const { code, memory } = probed(run(strategy, { program: probe(row.call), ...row.task }));
      assert.is(code, row.code);
      const expected = filled(32);
      expected.set(row.memory ?? bytes(), row.at ?? 0);
      assert.equal([...memory], [...expected]);
    });
  }

  test(`${strategy}: getrandom fills exactly the range, and differs each time`, () => {
    const length = 700;
    const task = {
      program: probe(`(call $getrandom (i32.const 1) (i32.const ${length}))`, length + 2),
    };
    const first = probed(run(strategy, task));
    const second = probed(run(strategy, task));
    assert.is(first.code, 0);
    assert.is(first.memory[0], 0xaa);
    assert.is(first.memory[length + 1], 0xaa);
    const content = first.memory.subarray(1, length + 1);
    assert.not.equal([...content], [...second.memory.subarray(1, length + 1)]);
    // 700 random bytes hold about 239 distinct values; fewer than 180 has a chance below 2^-60.
    assert.ok(new Set(content).size >= 180);
  });

  test(`${strategy}: getrandom without a source is -7, once it fails, and leaves what it did not fill`, () => {
    let left = 2;
    const dry = new FreestandingEngine({
      random: (buffer) => {
        if (left-- === 0) throw new Error("no entropy");
        buffer.fill(0x55);
      },
    });
    const program = probe("(call $getrandom (i32.const 0) (i32.const 700))", 700);
    const { code, memory } = probed(dry.run({ program, strategy }));
    dry.free();
    assert.is(code, -7);
    assert.equal(new Set(memory.subarray(0, 512)), new Set([0x55]));
    assert.equal(new Set(memory.subarray(512)), new Set([0xaa]));
  });

  test(`${strategy}: a second write_output returns -6 and leaves the first result`, () => {
    const outcome = run(strategy, {
      program: mainProgram(`
        (i32.store8 (i32.const 0) (i32.const 7))
        (drop (call $write_output (i32.const 0) (i32.const 1)))
        (i32.store8 (i32.const 0) (i32.const 8))
        (i32.add (i32.const 6) (call $write_output (i32.const 0) (i32.const 1)))`),
    });
    assert.is(outcome.returnCode, 0, outcome.reason);
    assert.equal([...(outcome.result as Uint8Array)], [7]);
  });

  test(`${strategy}: a second write_output with a wild range traps all the same`, () => {
    const outcome = run(strategy, {
      program: mainProgram(`
        (drop (call $write_output (i32.const 0) (i32.const 1)))
        (call $write_output (i32.const 65535) (i32.const 2))`),
    });
    assert.is(outcome.status, "trap");
    assert.is(outcome.result, undefined);
  });

  test(`${strategy}: write_output of length 0 is an empty result`, () => {
    const outcome = run(strategy, {
      program: mainProgram("(call $write_output (i32.const 65536) (i32.const 0))"),
    });
    assert.is(outcome.returnCode, 0, outcome.reason);
    assert.is(outcome.result?.length, 0);
  });

  test(`${strategy}: the engine takes a copy of the result when it is written`, () => {
    const outcome = run(strategy, {
      program: mainProgram(`(local $code i32)
        (i32.store8 (i32.const 9) (i32.const 1))
        (local.set $code (call $write_output (i32.const 9) (i32.const 1)))
        (i32.store8 (i32.const 9) (i32.const 2))
        (local.get $code)`),
    });
    assert.equal([...(outcome.result as Uint8Array)], [1]);
  });

  for (const [what, pointer] of [
    ["one byte past the end", 65533],
    ["far outside", 0x7fffffff],
    ["the last address", -1],
  ] as const) {
    const wild: Record<string, string> = {
      input_count: `(i32.const ${pointer})`,
      input_size: `(i32.const 0) (i32.const ${pointer})`,
      read_input: `(i32.const 0) (i32.const ${pointer}) (i32.const 4)`,
      stream_count: `(i32.const ${pointer})`,
      stream_size: `(i32.const 0) (i32.const ${pointer})`,
      read_stream: `(i32.const 0) (i32.const ${pointer}) (i32.const 4)`,
      has_previous_result: `(i32.const ${pointer})`,
      previous_result_size: `(i32.const ${pointer})`,
      read_previous_result: `(i32.const ${pointer}) (i32.const 4)`,
      write_output: `(i32.const ${pointer}) (i32.const 4)`,
      getrandom: `(i32.const ${pointer}) (i32.const 4)`,
    };
    for (const name of hcallNames) {
      test(`${strategy}: ${name} with a pointer ${what} traps`, () => {
        const file = bytes(1, 2, 3, 4);
        const outcome = run(strategy, {
          program: mainProgram(`(call $${name} ${wild[name]})`),
          inputs: [file],
          streams: [file],
          previousResult: file,
        });
        assert.is(outcome.status, "trap");
        assert.match(outcome.reason ?? "", /range outside the program's memory/);
      });
    }
  }

  test(`${strategy}: write_output and getrandom of 4 GiB - 1 trap before anything is allocated`, () => {
    for (const name of ["write_output", "getrandom"]) {
      const outcome = run(strategy, {
        program: mainProgram(`(call $${name} (i32.const 0) (i32.const -1))`),
      });
      assert.is(outcome.status, "trap", name);
    }
  });

  test(`${strategy}: main may have two parameters, which are 0`, () => {
    const outcome = run(strategy, {
      program: program(`(func (export "main") (param i32 i32) (result i32)
        (i32.add (local.get 0) (i32.mul (local.get 1) (i32.const 3))))`),
    });
    assert.is(outcome.returnCode, 0, outcome.reason);
  });

  for (const code of [1, -1, -4, -11, -12, 2147483647, -2147483648]) {
    test(`${strategy}: main returning ${code} is a failure with its number and no result`, () => {
      const outcome = run(strategy, {
        program: mainProgram(
          `(drop (call $write_output (i32.const 0) (i32.const 4))) (i32.const ${code})`,
        ),
      });
      assert.is(outcome.status, "returned");
      assert.is(outcome.returnCode, code);
      assert.is(outcome.result, undefined);
      assert.match(outcome.reason ?? "", new RegExp(`returned ${code}\\b`));
    });
  }
}

test("every number of H-calls leaves the engine's memory as it was", () => {
  const many = mainProgram(`(local $i i32)
    (loop $again
      (drop (call $input_count (i32.const 0)))
      (drop (call $getrandom (i32.const 0) (i32.const 16)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $i) (i32.const 50000))))
    (i32.const 0)`);
  const small = new FreestandingEngine({ memoryLimit: 128 * 1024 });
  assert.is(small.run({ program: many }).returnCode, 0);
  small.free();
});

test.after(() => engine.free());
test.run();
