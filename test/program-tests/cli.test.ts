// The command vc-test, as a user calls it: it finds what is as expected, and what is not.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot, wasmPath } from "../../host/common/paths.js";
import { systemTool } from "../../host/common/system-tools.js";
import { FreestandingEngine } from "../../host/freestanding-execution-engine/engine.js";
import { mainProgram } from "../execution-engine/programs.js";
import { exampleProgram, exampleRounds } from "../support/example-data.js";
import { skip } from "../support/shared.js";

const folder = mkdtempSync(join(tmpdir(), "vc-test-test-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));
const cli = join(projectRoot, "build/js/host/program-tests/cli.js");

function run(...args: string[]) {
  return spawnSync(process.execPath, [cli, ...args], { encoding: "utf8", cwd: folder });
}

function file(name: string, content: string | object | Uint8Array): string {
  const plain = typeof content === "string" || content instanceof Uint8Array;
  writeFileSync(join(folder, name), plain ? content : JSON.stringify(content));
  return name;
}

const distance = {
  program: wasmPath("examples/string-edit-distance"),
  schema: "string",
  cases: [
    {
      name: "kitten",
      inputs: [{ value: "kitten" }, { value: "sitting" }],
      output: { value: 3, type: "u64" },
    },
    { name: "malformed", inputs: [{ hex: "01ff" }, { hex: "00" }], code: -4 },
    { name: "alone", inputs: [{ text: "\u0000" }], code: -2 },
  ],
};

test("cases that are as expected pass, on interp and jit", () => {
  const { status, stdout, stderr } = run(file("good.json", distance));
  assert.is(stderr, "");
  assert.is(stdout, "6 passed, 0 failed\n");
  assert.is(status, 0);
});

file("trap.wasm", mainProgram("(unreachable)"));
file("random.wasm", exampleProgram("random-source"));

test("what is not as expected fails, in words, and each kind of expectation can fail", () => {
  const [kitten] = distance.cases;
  for (const [what, changes, expected] of [
    ["output", { output: { value: 4, type: "u64" } }, /expected the output 4, found 3/],
    ["code", { code: -1, output: undefined }, /expected code -1, it returned 0/],
    ["trap", { trap: true, output: undefined }, /expected a trap, it returned 0/],
    ["fuel", { fuel: 5 }, /expected at most 5 units of fuel, it used \d+/],
    ["memory", { memory: "1KiB" }, /expected at most 1024 bytes of memory, it had 65536/],
  ] as [string, object, RegExp][]) {
    const cases = [{ ...kitten, ...changes }];
    const { status, stdout } = run(file("bad.json", { ...distance, cases }), "--on", "interp");
    assert.is(status, 1, what);
    assert.match(stdout, expected);
    assert.match(stdout, /^FAIL bad\.json: kitten \(interp\)$/m);
  }
  const traps = (trap: unknown) =>
    run(file("t.json", { program: "trap.wasm", cases: [{ trap }] }), "--on", "jit");
  assert.is(traps(true).status, 0);
  assert.is(traps("unreachable").status, 0);
  assert.match(traps("division").stdout, /expected a trap with "division": unreachable executed/);
  const code = run(file("t.json", { program: "trap.wasm", cases: [{}] }), "--on", "jit");
  assert.match(code.stdout, /it trapped: unreachable executed/);
});

test("YAML, a module, TAP, seeds and filters", () => {
  const [first, second] = [0, 1].map(() => {
    const engine = new FreestandingEngine();
    engine.free();
    return run(
      file("seed.yaml", "program: random.wasm\ncases:\n  - seed: 7\n    output: { hex: '' }\n"),
      "--on",
      "jit",
    ).stdout;
  });
  assert.match(first as string, /found [\da-f]{64}/);
  assert.is(first, second);
  file("module.mjs", `export default ${JSON.stringify(distance)};`);
  const tap = run("module.mjs", "--tap", "--on", "jit", "--filter", "alone");
  assert.is(tap.stdout, "TAP version 14\nok 1 - alone (jit)\n1..1\n");
  assert.match(run("module.mjs", "--filter", "nobody").stderr, /no case has such a name/);
});

test("errors say where in the file what was expected", () => {
  for (const [content, expected] of [
    [{ program: "x.wasm", cases: [] }, /there are no cases/],
    [{ program: "x.wasm", cases: [{}] }, /cannot read the program/],
    [{ ...distance, extra: 1 }, /there is no "extra"; there are program/],
    [{ ...distance, cases: [{ input: [] }] }, /cases\[0\]: there is no "input"/],
    [
      { ...distance, cases: [{ inputs: [{ value: 5 }] }] },
      /cases\[0\]\.inputs\[0\]: value: expected a string, found 5/,
    ],
    [
      { ...distance, cases: [{ inputs: [{ hex: "0" }] }] },
      /inputs\[0\]\.hex: expected hexadecimal/,
    ],
    [
      { ...distance, cases: [{ trap: true, code: 1 }] },
      /a run that traps has neither code nor output/,
    ],
    [{ ...distance, schema: "strin" }, /no type "strin"/],
  ] as [object, RegExp][]) {
    const { status, stderr } = run(file("wrong.json", content));
    assert.is(status, 2, stderr);
    assert.match(stderr, expected);
  }
  assert.match(run(file("wrong.yaml", "cases: [")).stderr, /wrong\.yaml: /);
  assert.match(run("none.yaml").stderr, /no such file/);
  assert.match(
    run(file("t.json", distance), "--on", "moon").stderr,
    /there are interp, jit, mps2-an385/,
  );
});

test("on Node.js alone, without the interpreter, every example gives the same result", () => {
  const engine = new FreestandingEngine({ interpreter: false });
  for (const name of [
    "string-edit-distance",
    "private-set-intersection",
    "linear-regression",
  ] as const) {
    const [{ inputs, expected }] = exampleRounds(name);
    const outcome = engine.run({ program: exampleProgram(name), inputs });
    assert.is(outcome.reason, undefined, name);
    assert.equal(outcome.result, expected, name);
  }
  assert.is(engine.run({ program: mainProgram("(unreachable)") }).reason, "unreachable executed");
  assert.match(engine.run({ program: Uint8Array.of(1) }).reason ?? "", /module refused at byte/);
  engine.free();
});

const cross = ["arm-none-eabi-gcc", "qemu-system-arm"].filter(
  (tool) => systemTool(tool) === undefined,
);
if (cross.length > 0) skip(1, `a board needs ${cross.join(", ")}: apt-get install them`);
else
  test("the same cases pass and fail on an emulated board", () => {
    const good = run(file("good.json", distance), "--on", "mps2-an505");
    assert.is(good.stdout, "3 passed, 0 failed\n", good.stderr);
    const [kitten] = distance.cases;
    const cases = [{ ...kitten, output: { value: 4, type: "u64" } }];
    const bad = run(file("bad.json", { ...distance, cases }), "--on", "mps2-an505");
    assert.match(bad.stdout, /expected the output 4, found 3/);
  });

test.run();
