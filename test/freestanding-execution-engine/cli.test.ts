// The command vc-fee, as a user calls it.
import { type SpawnSyncReturns, spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot, wasmPath } from "../../host/common/paths.js";
import { mainProgram } from "../execution-engine/programs.js";
import { exampleData } from "../support/example-data.js";

const folder = mkdtempSync(join(tmpdir(), "vc-fee-test-"));
const cli = join(projectRoot, "build/js/host/freestanding-execution-engine/cli.js");

function fee(...args: string[]): SpawnSyncReturns<string> {
  return spawnSync(process.execPath, [cli, ...args], { encoding: "utf8", cwd: folder });
}

function file(name: string, content: Uint8Array | string): string {
  writeFileSync(join(folder, name), content);
  return name;
}

const data = exampleData("string-edit-distance");
file("input-0", data["input-0"] as Uint8Array);
file("input-1", data["input-1"] as Uint8Array);
const distance = wasmPath("examples/string-edit-distance");
const inputs = ["--data", "input-0", "--data", "input-1"];

test("runs a program on inputs and says what came of it", () => {
  const run = fee("--program", distance, ...inputs, "--time");
  assert.is(run.status, 0, run.stderr);
  assert.is(run.stderr, "");
  const expected = Buffer.from(data["expected-1"] as Uint8Array).toString("hex");
  assert.match(run.stdout, /^return code: 0$/m);
  assert.match(run.stdout, new RegExp(`^result \\(8 bytes\\): ${expected}$`, "m"));
  assert.match(run.stdout, /^fuel used: \d+$/m);
  assert.match(run.stdout, /^peak memory: \d+ bytes$/m);
  assert.match(run.stdout, /^time: [\d.]+ ms$/m);
});

test("jit gives the same result for the same fuel, and counts none where none is bounded", () => {
  const jit = (...more: string[]) =>
    fee("--program", distance, ...inputs, "--execution-strategy", "jit", ...more);
  const run = jit();
  assert.is(run.status, 0, run.stderr);
  assert.match(
    run.stdout,
    new RegExp(Buffer.from(data["expected-1"] as Uint8Array).toString("hex")),
  );
  const [used = ""] = /^fuel used: \d+$/m.exec(fee("--program", distance, ...inputs).stdout) ?? [];
  assert.match(run.stdout, new RegExp(`^${used}$`, "m"));
  assert.match(jit("--fuel", "0").stdout, /^fuel used: not counted$/m);
  const short = jit("--fuel", "5");
  assert.is(short.status, 4, short.stderr);
  assert.match(short.stderr + short.stdout, /out of fuel/);
});

test("the order of --data is the order of the inputs; --stream and --previous-result reach the program", () => {
  const numbers = exampleData("number-stream-accumulation");
  file("n", numbers["input-0"] as Uint8Array);
  file("s0", numbers["round-1/stream-0"] as Uint8Array);
  file("s1", numbers["round-1/stream-1"] as Uint8Array);
  file("t0", numbers["round-2/stream-0"] as Uint8Array);
  file("t1", numbers["round-2/stream-1"] as Uint8Array);
  const program = ["--program", wasmPath("examples/number-stream-accumulation"), "--data", "n"];
  const first = fee(...program, "--stream", "s0", "--stream", "s1", "--output", "r1");
  assert.is(first.status, 0, first.stderr);
  assert.equal(readFileSync(join(folder, "r1")), Buffer.from(numbers["expected-1"] as Uint8Array));
  const second = fee(
    ...program,
    "--stream",
    "t0",
    "--stream",
    "t1",
    "--previous-result",
    "r1",
    "--output",
    "-",
  );
  assert.is(second.status, 0, second.stderr);
  assert.match(second.stderr, /return code: 0/);
  const raw = spawnSync(
    process.execPath,
    [
      cli,
      ...program,
      "--stream",
      "t0",
      "--stream",
      "t1",
      "--previous-result",
      "r1",
      "--output",
      "-",
    ],
    { cwd: folder },
  );
  assert.equal(raw.stdout, Buffer.from(numbers["expected-2"] as Uint8Array));
});

