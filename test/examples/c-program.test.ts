// Programs of another tool chain for the same ABI: C, compiled here by clang for wasm32, run unchanged.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { FreestandingEngine } from "../../host/freestanding-execution-engine/engine.js";
import { hcalls } from "../../host/isolate/hcalls.js";
import { canCompileC, compileC } from "../sdk/c-compiler.js";
import { shapeOf } from "../sdk/module-shape.js";
import { runOnNode } from "../support/hcalls.js";
import { skip } from "../support/shared.js";

const folder = mkdtempSync(join(tmpdir(), "veracruz-c-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

/** Compiles and links one file of test/examples/fixtures, with the flags of the SDK for C. */
const build = (name: string): Uint8Array =>
  compileC(join(folder, `${name}.wasm`), [`test/examples/fixtures/${name}.c`]);

const bytes = (...values: number[]) => Uint8Array.from(values);

/** Reads the report of all-calls.c. */
class Report {
  private offset = 0;
  constructor(private readonly report: Uint8Array) {}

  i32(): number {
    const view = new DataView(this.report.buffer, this.report.byteOffset + this.offset, 4);
    this.offset += 4;
    return view.getInt32(0, true);
  }

  bytes(count: number): number[] {
    this.offset += count;
    return Array.from(this.report.subarray(this.offset - count, this.offset));
  }

  get atEnd(): boolean {
    return this.offset === this.report.length;
  }
}

const marker = 0xee;

/** The part of the report on inputs or on streams. */
function checkFiles(
  report: Report,
  files: readonly Uint8Array[],
  badIndex: number,
  tooSmall: number,
): void {
  assert.is(report.i32(), 0);
  assert.is(report.i32(), files.length);
  for (const file of files) {
    assert.is(report.i32(), 0);
    assert.is(report.i32(), file.length);
    assert.is(report.i32(), 0);
    assert.equal(report.bytes(file.length + 2), [marker, ...file, marker]);
    if (file.length > 0) {
      assert.is(report.i32(), tooSmall);
      assert.equal(report.bytes(2), [marker, marker]);
    }
  }
  assert.equal([report.i32(), report.i32(), report.i32()], [badIndex, badIndex, badIndex]);
}

function checkReport(
  output: Uint8Array | undefined,
  task: {
    inputs: readonly Uint8Array[];
    streams: readonly Uint8Array[];
    previousResult?: Uint8Array;
  },
): void {
  assert.ok(output);
  const report = new Report(output);
  assert.equal([report.i32(), report.i32()], [0, 0], "main is called with 0, 0");
  checkFiles(report, task.inputs, -4, -3);
  checkFiles(report, task.streams, -10, -9);
  const previous = task.previousResult ?? bytes();
  assert.equal([report.i32(), report.i32()], [0, task.previousResult === undefined ? 0 : 1]);
  assert.equal([report.i32(), report.i32()], [0, previous.length]);
  assert.is(report.i32(), 0);
  assert.equal(report.bytes(previous.length + 2), [marker, ...previous, marker]);
  if (previous.length > 0) assert.is(report.i32(), -11);
  assert.equal([report.i32(), report.i32(), report.i32()], [0, 1, 0], "getrandom");
  assert.ok(report.atEnd);
}

if (canCompileC) {
  const engine = new FreestandingEngine();
  test.after(() => engine.free());

  test("a C program makes every H-call and gets what the ABI says", () => {
    const program = build("all-calls");
    assert.equal(shapeOf(program).imports, hcalls.map(({ name }) => `env.${name}`).sort());
    for (const task of [
      { inputs: [], streams: [] },
      {
        inputs: [bytes(1, 2, 3), bytes(), bytes(255)],
        streams: [bytes(4, 5)],
        previousResult: bytes(6, 7, 8, 9),
      },
      { inputs: [bytes()], streams: [bytes(), bytes(1)], previousResult: bytes() },
    ]) {
      const node = runOnNode(program, task);
      assert.is(node.trap, undefined);
      assert.is(node.code, 0);
      checkReport(node.output, task);
      for (const strategy of ["interp", "jit"] as const) {
        const outcome = engine.run({ program, ...task, strategy });
        assert.is(outcome.reason, undefined, strategy);
        assert.is(outcome.returnCode, 0, strategy);
        checkReport(outcome.result, task);
      }
    }
  });

  test("a C program may read to the end of its memory, and traps one byte further", () => {
    const program = build("wild-pointer");
    const inputs = [bytes(1, 2, 3)];
    const node = runOnNode(program, { inputs });
    assert.match(node.trap ?? "no trap", /^range/);
    assert.equal(node.output, inputs[0]);
    for (const strategy of ["interp", "jit"] as const) {
      const outcome = engine.run({ program, inputs, strategy });
      assert.is(outcome.status, "trap", strategy);
      assert.is(outcome.result, undefined, "a run that traps releases nothing");
    }
  });
} else {
  skip(2, "clang or wasm-ld is missing (Debian packages clang and lld)");
}

test.run();
