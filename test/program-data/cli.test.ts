// The command vc-data, as a user calls it: JSON, CSV, NumPy and WAV files in and out.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot, wasmPath } from "../../host/common/paths.js";
import { ClassicWriter } from "../../host/program-data/classic-encoding.js";
import { formatCsv, parseCsv } from "../../host/program-data/csv.js";
import { parseSchema } from "../../host/program-data/schema.js";
import { valueFromWav, wavFromValue } from "../../host/program-data/wav.js";
import { skip } from "../support/shared.js";

const folder = mkdtempSync(join(tmpdir(), "vc-data-test-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));
const cli = join(projectRoot, "build/js/host/program-data/cli.js");
const fee = join(projectRoot, "build/js/host/freestanding-execution-engine/cli.js");

function run(script: string, ...args: string[]) {
  return spawnSync(process.execPath, [script, ...args], { encoding: "utf8", cwd: folder });
}
const data = (...args: string[]) => run(cli, ...args);
const read = (name: string) => readFileSync(join(folder, name));

function file(name: string, content: Uint8Array | string | object): string {
  const text = typeof content === "string" || content instanceof Uint8Array;
  writeFileSync(join(folder, name), text ? content : JSON.stringify(content));
  return name;
}

const points = new ClassicWriter().varint(2).f64(1).f64(2.5).f64(3).f64(4).bytes;
file("points.json", { sequence: { struct: { x: "f64", y: "f64" } } });
file("pair.json", { tuple: ["f64", "f64"] });

test("CSV with named columns in any order becomes a sequence of structs, and comes back", () => {
  file("p.csv", 'y,x\n2.5,1\n"4",3\n');
  const encoded = data("encode", "--schema", "points.json", "p.csv", "--output", "input-0");
  assert.is(encoded.status, 0, encoded.stderr);
  assert.equal(new Uint8Array(read("input-0")), points);
  const decoded = data("decode", "--schema", "points.json", "input-0", "--output", "back.csv");
  assert.is(decoded.status, 0, decoded.stderr);
  assert.is(read("back.csv").toString(), "x,y\r\n1,2.5\r\n3,4\r\n");
});

test("a program runs on encoded JSON, and its result is shown as values", () => {
  file("p.json", [
    { x: 1, y: 3 },
    { x: 2, y: 5 },
  ]);
  assert.is(data("encode", "--schema", "points.json", "p.json", "-o", "in").status, 0);
  const program = ["--program", wasmPath("examples/linear-regression"), "--data", "in"];
  const shown = run(fee, ...program, "--schema", "pair.json", "--output-format", "json");
  assert.is(shown.status, 0, shown.stderr);
  assert.match(shown.stdout, /^result \(16 bytes\): \[2,1\]$/m);
  const report = run(fee, ...program, "--schema", "pair.json", "--json");
  assert.equal(JSON.parse(report.stdout).value, [2, 1]);
  const written = run(
    fee,
    ...program,
    "--schema",
    "pair.json",
    "--output-format",
    "json",
    "-o",
    "-",
  );
  assert.equal(JSON.parse(written.stdout), [2, 1]);
  file("three.json", { tuple: ["f64", "f64", "f64"] });
  const wrong = run(fee, ...program, "--schema", "three.json");
  assert.is(wrong.status, 2);
  assert.match(
    wrong.stderr,
    /the result: byte 16, value\[2\]: expected f64: 8 bytes expected at byte 16, 0 found/,
  );
  assert.match(run(fee, ...program, "--output-format", "json").stderr, /needs --schema/);
  file("one.json", { tuple: ["f64"] });
  assert.match(run(fee, ...program, "--schema", "one.json").stderr, /8 bytes follow the value/);
});

test("describe says what a schema means, and what each byte stands for", () => {
  assert.match(
    data("describe", "--schema", "points.json").stdout,
    /^value: Vec<\{ x: f64, y: f64 \}>$/m,
  );
  file("enc", points);
  const lines = data("describe", "--schema", "points.json", "enc").stdout.split("\n");
  assert.match(lines[2] ?? "", /^ {7}9 {2}0000000000000440 {3}value\[0\]\.y {2}f64 = 2.5$/);
});

test("errors name file, place and what was expected", () => {
  for (const [args, expected] of [
    [
      ["encode", "--schema", "none.json", "p.csv"],
      /cannot read the schema "none.json": no such file/,
    ],
    [
      ["encode", "--schema", file("bad.json", { list: 1 }), "p.csv"],
      /the schema "bad.json": schema: expected an object with one of/,
    ],
    [
      ["encode", "--schema", "points.json", file("q.csv", "x,z\n1,2\n")],
      /"q.csv": line 1: there is no column "y"/,
    ],
    [
      ["encode", "--schema", "points.json", file("r.csv", "x,y\n1,two\n")],
      /record 2, field y: expected f64, found "two"/,
    ],
    [
      ["encode", "--schema", "points.json", file("s.csv", 'x,y\n1,"2\n')],
      /line 2: the quoted field is not closed/,
    ],
    [["encode", "--schema", "points.json", file("t.npy", "x")], /this is no \.npy file/],
    [["encode", "--schema", "points.json", file("u.wav", "x")], /this is no WAV file/],
    [
      ["decode", "--schema", "points.json", file("v", new Uint8Array([5]))],
      /byte 0, value: expected the count/,
    ],
  ] as [string[], RegExp][]) {
    const { status, stderr } = data(...args);
    assert.is(status, 2, stderr);
    assert.match(stderr, expected);
  }
});

test("CSV is read as RFC 4180 has it", () => {
  const records = [
    ["a", "b,c", 'd"e'],
    ["", "x\r\ny", "é"],
    ["1", "2", ""],
  ];
  assert.equal(parseCsv(formatCsv(records)), records);
  assert.equal(parseCsv("a,b\nc,\n"), [
    ["a", "b"],
    ["c", ""],
  ]);
  assert.equal(parseCsv("a,b"), [["a", "b"]]);
  assert.equal(parseCsv("\ufeffa\r\nb"), [["a"], ["b"]]);
  assert.equal(parseCsv(""), []);
  for (const bad of ['a"b', '"a"b', '"a', "a\rb"]) assert.throws(() => parseCsv(bad));
});

test("recordings keep their samples", () => {
  const whole = parseSchema({ sequence: "i16" });
  const samples = [0, 1, -32768, 32767, 5];
  assert.equal(valueFromWav(whole, wavFromValue(whole, samples, 8000)), samples);
  const stereo = parseSchema({ sequence: { array: "f32", length: 2 } });
  const frames = [
    [0.5, -0.5],
    [1, 0],
  ];
  assert.equal(valueFromWav(stereo, wavFromValue(stereo, frames, 8000)), frames);
  assert.equal(
    valueFromWav(parseSchema({ sequence: "f64" }), wavFromValue(whole, [16384], 8000)),
    [0.5],
  );
  assert.throws(
    () => valueFromWav(parseSchema({ sequence: "f32" }), wavFromValue(stereo, frames, 1)),
    /2 channels/,
  );
});

const numpy =
  spawnSync("/usr/bin/python3", ["-c", "import numpy"], { stdio: "ignore" }).status === 0;
if (!numpy) skip(1, "NumPy is missing (Debian package python3-numpy)");
else
  test("arrays go to and fro with NumPy, of both orders and ends", () => {
    file("matrix.json", { sequence: { sequence: "f64" } });
    file("whole.json", { sequence: "i32" });
    const python = (code: string) => {
      const { status, stderr, stdout } = spawnSync(
        "/usr/bin/python3",
        ["-c", `import numpy as n\n${code}`],
        {
          cwd: folder,
          encoding: "utf8",
        },
      );
      assert.is(status, 0, stderr);
      return stdout;
    };
    python(
      "a = n.arange(6.0).reshape(2, 3)\nn.save('c.npy', a)\nn.save('f.npy', n.asfortranarray(a))\nn.save('b.npy', a.astype('>f8'))\nn.save('i.npy', n.array([-1, 7], dtype='<i4'))",
    );
    const expected = new ClassicWriter()
      .varint(2)
      .varint(3)
      .f64(0)
      .f64(1)
      .f64(2)
      .varint(3)
      .f64(3)
      .f64(4)
      .f64(5).bytes;
    for (const name of ["c.npy", "f.npy", "b.npy"]) {
      assert.is(data("encode", "--schema", "matrix.json", name, "-o", "m").status, 0);
      assert.equal(new Uint8Array(read("m")), expected, name);
    }
    assert.is(data("decode", "--schema", "matrix.json", "m", "-o", "back.npy").status, 0);
    assert.match(
      python("a = n.load('back.npy')\nprint(a.dtype, a.tolist())"),
      /float64 \[\[0.0, 1.0, 2.0\], \[3/,
    );
    assert.is(data("encode", "--schema", "whole.json", "i.npy", "-o", "m").status, 0);
    assert.is(read("m").toString("hex"), "02ffffffff07000000");
    assert.is(data("decode", "--schema", "whole.json", "m", "-o", "back.npy").status, 0);
    assert.match(python("a = n.load('back.npy')\nprint(a.dtype, a.tolist())"), /int32 \[-1, 7\]/);
  });

test.run();
