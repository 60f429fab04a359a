import { assemble } from "../support/wat.js";

const parameters: Record<string, number> = {
  input_count: 1,
  input_size: 2,
  read_input: 3,
  stream_count: 1,
  stream_size: 2,
  read_stream: 3,
  has_previous_result: 1,
  previous_result_size: 1,
  read_previous_result: 2,
  write_output: 2,
  getrandom: 2,
};

/** Names of all H-calls without their common prefix. */
export const hcallNames = Object.keys(parameters);

/** A module with all eleven H-calls imported as `$name`, an exported memory, and the given body. */
export function program(body: string, memory = "1"): Uint8Array<ArrayBuffer> {
  const imports = Object.entries(parameters).map(
    ([name, count]) =>
      `(import "env" "__veracruz_hcall_${name}" (func $${name} (param${" i32".repeat(count)}) (result i32)))`,
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

function leb(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...leb(value >>> 7)];
}

/** A module whose `main` has the given bytes as its instructions, for what no assembler takes. */
export function rawMain(instructions: readonly number[]): Uint8Array<ArrayBuffer> {
  const section = (id: number, content: readonly number[]) => [
    id,
    ...leb(content.length),
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
    ...section(10, [1, ...leb(body.length), ...body]),
  ]);
}
