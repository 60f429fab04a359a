// The engine of the trusted runtime on an emulated Cortex-M, in two hosts: the example programs and
// programs that mean harm.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot, wasmPath } from "../../host/common/paths.js";
import { platformCodes } from "../../host/isolate/codes.js";
import { type DeviceTask, runOnDevice } from "../../host/mcu/device-engine.js";
import { missingTools } from "../../host/mcu/toolchain.js";
import { mainProgram, program, rawMain } from "../execution-engine/programs.js";
import { skip } from "../support/shared.js";
import { hostsInTurn } from "./rotation.js";

const folder = mkdtempSync(join(tmpdir(), "mcu-engine-"));

/** A file for the device. */
function file(name: string, content: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

interface Example {
  task: DeviceTask;
  expected: Buffer | undefined;
}

/** The first round of an example, with the data that its generator makes. */
function example(name: string, options: readonly string[] = []): Example {
  const data = join(folder, name);
  const generator = join(projectRoot, "build/js/examples/no_std", name, "generate.js");
  execFileSync(process.execPath, [generator, "--output-dir", data, ...options]);
  const files = (from: string, prefix: string) =>
    existsSync(from)
      ? readdirSync(from)
          .filter((each) => each.startsWith(prefix))
          .sort()
          .map((each) => join(from, each))
      : [];
  const expected = join(data, "expected-1");
  return {
    task: {
      program: wasmPath(`examples/${name}`),
      inputs: files(data, "input-"),
      streams: files(join(data, "round-1"), "stream-"),
    },
    expected: existsSync(expected) ? readFileSync(expected) : undefined,
  };
}

const strategies = ["Interpretation", "JIT"] as const;

const hosts = hostsInTurn();
const reason = missingTools();
if (reason) skip(3 * hosts.length * strategies.length, reason);
else {
  const seed = ["--seed", "device"];
  const examples = [
    example("shamir-secret-sharing", seed),
    example("linear-regression"),
    example("string-edit-distance", seed),
    example("private-set-intersection", seed),
    example("number-stream-accumulation", seed),
  ];
  const healthy = examples[0] as Example;

  const ways = hosts.flatMap((host) => strategies.map((strategy) => ({ host, strategy })));
  for (const { host, strategy } of ways) {
    const by = (task: DeviceTask): DeviceTask => ({ ...task, strategy });
    const way = `${host}, ${strategy}`;
    test(`${way}: examples give the results that their generators expect`, async () => {
      const outcomes = await runOnDevice({ host, tasks: examples.map(({ task }) => by(task)) });
      assert.is(outcomes.length, examples.length);
      for (const [index, { expected, task }] of examples.entries()) {
        assert.is(outcomes[index]?.returnCode, 0, task.program);
        assert.ok(expected, task.program);
        assert.equal(outcomes[index]?.result, expected, task.program);
      }
    });

    test(`${way}: programs that mean harm end with the right code, and the next one is right`, async () => {
      const hostile: [string, Uint8Array, Partial<DeviceTask>, number][] = [
        [
          "endless loop",
          mainProgram("(loop $l (br $l)) (i32.const 0)"),
          { fuel: 300_000n },
          platformCodes.TRAP_OUT_OF_FUEL,
        ],
        [
          "endless loop, deadline",
          mainProgram("(loop $l (br $l)) (i32.const 0)"),
          { deadlineMs: 100 },
          platformCodes.TRAP_DEADLINE,
        ],
        [
          "endless recursion",
          program(`(func $f (param i32) (result i32)
            (i32.add (call $f (i32.add (local.get 0) (i32.const 1))) (i32.const 1)))
            (func (export "main") (result i32) (call $f (i32.const 0)))`),
          { stackBytes: 65536 },
          platformCodes.TRAP_STACK_OVERFLOW,
        ],
        [
          "endless recursion with an H-call at every depth",
          program(`(func $f (param i32) (result i32)
            (drop (call $input_count (i32.const 0)))
            (i32.add (call $f (i32.add (local.get 0) (i32.const 1))) (i32.const 1)))
            (func (export "main") (result i32) (call $f (i32.const 0)))`),
          { stackBytes: 65536 },
          platformCodes.TRAP_STACK_OVERFLOW,
        ],
        [
          "long straight code in a loop, deadline",
          rawMain([
            ...[0x03, 0x40, 0x44, 0, 0, 0, 0, 0, 0, 0, 0x40],
            ...new Array(20_000).fill(0x9f), // f64.sqrt
            ...[0x1a, 0x0c, 0x00, 0x0b, 0x41, 0x00],
          ]),
          { deadlineMs: 100 },
          platformCodes.TRAP_DEADLINE,
        ],
        [
          "one H-call of more bytes than its fuel allows",
          mainProgram("(call $getrandom (i32.const 0) (i32.const 65536))"),
          { fuel: 255n },
          platformCodes.TRAP_OUT_OF_FUEL,
        ],
        [
          "wild pointer in an H-call",
          mainProgram("(call $write_output (i32.const 65535) (i32.const 2))"),
          {},
          platformCodes.E_BOUNDS,
        ],
        ["unreachable", mainProgram("unreachable"), {}, platformCodes.TRAP_UNREACHABLE],
        [
          "wild load",
          mainProgram("(i32.load (i32.const 0x7fffffff))"),
          {},
          platformCodes.TRAP_MEMORY_BOUNDS,
        ],
        [
          "division",
          mainProgram("(i32.div_u (i32.const 1) (i32.const 0))"),
          {},
          platformCodes.TRAP_DIVISION_BY_ZERO,
        ],
        [
          "too much memory",
          mainProgram("(i32.const 0)", "2"),
          { memoryBytes: 65536 },
          platformCodes.E_LIMIT,
        ],
        ["not a module", new Uint8Array(100), {}, platformCodes.E_MODULE],
      ];
      const tasks = hostile.flatMap(([name, bytes, limits]) => [
        by({ program: file(name.replaceAll(/\W/g, "-"), bytes), ...limits }),
        by(healthy.task),
      ]);
      const outcomes = await runOnDevice({ host, tasks });
      assert.is(outcomes.length, tasks.length);
      for (const [index, [name, , , code]] of hostile.entries()) {
        const outcome = outcomes[2 * index];
        assert.is.not(outcome?.status, 0, name);
        assert.is(outcome?.detail, code, name);
        assert.is(outcome?.result, undefined, name);
        assert.equal(outcomes[2 * index + 1]?.result, healthy.expected, `after: ${name}`);
      }
      // memory.grow beyond the limit answers -1, and the program goes on.
      const grow = mainProgram("(i32.add (memory.grow (i32.const 1)) (i32.const 1))");
      const [grown] = await runOnDevice({
        host,
        tasks: [by({ program: file("grow", grow), memoryBytes: 65536 })],
      });
      assert.is(grown?.status, 0);
      assert.is(grown?.returnCode, 0);
    });

    test(`${way}: ten computations in a row leave the heap as it was`, async () => {
      const outcomes = await runOnDevice({ host, tasks: Array(10).fill(by(healthy.task)) });
      for (const { result } of outcomes) assert.equal(result, healthy.expected);
      assert.is(outcomes.length, 10);
      assert.is(new Set(outcomes.slice(1).map(({ heapBytes }) => heapBytes)).size, 1);
      assert.is(outcomes[9]?.heapBytes, outcomes[1]?.heapBytes);
    });
  }
}
test.after(() => rmSync(folder, { recursive: true }));
test.run();
