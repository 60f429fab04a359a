// What each patch mends, shown on wasm3's sources as they come and on the patched ones: the same module, the same driver,
// under AddressSanitizer. A case whose first half passed would not show anything. Modules are valid unless a case says
// otherwise.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../../host/common/paths.js";
import { buildDriver } from "../../host/wasm3-node/driver/build.js";
import { skip } from "../support/shared.js";
import { assemble } from "../support/wat.js";
import { moduleWithBody, nestedBlocks } from "./support.js";

interface Case {
  patch: string;
  shows: string;
  module: Uint8Array;
  options?: string[];
  args?: string[];
  /** What the unpatched interpreter prints, or the signal or sanitizer report that ends it. */
  upstream: RegExp;
  patched: RegExp;
}

const bufferOverflow = /AddressSanitizer: heap-buffer-overflow/;
const nativeOverflow = /AddressSanitizer: stack-overflow/;
const tableOverrun =
  /runtime error: index \d+ out of bounds|AddressSanitizer: heap-buffer-overflow/;

const parameters = (count: number, type: string) => `(param ${`${type} `.repeat(count)})`;

/** Stack slots up to the compiler's last one in use when a function is called. */
const slotsFull = `(module (func $g (result i64) i64.const 1)
  (func (export "f") (local ${"i64 ".repeat(1900)})
    ${Array.from({ length: 50 }, (_, i) => `i64.const ${i} drop`).join(" ")}
    ${"local.get 0 local.get 1 i64.add ".repeat(51)}
    call $g ${"drop ".repeat(52)}))`;

/** As many values as the compiler's stack holds, then a block that has a result. */
const heightFull = `(module (func (export "f") (param i32)
  ${"local.get 0 i32.eqz ".repeat(1999)}
  block (result i32) i32.const 1 end ${"drop ".repeat(2000)}))`;

const manyTargets = `(module (func (export "f") (param i32) (result i32)
  (block $a (result i32) (br_table ${"$a ".repeat(3000)} (i32.const 7) (local.get 0)))))`;

const rich = `(module (import "env" "f" (func $f (param i32) (result i32)))
  (memory 1) (table 3 funcref) (elem (i32.const 1) $a $b) (data (i32.const 5) "abc")
  (global $g (export "g") (mut i64) (i64.const 99)) (global $h f64 (f64.const 1.5))
  (func $a (export "a") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1000001)))
  (func $b (export "b") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 77777)))
  (func (export "f") (param i32) (result i32)
    (drop (memory.grow (i32.const 1)))
    (if (i32.eqz (local.get 0)) (then unreachable))
    (global.set $g (i64.const 123456789))
    (call $f (call_indirect (param i32) (result i32) (local.get 0) (i32.const 1)))))`;

/** Function types of seven parameters, no two alike. */
function distinctTypes(count: number): string {
  const names = ["i32", "i64", "f32", "f64"];
  return Array.from({ length: count }, (_, i) => {
    const params = Array.from({ length: 7 }, (_, digit) => names[(i >> (2 * digit)) & 3]);
    return `(type (func (param ${params.join(" ")})))`;
  }).join("\n");
}

/** Appends a custom section. */
function withCustomSection(module: Uint8Array, name: string, content: number[]): Uint8Array {
  const body = [name.length, ...Buffer.from(name), ...content];
  return Uint8Array.from([...module, 0, body.length, ...body]);
}

const one = `(module (func (export "f") (result i32) i32.const 1))`;

/** What the functions of the case for 27-small-functions make of 5. */
const chained = Array.from({ length: 200 }).reduce((value: bigint, _, i) => {
  const mixed = BigInt.asUintN(64, value * BigInt(1_000_000_007 + i)) ^ BigInt(i);
  return BigInt.asIntN(64, (mixed << 13n) | (BigInt.asUintN(64, mixed) >> 51n));
}, 5n);