test("--json prints one object", () => {
  const run = fee("--program", distance, ...inputs, "--json");
  const report = JSON.parse(run.stdout);
  assert.is(report.status, "returned");
  assert.is(report.returnCode, 0);
  assert.is(report.reason, null);
  assert.is(report.resultBytes, 8);
  assert.is(report.result, Buffer.from(data["expected-1"] as Uint8Array).toString("hex"));
  assert.ok(report.fuel > 1000 && report.peakMemoryBytes >= 65536 && report.timeMs > 0);

  const trap = JSON.parse(
    fee("--program", file("t.wasm", mainProgram("unreachable")), "--json").stdout,
  );
  assert.equal([trap.status, trap.returnCode, trap.reason], ["trap", null, "unreachable executed"]);
  assert.equal(trap.callers, [{ index: 11, name: null }]);
  assert.match(
    fee("--program", file("t.wasm", mainProgram("unreachable"))).stderr,
    /^vc-fee: unreachable executed\n {2}in function 11\n {2}\(names come from/,
  );
  const refused = JSON.parse(fee("--program", file("r.wasm", "no module"), "--json").stdout);
  assert.equal([refused.status, refused.resultBytes], ["refused", null]);
});

test("--output-format shows text as text, and anything as hex", () => {
  const program = file(
    "text.wasm",
    mainProgram(`
      (i32.store (i32.const 0) (i32.const 0x21696821))
      (call $write_output (i32.const 0) (i32.const 4))`),
  );
  assert.match(fee("--program", program).stdout, /result \(4 bytes\): !hi!/);
  assert.match(
    fee("--program", program, "--output-format", "hex").stdout,
    /result \(4 bytes\): 21686921/,
  );
});

test("exit codes tell failures apart", () => {
  const code = (instructions: string, ...args: string[]) =>
    fee("--program", file("p.wasm", mainProgram(instructions)), ...args).status;
  assert.is(code("(i32.const 0)"), 0);
  assert.is(code("(i32.const -1)"), 1);
  assert.is(code("unreachable"), 4);
  assert.is(code("(loop $l (br $l)) (i32.const 0)", "--fuel", "1000"), 4);
  assert.is(code("(loop $l (br $l)) (i32.const 0)", "--fuel", "0", "--deadline", "100"), 4);
  assert.is(fee("--program", file("bad.wasm", "x")).status, 3);
});

test("limits reach the engine", () => {
  const grow = file(
    "grow.wasm",
    mainProgram("(i32.add (i32.const 1) (memory.grow (i32.const 15)))"),
  );
  assert.is(fee("--program", grow, "--memory", "15 * 65536").status, 2);
  assert.is(fee("--program", grow, "--memory", "960KiB").status, 0);
  assert.is(fee("--program", grow, "--memory", "1MiB").status, 1);
  const out = file("out.wasm", mainProgram("(call $write_output (i32.const 0) (i32.const 100))"));
  assert.is(fee("--program", out, "--max-output", "99").status, 4);
  assert.is(fee("--program", out, "--max-output", "100").status, 0);
});

for (const [name, args, message] of [
  ["no program", [], /required option .*--program/],
  [
    "a program that is not there",
    ["--program", "none.wasm"],
    /cannot read the program "none.wasm": no such file/,
  ],
  [
    "a folder as data",
    ["--program", distance, "--data", "."],
    /data file of input 0.*it is a folder/,
  ],
  ["an unknown option", ["--program", distance, "--colour"], /unknown option '--colour'/],
  [
    "an unknown strategy",
    ["--program", distance, "--execution-strategy", "llvm"],
    /Allowed choices are interp, jit/,
  ],
  ["fuel that is no number", ["--program", distance, "--fuel", "lots"], /whole number/],
  [
    "a size with an unknown unit",
    ["--program", distance, "--memory", "5 parsecs"],
    /such as 65536, 64KiB/,
  ],
  ["a stack of a byte", ["--program", distance, "--stack", "1"], /at least 1024 bytes/],
  ["standard input twice", ["--program", "-", "--data", "-"], /input 0 "-".*only once/],
  [
    "two things on standard output",
    ["--program", distance, ...inputs, "--output", "-", "--json"],
    /--json is for standard output, too/,
  ],
  [
    "an output that is a folder",
    ["--program", distance, ...inputs, "--output", "."],
    /cannot write the result ".": it is a folder/,
  ],
  [
    "an output device that is full",
    ["--program", distance, ...inputs, "--output", "/dev/full"],
    /cannot write the result "\/dev\/full": no space left/,
  ],
  [
    "an output that cannot be written",
    ["--program", distance, ...inputs, "--output", "no/such/folder"],
    /cannot write the result/,
  ],
] as const) {
  test(`wrong arguments get one clear line and exit code 2: ${name}`, () => {
    const run = fee(...args);
    assert.is(run.status, 2, run.stdout + run.stderr);
    assert.match(run.stderr, message);
    assert.not.match(run.stderr, /\n\s+at /);
  });
}

test("a result replaces a file in whole, and keeps its mode and a link to it", () => {
  file("kept", "before");
  chmodSync(join(folder, "kept"), 0o640);
  symlinkSync("kept", join(folder, "link"));
  const { ino } = statSync(join(folder, "kept"));
  assert.is(fee("--program", distance, ...inputs, "--output", "link").status, 0);
  assert.ok(lstatSync(join(folder, "link")).isSymbolicLink());
  const { mode, ino: renamed } = statSync(join(folder, "kept"));
  assert.is(mode & 0o777, 0o640);
  // Another file under the same name: whoever reads the old one sees no half of the new.
  assert.is.not(renamed, ino);
  assert.equal(readFileSync(join(folder, "kept")), Buffer.from(data["expected-1"] as Uint8Array));
  assert.equal(
    readdirSync(folder).filter((name) => name.endsWith(".new")),
    [],
  );
});

test("a reader who is gone changes no exit code", async () => {
  const loop = file("endless.wasm", mainProgram("(loop $l (br $l)) (i32.const 0)"));
  for (const [args, code] of [
    [["--program", distance, ...inputs, "--json"], 0],
    [["--program", distance, ...inputs, "--output", "-"], 0],
    [["--program", loop, "--fuel", "1000", "--json"], 4],
  ] as const) {
    const child = spawn(process.execPath, [cli, ...args], { cwd: folder, stdio: "pipe" });
    child.stdout.destroy();
    const ended = new Promise((done) => child.once("close", done));
    let errors = "";
    child.stderr.on("data", (chunk: Buffer) => {
      errors += chunk.toString();
    });
    assert.is(await ended, code, errors);
    assert.not.match(errors, /EPIPE/);
  }
});

test("--help names every option and the exit codes", () => {
  const { status, stdout } = fee("--help");
  assert.is(status, 0);
  for (const option of [
    "--program",
    "--data",
    "--stream",
    "--previous-result",
    "--output",
    "--execution-strategy",
    "--time",
    "--json",
    "--fuel",
    "--deadline",
    "--memory",
    "--stack",
    "--max-output",
  ]) {
    assert.match(stdout, option);
  }
  assert.match(stdout, /Exit codes/);
});

test("an import that the ABI does not offer is named, with a hint", () => {
  const run = fee(
    "--program",
    file(
      "abort.wasm",
      Buffer.from(
        "0061736d0100000001080260017f0060000002" +
          "0d0103656e760561626f7274000003020101050301000107110206" +
          "6d656d6f72790200046d61696e00010a040102000b",
        "hex",
      ),
    ),
  );
  assert.is(run.status, 3);
  assert.match(run.stderr, /env\.abort|abort/);
});

test.after(() => rmSync(folder, { recursive: true, force: true }));
test.run();
