// The SDK as an author uses it whose project is elsewhere: one command with the target
// `wasm32-arm-veracruz`, from a folder where the package is linked, and from one where it is installed.
import { spawn, spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../../host/common/paths.js";
import { ClassicWriter } from "../../host/program-data/classic-encoding.js";
import { numberNames, parseSchema } from "../../host/program-data/schema.js";
import { encodeValue } from "../../host/program-data/values.js";
import { runOnNode } from "../support/hcalls.js";
import { compilerCommand, loadCompiler } from "../support/quick-compiler.js";
import { shapeOf } from "./module-shape.js";

const [node, ...compiler] = compilerCommand;
const { default: asc } = await loadCompiler();

/** An author's program: a class of its own in and out, a variable that main must find initialised. */
const greeting = `
import { Codec, decodeInput, encodeOutput, fail, ReturnCode, requireInputs } from "veracruz-mcu/assembly/sdk";

const weights = new StaticArray<f64>(2);
weights[0] = 0.5;
weights[1] = 0.25;

class Reading {
  sensor: string = "";
  celsius: Array<f64> = [];

  fields(codec: Codec): void {
    this.sensor = codec.of(this.sensor);
    this.celsius = codec.of(this.celsius);
  }
}

export function main(): i32 {
  const count = requireInputs(1);
  if (count !== ReturnCode.Success) return fail(count);
  const reading = decodeInput<Reading>(0);
  if (reading.failed) return fail(reading.code);
  let sum: f64 = 0;
  for (let i = 0; i < min(2, reading.value.celsius.length); i++) {
    sum += weights[i] * reading.value.celsius[i];
  }
  return encodeOutput<f64>(sum);
}
`;

const folder = mkdtempSync(join(tmpdir(), "veracruz-author-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

/** A new project; its node_modules holds the package as `place` puts it there. */
function project(name: string, place: (packagePath: string) => void): string {
  const path = join(folder, name);
  mkdirSync(join(path, "node_modules"), { recursive: true });
  place(join(path, "node_modules/veracruz-mcu"));
  return path;
}

const linked = project("linked", (path) => symlinkSync(projectRoot, path));
const installed = project("installed", (path) => {
  mkdirSync(path);
  for (const part of ["package.json", "asconfig.json", "assembly/sdk"]) {
    cpSync(join(projectRoot, part), join(path, part), { recursive: true });
  }
});

interface Compiled {
  /** What the compiler printed. */
  messages: string;
  module: Uint8Array | undefined;
}

const target = ["--target", "wasm32-arm-veracruz"];

/** Compiles a program in a project's folder, by the compiler's command. */
async function command(path: string, options: readonly string[]): Promise<Compiled> {
  writeFileSync(join(path, "program.ts"), greeting);
  const child = spawn(
    node,
    [...compiler, "program.ts", ...target, "--outFile", "program.wasm", ...options],
    { cwd: path, stdio: ["ignore", "pipe", "pipe"] },
  );
  let messages = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      messages += chunk.toString();
    });
  }
  const code = await new Promise<number | null>((done) => child.on("close", done));
  const module = code === 0 ? readFileSync(join(path, "program.wasm")) : undefined;
  return { messages, module };
}

/** Compiles a program of no files in the linked project, in this process, where it takes less time. */
async function compileHere(source: string): Promise<Compiled> {
  let module: Uint8Array | undefined;
  const options = ["--baseDir", linked, ...fromPackage, ...target, "--outFile", "program.wasm"];
  const { error, stderr } = await asc.main(["program.ts", ...options], {
    readFile: (name, folder) => {
      if (name === "program.ts") return source;
      const path = join(folder, name);
      return existsSync(path) ? readFileSync(path, "utf8") : null;
    },
    writeFile: (_name, contents) => {
      module = contents as Uint8Array;
    },
  });
  return { messages: stderr.toString(), module: error === null ? module : undefined };
}

const fromPackage = ["--config", "node_modules/veracruz-mcu/asconfig.json"];