const cases: Case[] = [
  {
    patch: "01-stack-end",
    shows: "memory.grow in a call from a host function leaves the end of the stack where it is",
    module: assemble(`(module (import "env" "reenter" (func $reenter (result i32))) (memory 1)
      (func $deep (param i64 i64) (call $deep (local.get 0) (local.get 1)))
      (func (export "inner") (drop (memory.grow (i32.const 1))) (call $deep (i64.const 1) (i64.const 2)))
      (func $down (export "f") (param i32) (result i32)
        (if (result i32) (local.get 0)
          (then (call $down (i32.sub (local.get 0) (i32.const 1)))) (else (call $reenter)))))`),
    options: ["--stack", "8192"],
    args: ["100"],
    upstream: bufferOverflow,
    patched: /call: \[trap\] stack overflow/,
  },
  {
    patch: "02-memory-grow",
    shows: "memory.grow by 2^32 - 4 pages does not shrink the memory",
    module: assemble(`(module (memory 5) (func (export "f") (result i32)
      (drop (memory.grow (i32.const -4))) memory.size))`),
    upstream: /result: 1\n/,
    patched: /result: 5\n/,
  },
  {
    patch: "03-memory-limit",
    shows: "memory.grow beyond the limit answers -1",
    module: assemble(
      `(module (memory 1) (func (export "f") (result i32) (memory.grow (i32.const 5))))`,
    ),
    options: ["--memory-limit", "131072"],
    upstream: /result: 1\n/,
    patched: /result: -1\n/,
  },
  {
    patch: "03-memory-limit",
    shows: "a module that starts beyond the limit is refused",
    module: assemble(`(module (memory 4) (func (export "f") (result i32) memory.size))`),
    options: ["--memory-limit", "131072"],
    upstream: /result: 4\n/,
    patched: /load: runtime ran out of memory/,
  },
  {
    patch: "03-memory-limit",
    shows: "a maximum of 0 pages is one",
    module: assemble(
      `(module (memory 0 0) (func (export "f") (result i32) (memory.grow (i32.const 1))))`,
    ),
    upstream: /result: 0\n/,
    patched: /result: -1\n/,
  },
  {
    patch: "05-native-stack",
    shows: "recursion ends before the native stack does",
    module: assemble(`(module (func $f (export "f") (call $f)))`),
    options: ["--stack", "67108864"],
    upstream: nativeOverflow,
    patched: /call: \[trap\] stack overflow/,
  },
  {
    patch: "05-native-stack",
    shows: "so do loops that follow each other",
    module: moduleWithBody([
      0,
      ...Array.from({ length: 200_000 }, () => [0x03, 0x40, 0x0b]).flat(),
    ]),
    upstream: nativeOverflow,
    patched: /call: \[trap\] stack overflow/,
  },
  {
    patch: "05-native-stack",
    shows: "and blocks in blocks, when they are compiled",
    module: moduleWithBody(nestedBlocks(100_000)),
    options: ["--compile"],
    upstream: nativeOverflow,
    patched: /compile: compiling function needs more native stack/,
  },
  {
    patch: "06-call-arguments",
    shows: "a caller's own check covers the arguments that it stores",
    module: assemble(`(module (func $f (export "f") ${parameters(200, "i64")}
      ${Array.from({ length: 200 }, (_, i) => `local.get ${i} `).join("")} call $f))`),
    options: ["--stack", "10000"],
    args: Array(200).fill("1"),
    upstream: bufferOverflow,
    patched: /call: \[trap\] stack overflow/,
  },
  {
    patch: "06-call-arguments",
    shows: "arguments from outside that do not fit on the stack",
    module: assemble(`(module (func (export "f") ${parameters(200, "i64")}))`),
    options: ["--stack", "1024"],
    args: Array(200).fill("1"),
    upstream: bufferOverflow,
    patched: /call: \[trap\] stack overflow/,
  },
  {
    patch: "08-backtrace",
    shows: "the frames of a trap are freed with the runtime",
    module: assemble(`(module (func (export "f") unreachable))`),
    upstream: /frames: 1\nlive: 1\n/,
    patched: /frames: 1\nlive: 0\n/,
  },
  {
    patch: "08-backtrace",
    shows: "a stack overflow records a bounded number of frames",
    module: assemble(`(module (func $f (export "f") (call $f)))`),
    upstream: /frames: [1-9]\d{3}\n/,
    patched: /frames: 64\n/,
  },
  {
    patch: "09-compiler-bounds",
    shows: "a call's result has a slot, or the function does not compile",
    module: assemble(slotsFull),
    upstream: tableOverrun,
    patched: /call: compiling function overran its stack height limit/,
  },
  {
    patch: "09-compiler-bounds",
    shows: "so has a block's result",
    module: assemble(heightFull),
    args: ["1"],
    upstream: tableOverrun,
    patched: /call: compiling function overran its stack height limit/,
  },
  {
    patch: "09-compiler-bounds",
    shows: "no code page is lost when br_table cannot be compiled",
    module: assemble(manyTargets),
    options: ["--fail-allocation"],
    args: ["1"],
    upstream: /leaked: \d+ blocks when allocation/,
    patched: /^(?!.*leaked)[\s\S]*result: 7\nallocations: \d+/,
  },
  {
    patch: "11-tables-and-segments",
    shows: "elements past the end of the table are refused (an invalid module at instantiation)",
    module: assemble(`(module (table 1 funcref) (elem (i32.const 50) $g) (func $g)
      (func (export "f") (call_indirect (i32.const 50))))`),
    upstream: /result: none/,
    patched: /load: table overflow/,
  },
  {
    patch: "11-tables-and-segments",
    shows: "an imported table is named for what it is",
    module: assemble(`(module (import "env" "t" (table 1 funcref)) (import "env" "g" (func))
      (func (export "f")))`),
    upstream: /load: (?!only functions)/,
    patched: /load: only functions can be imported/,
  },
  {
    patch: "11-tables-and-segments",
    shows: "an imported memory, too",
    module: assemble(`(module (import "env" "m" (memory 1))
      (func (export "f") (result i32) (i32.load (i32.const 0))))`),
    upstream: /load: unallocated linear memory/,
    patched: /load: only functions can be imported/,
  },
  {
    patch: "11-tables-and-segments",
    shows: "an imported global is not silently 0",
    module: assemble(`(module (import "env" "g" (global $g i32))
      (func (export "f") (result i32) (global.get $g)))`),
    upstream: /result: 0\n/,
    patched: /load: only functions can be imported/,
  },
  {
    patch: "11-tables-and-segments",
    shows: "a passive data segment is not copied to where its bytes say",
    // the segment's length and bytes read as `i32.const 16`, `end`, and a segment of two bytes
    module: Uint8Array.from([
      ...assemble(`(module (memory 1) (func (export "f") (result i32) (i32.load (i32.const 16))))`),
      ...[0x0b, 0x44, 0x01, 0x01, 0x41, 0x10, 0x0b, 0x02, 0x68, 0x69, ...Array(0x3c).fill(0)],
    ]),
    upstream: /result: 26984\n/,
    patched: /load: only active data segments/,
  },
  {
    patch: "12-parser-bounds",
    shows: "a malformed name section does not make a module unusable",
    module: withCustomSection(assemble(one), "name", [1, 0xff, 0xff, 0xff, 0xff, 0x0f, 1, 0, 200]),
    upstream: /load: /,
    patched: /result: 1\nlive: 0/,
  },
  {
    patch: "13-allocation-failure",
    shows: "wherever memory runs out, the run ends with an error and leaves nothing",
    module: assemble(rich),
    options: ["--compile", "--fail-allocation"],
    args: ["3"],
    upstream: /AddressSanitizer: (SEGV|heap)|leaked/,
    patched: /^(?!.*leaked)[\s\S]*load: memory allocation failed[\s\S]*result: 0\nallocations: \d+/,
  },
  {
    patch: "13-allocation-failure",
    shows: "and so does a run that traps",
    module: assemble(rich),
    options: ["--compile", "--fail-allocation"],
    args: ["0"],
    upstream: /AddressSanitizer: (SEGV|heap)|leaked/,
    patched: /^(?!.*leaked)[\s\S]*call: \[trap\] unreachable executed\nframes: 1\nallocations: \d+/,
  },
  {
    patch: "14-wipe",
    shows: "no freed block holds what was computed",
    // the product is on the stack, in the memory and in a global
    module: assemble(`(module (memory 1) (global $g (mut i64) (i64.const 0))
      (func (export "f") (param i64 i64) (result i32)
        (i64.store (i32.const 1000) (i64.mul (local.get 0) (local.get 1)))
        (global.set $g (i64.load (i32.const 1000)))
        (local.set 0 (global.get $g))
        i32.const 1))`),
    options: ["--secret", (0x7654321fedcban * 3001n).toString(16)],
    args: [`${0x7654321fedcba}`, "3001"],
    upstream: /secrets freed: [1-9]/,
    patched: /result: 1\n.*\nsecrets freed: 0/,
  },
  {
    patch: "15-type-count",
    shows: "a module of so many types that loading takes their square is refused",
    module: assemble(
      `(module ${distinctTypes(5000)} (func (export "f") (result i32) i32.const 1))`,
    ),
    upstream: /result: 1\n/,
    patched: /load: too many types/,
  },
  {
    patch: "16-type-lifetime",
    shows: "a module takes its types with it",
    module: assemble(`(module ${distinctTypes(100)} (func (export "f") (result i32) i32.const 1))`),
    options: ["--types"],
    upstream: /result: 1\ntypes: 105\n/,
    // those of blocks without parameters, which are the environment's own
    patched: /result: 1\ntypes: 5\n/,
  },
  {
    patch: "17-float-register",
    shows: "a signalling NaN is loaded and negated as it is",
    module: assemble(`(module (memory 1) (data (i32.const 0) "\\00\\00\\a0\\7f")
      (func (export "f") (result i32) (i32.reinterpret_f32 (f32.neg (f32.load (i32.const 0))))))`),
    upstream: /result: -2097152\n/,
    // 0xffa00000
    patched: /result: -6291456\n/,
  },
  {
    patch: "31-quiet-rounding",
    shows: "a signalling NaN is quiet once it is rounded",
    module: assemble(`(module (memory 1) (data (i32.const 0) "\\01\\00\\00\\00\\00\\00\\f0\\7f")
      (func (export "f") (result i32)
        (f64.store (i32.const 8) (f64.floor (f64.load (i32.const 0)))) (i32.load (i32.const 12))))`),
    // 0x7ff00000
    upstream: /result: 2146435072\n/,
    // 0x7ff80000
    patched: /result: 2146959360\n/,
  },
  {
    patch: "20-float-block-results",
    shows: "a branch with a float out of two blocks writes nowhere else",
    module: assemble(`(module (func (export "f") (param f32) (result f32)
      (block $a (result f32)
        (i32.const 5)
        (block (br $a (local.get 0)))
        (f32.convert_i32_s))))`),
    args: ["1.5"],
    upstream: /AddressSanitizer/,
    patched: /result: 1.5\n/,
  },
  {
    patch: "21-unreachable-code",
    shows: "code behind a branch compiles, whatever its operands would be",
    module: assemble(`(module (func (export "f") (param f32) (result f32)
      (block (result f32) (local.get 0) (br 0) i32.eqz i32.add drop)))`),
    args: ["3"],
    upstream: /call: no operation found for opcode/,
    patched: /result: 3\n/,
  },
  {
    patch: "22-shared-slots",
    shows: "a 64-bit value that is used twice keeps its upper half",
    module: assemble(`(module (func (export "f") (param i64) (result i64)
      local.get 0 local.get 0 i64.const 0 local.set 0
      i32.wrap_i64 i32.const 1 i32.add
      local.get 0 i32.wrap_i64 i32.const 3 i32.add
      i32.add i64.extend_i32_u i64.add))`),
    args: ["4294967301"],
    // (2^32 + 5) + (5 + 1 + 3)
    upstream: /result: (?!4294967310)/,
    patched: /result: 4294967310\n/,
  },
  {
    patch: "23-branch-float",
    shows: "a conditional branch that is not taken leaves the float below in its place",
    module: assemble(`(module (func (export "f") (param f32 f32 i32) (result f32)
      (block (result f32)
        (f32.add (local.get 0) (local.get 0)) (local.get 1) (br_if 0 (local.get 2)) drop)))`),
    args: ["1.5", "100", "0"],
    upstream: /result: (?!3\n)/,
    patched: /result: 3\n/,
  },
  {
    patch: "24-find-exports",
    shows: "a function is found by the name it is exported under, its fourth one, too",
    module: assemble(`(module (func (export "a") (export "b") (export "c") (export "f")
      (result i32) i32.const 7))`),
    upstream: /function lookup failed/,
    patched: /result: 7\n/,
  },
  {
    patch: "24-find-exports",
    shows: "not by a name that ends with a NUL there",
    module: assemble(`(module (func (export "f\\00g") (result i64) i64.const 1)
      (func (export "f") (result i32) i32.const 7))`),
    upstream: /result: 1\n/,
    patched: /result: 7\n/,
  },
  {
    patch: "25-padded-opcodes",
    shows: "the second part of an opcode is an integer",
    // no locals; f32.const 0; i32.trunc_sat_f32_s with its number in two bytes; drop
    module: moduleWithBody([0, 0x43, 0, 0, 0, 0, 0xfc, 0x80, 0x00, 0x1a]),
    upstream: /call: /,
    patched: /result: none\n/,
  },
  {
    patch: "26-partly-backed-memory",
    shows:
      "what is not there is out of bounds, from the first byte on, and memory.size says nothing of it",
    module: assemble(`(module (memory 2) (func (export "f") (param i32) (result i32)
      (if (i32.or (i32.load8_u (i32.const 99999)) (i32.ne (memory.size) (i32.const 2)))
        (then unreachable))
      (i32.load8_u (local.get 0))))`),
    options: ["--backed", "100000"],
    args: ["100000"],
    upstream: /result: 0\n/,
    patched: /call: \[trap\] out of bounds memory access/,
  },
  {
    patch: "27-small-functions",
    shows: "no function has a block of the heap for its constants, and all have the right ones",
    module: assemble(`(module (func (export "f") (param i64) (result i64)
        local.get 0 ${Array.from({ length: 200 }, (_, i) => `call $f${i}`).join(" ")})
      ${Array.from(
        { length: 200 },
        (_, i) => `(func $f${i} (param i64) (result i64)
          local.get 0 i64.const ${1_000_000_007 + i} i64.mul i64.const ${i} i64.xor
          i64.const 77 i64.rotl)`,
      ).join("\n")})`),
    options: ["--compile", "--blocks"],
    args: ["5"],
    upstream: new RegExp(`blocks: [23]\\d\\d\\nresult: ${chained}\\n`),
    patched: new RegExp(`blocks: \\d\\d?\\nresult: ${chained}\\n`),
  },
  {
    patch: "28-code-page-release",
    shows: "nothing is left when a runtime ends",
    module: assemble(one),
    options: ["--blocks"],
    upstream: /result: 1\nleft: [1-9]/,
    patched: /result: 1\nleft: 0\n/,
  },
];

