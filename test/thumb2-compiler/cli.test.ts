// vc-wc --compile and --listing, as an author uses them.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { HEAD_BYTES, PROGRAM_MAGIC } from "../../assembly/thumb2-compiler/layout.js";
import { projectRoot, wasmPath } from "../../host/common/paths.js";
import { systemTool } from "../../host/common/system-tools.js";
import { Thumb2Compiler } from "../../host/thumb2-compiler/compiler.js";
import { listing } from "../../host/thumb2-compiler/listing.js";
import { skip } from "../support/shared.js";
import { assemble } from "../support/wat.js";
import { i32const, mainWith } from "../wasm-checker/bytes.js";

const folder = mkdtempSync(join(tmpdir(), "thumb2-"));
const example = wasmPath("examples/string-edit-distance");

function vcwc(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(
    process.execPath,
    [join(projectRoot, "build/js/host/wasm-checker/cli.js"), ...args],
    {
      cwd: folder,
      encoding: "utf8",
    },
  );
}

test("a compiled program is written, and is the same each time", () => {
  const out = join(folder, "program.thumb2");
  const { status, stdout, stderr } = vcwc("--quiet", "--compile", out, example);
  assert.is(status, 0, stderr);
  const bytes = readFileSync(out);
  assert.match(stdout, new RegExp(`program\\.thumb2: ${bytes.length} bytes for cortex-m33`));
  assert.is(bytes.readUInt32LE(0), PROGRAM_MAGIC);
  assert.is(bytes.readUInt32LE(HEAD_BYTES), bytes.length);
  const again = new Thumb2Compiler().compile(readFileSync(example), { floats: true });
  assert.equal(Buffer.from(again.bytes), bytes);
});

test("a core without floating point has other code for it", () => {
  const wasm = readFileSync(wasmPath("examples/linear-regression"));
  const compiler = new Thumb2Compiler();
  for (const floats of [false, true])
    assert.ok(compiler.compile(wasm, { floats }).codeBytes > wasm.length / 2);
});

test("what does not fit is refused", () => {
  const wasm = readFileSync(example);
  const compiler = new Thumb2Compiler();
  const { bytes } = compiler.compile(wasm);
  for (const capacity of [0, 60, 64, 400, bytes.length - 1]) {
    assert.throws(() => compiler.compile(wasm, {}, capacity), /larger than the room/);
  }
  assert.equal(compiler.compile(wasm, {}, bytes.length).bytes, bytes);
});

test("the profile of a device says what a program is compiled to, and whether that fits", () => {
  const { stdout } = vcwc("--profile", "mcu", example);
  assert.match(stdout, /with JIT +[\d.]+ \w+ of code and tables, of 128\.0 KiB/);
  const [report] = JSON.parse(vcwc("--profile", "mcu", "--json", example).stdout);
  const { bytes } = new Thumb2Compiler().compile(readFileSync(example), { floats: true });
  assert.equal(report.compiled, { bytes: bytes.length, roomBytes: 131072 });
  assert.not.match(vcwc(example).stdout, /with JIT/);
  // A function of many square roots, each a call of a helper.
  const large = mainWith([
    0x44,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    ...Array<number>(15_000).fill(0x9f),
    0x1a,
    ...i32const(0),
  ]);
  writeFileSync(join(folder, "large.wasm"), large);
  assert.match(vcwc("--profile", "mcu", "large.wasm").stdout, /but a device has 128\.0 KiB/);
  const [{ accepted, compiled }] = JSON.parse(
    vcwc("--profile", "mcu", "--json", "large.wasm").stdout,
  );
  assert.ok(accepted && compiled.bytes > compiled.roomBytes, JSON.stringify(compiled));
});

test("a refused program and wrong arguments end with their codes", () => {
  writeFileSync(join(folder, "not.wasm"), "no module");
  assert.is(vcwc("--compile", "x", "not.wasm").status, 10);
  assert.is(vcwc("--compile", "x", example, example).status, 2);
  assert.is(vcwc("--listing", "--json", example).status, 2);
  assert.is(vcwc("--core", "cortex-m0", "--listing", example).status, 2);
});

if (!systemTool("arm-none-eabi-objdump")) skip(2, "arm-none-eabi-objdump is missing");
else {
  test("a listing has each instruction of the program above those of the core", () => {
    const path = join(folder, "answer.wasm");
    writeFileSync(path, mainWith([...i32const(4242)]));
    const { status, stdout, stderr } = vcwc("--quiet", "--listing", path);
    assert.is(status, 0, stderr);
    const lines = stdout.split("\n");
    const constant = lines.findIndex((line) => /^[0-9a-f]{6} {2}4192/.test(line));
    assert.ok(constant > 0, stdout);
    assert.match(lines.slice(constant).join("\n"), /movw\s+r0, #4242/);
  });

  test("products of locals that were set from 32 bits are one instruction each, in locals that hold 64 bits later", () => {
    const products = (load: string, shift: string) =>
      assemble(`(module (memory (export "memory") 1 1)
        (func (export "main") (result i32) (local $at i32) (local $a i64) (local $b i64) (local $sum i64)
          (local.set $sum (i64.mul
            (local.tee $a (${load} (local.get $at)))
            (local.tee $b (${load} offset=4 (local.get $at)))))
          (local.set $sum (i64.add (local.get $sum) (i64.mul (local.get $b) (local.get $b))))
          (local.set $sum (i64.add (local.get $sum)
            (i64.mul (local.get $a) (i64.and (local.get $sum) (i64.const 0x1fffffff)))))
          (local.set $a (${shift} (local.get $sum) (i64.const 7)))
          (i64.store offset=8 (local.get $at) (local.get $a))
          (i32.wrap_i64 (local.get $b))))`);
    const compiler = new Thumb2Compiler();
    for (const [load, shift, first, more] of [
      ["i64.load32_s", "i64.shr_s", "smull", "smlal"],
      ["i64.load32_u", "i64.shr_u", "umull", "umlal"],
    ] as const) {
      const wasm = products(load, shift);
      const code = [...listing(wasm, compiler.compile(wasm, { places: true }))].join("\n");
      const of = (name: string) => code.match(new RegExp(` ${name} `, "g"))?.length ?? 0;
      assert.equal([of(first), of(more), of("mla")], [1, 2, 0], code);
    }
  });
}

test.after(() => rmSync(folder, { recursive: true }));
test.run();
