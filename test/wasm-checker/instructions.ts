// The instructions with fixed types, as the core specification lists them (5.4.5 to 5.4.7): an
// independent statement of what assembly/wasm-checker/opcodes.ts holds in its table.
import { type Bytes, F32, F64, I32, I64 } from "./bytes.js";

export interface Instruction {
  name: string;
  /** Opcode with immediates. */
  code: number[];
  takes: number[];
  gives: number[];
  /** log2 of the natural alignment, of a memory access. */
  align?: number;
}

const types: Record<string, number> = { i32: I32, i64: I64, f32: F32, f64: F64 };
export const instructions: Instruction[] = [];

function add(name: string, code: Bytes, takes: string, gives: string, align?: number): void {
  const list = (text: string): number[] =>
    text === "" ? [] : text.split(" ").map((type) => types[type] as number);
  instructions.push({
    name,
    code: [...code],
    takes: list(takes),
    gives: list(gives),
    ...(align === undefined ? {} : { align }),
  });
}

/** Numbers instructions on from `first`. */
function series(first: number, names: string, takes: string, gives: string, prefix = ""): number {
  let opcode = first;
  for (const name of names.split(" ")) add(prefix + name, [opcode++], takes, gives);
  return opcode;
}

// Memory
let opcode = 0x28;
for (const [name, type, align] of [
  ["i32.load", "i32", 2],
  ["i64.load", "i64", 3],
  ["f32.load", "f32", 2],
  ["f64.load", "f64", 3],
  ["i32.load8_s", "i32", 0],
  ["i32.load8_u", "i32", 0],
  ["i32.load16_s", "i32", 1],
  ["i32.load16_u", "i32", 1],
  ["i64.load8_s", "i64", 0],
  ["i64.load8_u", "i64", 0],
  ["i64.load16_s", "i64", 1],
  ["i64.load16_u", "i64", 1],
  ["i64.load32_s", "i64", 2],
  ["i64.load32_u", "i64", 2],
] as const) {
  add(name, [opcode++, 0, 0], "i32", type, align);
}
for (const [name, type, align] of [
  ["i32.store", "i32", 2],
  ["i64.store", "i64", 3],
  ["f32.store", "f32", 2],
  ["f64.store", "f64", 3],
  ["i32.store8", "i32", 0],
  ["i32.store16", "i32", 1],
  ["i64.store8", "i64", 0],
  ["i64.store16", "i64", 1],
  ["i64.store32", "i64", 2],
] as const) {
  add(name, [opcode++, 0, 0], `i32 ${type}`, "", align);
}
add("memory.size", [0x3f, 0], "", "i32");
add("memory.grow", [0x40, 0], "i32", "i32");
add("memory.copy", [0xfc, 10, 0, 0], "i32 i32 i32", "");
add("memory.fill", [0xfc, 11, 0], "i32 i32 i32", "");

// Constants
add("i32.const", [0x41, 0], "", "i32");
add("i64.const", [0x42, 0], "", "i64");
add("f32.const", [0x43, 0, 0, 0, 0], "", "f32");
add("f64.const", [0x44, 0, 0, 0, 0, 0, 0, 0, 0], "", "f64");

// Comparisons
const integerComparisons = "eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u";
const floatComparisons = "eq ne lt gt le ge";
opcode = series(0x45, "eqz", "i32", "i32", "i32.");
opcode = series(opcode, integerComparisons, "i32 i32", "i32", "i32.");
opcode = series(opcode, "eqz", "i64", "i32", "i64.");
opcode = series(opcode, integerComparisons, "i64 i64", "i32", "i64.");
opcode = series(opcode, floatComparisons, "f32 f32", "i32", "f32.");
opcode = series(opcode, floatComparisons, "f64 f64", "i32", "f64.");

// Arithmetic
const integerArithmetic =
  "add sub mul div_s div_u rem_s rem_u and or xor shl shr_s shr_u rotl rotr";
opcode = series(opcode, "clz ctz popcnt", "i32", "i32", "i32.");
opcode = series(opcode, integerArithmetic, "i32 i32", "i32", "i32.");
opcode = series(opcode, "clz ctz popcnt", "i64", "i64", "i64.");
opcode = series(opcode, integerArithmetic, "i64 i64", "i64", "i64.");
const floatUnary = "abs neg ceil floor trunc nearest sqrt";
const floatBinary = "add sub mul div min max copysign";
opcode = series(opcode, floatUnary, "f32", "f32", "f32.");
opcode = series(opcode, floatBinary, "f32 f32", "f32", "f32.");
opcode = series(opcode, floatUnary, "f64", "f64", "f64.");
opcode = series(opcode, floatBinary, "f64 f64", "f64", "f64.");

// Conversions, each `result.operation_operand`
for (const name of [
  "i32.wrap_i64 i32.trunc_f32_s i32.trunc_f32_u i32.trunc_f64_s i32.trunc_f64_u",
  "i64.extend_i32_s i64.extend_i32_u",
  "i64.trunc_f32_s i64.trunc_f32_u i64.trunc_f64_s i64.trunc_f64_u",
  "f32.convert_i32_s f32.convert_i32_u f32.convert_i64_s f32.convert_i64_u f32.demote_f64",
  "f64.convert_i32_s f64.convert_i32_u f64.convert_i64_s f64.convert_i64_u f64.promote_f32",
  "i32.reinterpret_f32 i64.reinterpret_f64 f32.reinterpret_i32 f64.reinterpret_i64",
].flatMap((line) => line.split(" "))) {
  const [, gives = "", takes = ""] = /^(...)\.[a-z]+_(...)/.exec(name) ?? [];
  add(name, [opcode++], takes, gives);
}
opcode = series(opcode, "extend8_s extend16_s", "i32", "i32", "i32.");
opcode = series(opcode, "extend8_s extend16_s extend32_s", "i64", "i64", "i64.");
let saturating = 0;
for (const gives of ["i32", "i64"]) {
  for (const takes of ["f32", "f64"]) {
    for (const sign of ["s", "u"]) {
      add(`${gives}.trunc_sat_${takes}_${sign}`, [0xfc, saturating++], takes, gives);
    }
  }
}
