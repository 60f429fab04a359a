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
import asc from "assemblyscript/asc";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ClassicWriter } from "../../examples/no_std/support/classic-encoding.js";
import { projectRoot } from "../../host/common/paths.js";
import { runOnNode } from "../support/hcalls.js";
import { shapeOf } from "./module-shape.js";

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
  const asc = join(projectRoot, "node_modules/assemblyscript/bin/asc.js");
  const child = spawn(
    process.execPath,
    [asc, "program.ts", ...target, "--outFile", "program.wasm", ...options],
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

test("the README's commands compile, check and run it", async () => {
  const readme = readFileSync(join(projectRoot, "assembly/sdk/README.md"), "utf8");
  const [, source = ""] = /```ts\n([\s\S]*?)```/.exec(readme) ?? [];
  const [, block = ""] = /```sh\n([\s\S]*?)```/.exec(readme) ?? [];
  const [installation, ...commands] = block.trim().split("\n");
  const { devDependencies } = JSON.parse(
    readFileSync(join(projectRoot, "package.json"), "utf8"),
  ) as { devDependencies: Record<string, string> };
  // The registry is left alone: what it would install is linked.
  assert.match(installation ?? "", `assemblyscript@${devDependencies.assemblyscript} `);
  const path = project("readme", (at) => symlinkSync(projectRoot, at));
  symlinkSync(join(projectRoot, "node_modules/.bin"), join(path, "node_modules/.bin"));
  writeFileSync(join(path, "program.ts"), source);
  const reading = (celsius: number[]) =>
    new ClassicWriter().string("sensor").sequence(celsius, (value, writer) => writer.f64(value))
      .bytes;
  writeFileSync(join(path, "reading-0"), reading([20, 21]));
  writeFileSync(join(path, "reading-1"), reading([-5]));
  assert.is(commands.length, 3);
  const npx = 'npx() { command=$1; shift; "node_modules/.bin/$command" "$@"; }';
  const run = spawnSync("sh", ["-euc", [npx, ...commands].join("\n")], {
    cwd: path,
    encoding: "utf8",
  });
  assert.is(run.status, 0, run.stderr);
  assert.match(run.stdout, /program\.wasm: accepted/);
  const mean = Buffer.alloc(8);
  mean.writeDoubleLE(12);
  assert.match(run.stdout, `result (8 bytes): ${mean.toString("hex")}`);
});

test("a breach of the ABI is an error of the compilation, in words", async () => {
  const breaches: [source: string, message: RegExp][] = [
    ['export function main(): i32 { console.log("x"); return 0; }', /imports env\.console\.log/],
    ["export function main(): i32 { return i32(Math.random() * 3); }", /imports env\.seed/],
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

test("main may take the two numbers that hosts call it with", async () => {
  const source = "export function main(count: i32, values: i32): i32 { return count | values; }";
  const { messages, module } = await compileHere(source);
  assert.ok(module, messages);
  assert.is(runOnNode(module).code, 0);
});

test.run();