/** Patches that add what the unpatched interpreter lacks: nothing to compare, and where they are tested. */
const elsewhere: Record<string, string> = {
  "04-fuel": "limits.test.ts",
  "07-memory-allocator": "memory.test.ts",
  "10-compiler-interruption": "limits.test.ts",
  "29-register-order": "mcu-client/bench-harness.test.ts",
  "30-narrow-bounds": "mcu-client/bench-harness.test.ts",
};

test("every patch has a case", () => {
  const patches = readdirSync(join(projectRoot, "host", "wasm3-node", "patches"));
  for (const patch of patches.map((name) => name.replace(/\.patch$/, "")))
    assert.ok(patch in elsewhere || cases.some((entry) => entry.patch === patch), patch);
});

function works(command: string, args: string[]): boolean {
  try {
    execFileSync(command, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

const folder = mkdtempSync(join(tmpdir(), "wasm3-patches-"));
const probe = join(folder, "probe.c");
writeFileSync(probe, "int main(void) { return 0; }\n");
const sanitizers = works(process.env.CC || "cc", [
  probe,
  "-fsanitize=address,bounds",
  "-o",
  join(folder, "probe"),
]);

if (sanitizers) {
  const upstream = await buildDriver({ patched: false, sanitize: true });
  const patched = await buildDriver({ patched: true, sanitize: true });

  const run = (driver: string, { module, options = [], args = [] }: Case): string => {
    const file = join(folder, "module.wasm");
    writeFileSync(file, module);
    const result = spawnSync(driver, [file, "f", ...options, ...args], {
      encoding: "utf8",
      // leaks are counted by the driver; the trace of a stack overflow is long
      env: { ...process.env, ASAN_OPTIONS: "detect_leaks=0:symbolize=0" },
      maxBuffer: 2 ** 26,
    });
    return `${result.stdout}${result.stderr}`;
  };
  const shorten = (text: string) => (text.length > 1500 ? `${text.slice(0, 1500)}…` : text);

  for (const entry of cases)
    test(`${entry.patch}: ${entry.shows}`, () => {
      const before = run(upstream, entry);
      assert.ok(entry.upstream.test(before), `as it comes: ${shorten(before)}`);
      const after = run(patched, entry);
      assert.ok(entry.patched.test(after), `patched: ${shorten(after)}`);
      assert.not.match(after, /AddressSanitizer|runtime error/);
    });

  test.after(() => rmSync(folder, { recursive: true }));
} else {
  rmSync(folder, { recursive: true });
  skip(
    cases.length,
    "no C compiler with AddressSanitizer (Debian: gcc and libasan8, in gcc's package)",
  );
}

test.run();