/** Fails unless the module is a program that does what `greeting` says. */
function assertProgram({ messages, module }: Compiled): void {
  assert.ok(module, messages);
  assert.equal(shapeOf(module), {
    imports: [
      "env.__veracruz_hcall_input_count",
      "env.__veracruz_hcall_input_size",
      "env.__veracruz_hcall_read_input",
      "env.__veracruz_hcall_write_output",
    ],
    exports: ["function main", "memory memory"],
    hasStart: false,
    refusedInstructions: [],
  });
  const reading = Buffer.from("0161020000000000003440000000000000f03f", "hex");
  const { code, output } = runOnNode(module, { inputs: [reading] });
  assert.is(code, 0);
  assert.is(Buffer.from(output ?? []).readDoubleLE(), 0.5 * 20 + 0.25 * 1);
  assert.is(runOnNode(module, { inputs: [reading.subarray(0, 9)] }).code, -4);
  assert.is(runOnNode(module, {}).code, -2);
}

test("one command in a project where the package is linked", async () => {
  assertProgram(await command(linked, fromPackage));
});

test("one command in a project where the package is installed, whose asconfig.json extends its", async () => {
  writeFileSync(join(installed, "asconfig.json"), '{ "extends": "veracruz-mcu/asconfig.json" }');
  assertProgram(await command(installed, []));
});

test("the README's program compiles and does what it says", async () => {
  const readme = readFileSync(join(projectRoot, "assembly/sdk/README.md"), "utf8");
  const [, source] = /```ts\n([\s\S]*?)```/.exec(readme) ?? [];
  const { messages, module } = await compileHere(source ?? "");
  assert.ok(module, messages);
  const reading = (...celsius: number[]) =>
    new ClassicWriter().string("sensor").sequence(celsius, (value, writer) => writer.f64(value))
      .bytes;
  const { code, output } = runOnNode(module, { inputs: [reading(20, 21), reading(-5)] });
  assert.is(code, 0);
  assert.is(Buffer.from(output ?? []).readDoubleLE(), 12);
  assert.is(runOnNode(module, { inputs: [reading()] }).code, -4);
  assert.is(runOnNode(module).code, -2);
});

test("a misspelt target lists the targets, wherever a document shows the compiler", async () => {
  writeFileSync(join(linked, "program.ts"), greeting);
  const both = "wasm32-arm-veracruz, wasm32-arm-veracruz-debug";
  writeFileSync(
    join(linked, "own.json"),
    '{ "extends": "veracruz-mcu/asconfig.json", "targets": { "mine": {} } }',
  );
  for (const [folder, entry, config, targets] of [
    [projectRoot, "examples/no_std/nop/program.ts", [], both],
    [linked, "program.ts", fromPackage, both],
    [linked, "program.ts", ["--config", "own.json"], `mine, ${both}`],
  ] as const) {
    const run = spawnSync(
      node,
      [...compiler, entry, ...config, "--target", "wasm32-arm-veracruzz", "--noEmit"],
      { cwd: folder, encoding: "utf8" },
    );
    assert.is(run.status, 1, `${run.stdout}${run.stderr}`);
    assert.match(run.stderr, `there is no target "wasm32-arm-veracruzz"; there are: ${targets}\n`);
  }
  for (const name of both.split(", ")) {
    const run = spawnSync(
      node,
      [...compiler, "program.ts", ...fromPackage, `--target=${name}`, "-t", "program.wat"],
      { cwd: linked, encoding: "utf8" },
    );
    assert.is(run.status, 0, run.stderr);
  }
});

test("a breach of the ABI is an error of the compilation, in words", async () => {
  const breaches: [source: string, message: RegExp][] = [
    [
      'export function main(): i32 { console.log("x"); return 0; }',
      /uses the console .*env\.console\.log.*print\(\) of the SDK/,
    ],
    [
      "export function main(): i32 { return i32(Date.now()); }",
      /uses the clock .*send the time as an input/,
    ],
    [
      `import { Codec, encodeOutput } from "veracruz-mcu/assembly/sdk";
class Inner { x: f64 = 0; }
class Outer {
  inner: Array<Inner> = [];
  fields(codec: Codec): void {
    this.inner = codec.of(this.inner);
  }
}
export function main(): i32 { return encodeOutput<Outer>(new Outer()); }`,
      /program\.ts:6: Outer\.inner is of class Inner, which cannot be encoded: give Inner a method fields/,
    ],
    [
      `import { Codec, encodeOutput } from "veracruz-mcu/assembly/sdk";
class Table {
  rows: Map<u32, u32> = new Map();
  fields(codec: Codec): void { this.rows = codec.of(this.rows); }
}
export function main(): i32 { return encodeOutput<Table>(new Table()); }`,
      /program\.ts:4: Table\.rows is a Map: write codec\.map\(this\.rows\)/,
    ],
    [
      "export function main(): i32 { return i32(Math.random() * 3); }",
      /uses Math\.random .*env\.seed.*Random\.fromPlatform/,
    ],
    ["export function run(): i32 { return 0; }", /exports no function main\(\): i32/],
    ["export function main(): i64 { return 0; }", /main must be of type/],
    ["export function main(a: i32): i32 { return a; }", /main must be of type/],
  ];
  for (const [source, message] of breaches) {
    const { messages, module } = await compileHere(source);
    assert.is(module, undefined, source);
    assert.match(messages, message);
  }
});

