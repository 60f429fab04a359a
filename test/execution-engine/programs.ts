import { HCALL_PREFIX } from "../../assembly/abi/hcalls.js";
import { leb128 } from "../../host/common/leb128.js";
import { hcalls } from "../../host/isolate/hcalls.js";
import { assemble } from "../support/wat.js";

const parameters = Object.fromEntries(
  hcalls.map(({ name, parameters }) => [name.slice(HCALL_PREFIX.length), parameters]),
);

/** Names of all H-calls without their common prefix. */
export const hcallNames = Object.keys(parameters);

/** A module with all eleven H-calls imported as `$name`, an exported memory, and the given body. */
export function program(body: string, memory = "1"): Uint8Array<ArrayBuffer> {
  const imports = Object.entries(parameters).map(
    ([name, count]) =>
      `(import "env" "${HCALL_PREFIX}${name}" (func $${name} (param${" i32".repeat(count)}) (result i32)))`,
  );
  return assemble(`(module ${imports.join("\n")} (memory (export "memory") ${memory}) ${body})`);
}

/** A program whose `main` is `() -> i32` with the given instructions. */
export function mainProgram(instructions: string, memory = "1"): Uint8Array<ArrayBuffer> {
  return program(`(func (export "main") (result i32) ${instructions})`, memory);
}

/**
 * A program that makes one H-call, writes the code it returned and then the first `show` bytes of memory
 * as its result, and succeeds. Memory starts filled with 0xAA below 65536.
 */
export function probe(call: string, show = 32): Uint8Array<ArrayBuffer> {
  return mainProgram(`
    (local $code i32)
    (memory.fill (i32.const 0) (i32.const 0xaa) (i32.const 1024))
    (local.set $code ${call})
    (i32.store (i32.const 2048) (local.get $code))
    (memory.copy (i32.const 2052) (i32.const 0) (i32.const ${show}))
    (call $write_output (i32.const 2048) (i32.const ${4 + show}))`);
}

/** A module whose `main` has the given bytes as its instructions, for what no assembler takes. */
export function rawMain(instructions: readonly number[]): Uint8Array<ArrayBuffer> {
  const section = (id: number, content: readonly number[]) => [
    id,
    ...leb128(content.length),
    ...content,
  ];
  const name = (text: string) => [text.length, ...Buffer.from(text)];
  const body = [0, ...instructions, 0x0b];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 0, 1, 0x7f]),
    ...section(3, [1, 0]),
    ...section(5, [1, 0, 1]),
    ...section(7, [2, ...name("memory"), 2, 0, ...name("main"), 0, 0]),
    ...section(10, [1, ...leb128(body.length), ...body]),
  ]);
}

/** A program whose module has about so many bytes: functions that all are called. `output` is what it writes. */
export function programOf(bytes: number): { module: Uint8Array<ArrayBuffer>; output: Buffer } {
  const count = Math.ceil(bytes / 57);
  const functions = Array.from(
    { length: count },
    (_, i) => `(func $f${i} (param $n i32) (result i32) (local $sum i32)
      (loop $turn
        (local.set $sum (i32.add (local.get $sum) (i32.mul (local.get $n) (i32.const ${i + 3000}))))
        (i32.store offset=64 (i32.const 1024) (i32.xor (local.get $sum) (i32.const ${i})))
        (br_if $turn (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
      (i32.add (local.get $sum) (i32.load offset=64 (i32.const 1024))))`,
  );
  const calls = functions.map((_, i) => `(drop (call $f${i} (i32.const 3)))`).join(" ");
  const module = program(`${functions.join("\n")} (func (export "main") (result i32) ${calls}
    (call $write_output (i32.const 1024) (i32.const 68)))`);
  // What the last function stored in its last turn: (3 + 2 + 1) times its constant, and its number.
  const output = Buffer.alloc(68);
  output.writeUInt32LE((6 * (count - 1 + 3000)) ^ (count - 1), 64);
  return { module, output };
}