test("a schema for vc-data is printed from the classes", async () => {
  const compiled = await command(linked, [
    ...fromPackage,
    "--transform",
    "veracruz-mcu/assembly/sdk/veracruz_rt/schema.js",
  ]);
  assertProgram(compiled);
  const printed = JSON.parse(readFileSync(join(linked, "program.schema.json"), "utf8"));
  assert.equal(printed, {
    types: { Reading: { struct: { sensor: "string", celsius: { sequence: "f64" } } } },
    value: "Reading",
  });
  const bytes = encodeValue(parseSchema(printed), { sensor: "a", celsius: [20, 1] });
  assert.is(Buffer.from(bytes).toString("hex"), "0161020000000000003440000000000000f03f");
});

test("the schema of private-inference is what its classes say", async () => {
  const source = readFileSync(
    join(projectRoot, "examples/no_std/private-inference/program.ts"),
    "utf8",
  ).replace("../../../assembly/sdk", "veracruz-mcu/assembly/sdk");
  writeFileSync(join(linked, "inference.ts"), source);
  const transform = "veracruz-mcu/assembly/sdk/veracruz_rt/schema.js";
  const run = spawnSync(
    node,
    [...compiler, "inference.ts", ...fromPackage, ...target, "--noEmit", "--transform", transform],
    { cwd: linked, encoding: "utf8" },
  );
  assert.is(run.status, 0, run.stderr);
  const read = (path: string) => JSON.parse(readFileSync(path, "utf8"));
  assert.equal(
    read(join(linked, "inference.schema.json")),
    read(join(projectRoot, "examples/no_std/private-inference/schema.json")),
  );
});

test("the compiler's transform and vc-data know the same numbers", async () => {
  const path = join(projectRoot, "assembly/sdk/veracruz_rt/schema.js");
  const { schemaOf } = (await import(path)) as {
    schemaOf: (type: string, isClass: (name: string) => boolean) => unknown;
  };
  const known = (type: string) => schemaOf(type, () => false);
  // Of AssemblyScript's numbers those of fixed width; usize is Rust's of 64 bits, AssemblyScript's has 32.
  const numbers = "i8 i16 i32 i64 isize u8 u16 u32 u64 usize f32 f64 v128".split(" ");
  assert.equal(
    numbers.filter((name) => known(name) === name).sort(),
    numberNames.filter((name) => name !== "usize").sort(),
  );
  const arrays = Object.entries({
    Int8Array: "i8",
    Uint8Array: "u8",
    Uint8ClampedArray: "u8",
    Int16Array: "i16",
    Uint16Array: "u16",
    Int32Array: "i32",
    Uint32Array: "u32",
    Int64Array: "i64",
    Uint64Array: "u64",
    Float32Array: "f32",
    Float64Array: "f64",
  }).filter(([name]) => known(name) !== undefined);
  assert.is(arrays.length, 10);
  for (const [array, item] of arrays) {
    const schema = item === "u8" ? "bytes" : { sequence: item };
    assert.equal(known(array), schema, array);
    parseSchema(schema);
  }
});

test("main may take the two numbers that hosts call it with", async () => {
  const source = "export function main(count: i32, values: i32): i32 { return count | values; }";
  const { messages, module } = await compileHere(source);
  assert.ok(module, messages);
  assert.is(runOnNode(module).code, 0);
});

test.run();
