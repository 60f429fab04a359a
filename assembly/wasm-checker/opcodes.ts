/** Value types, as the binary format writes them. */
export const TYPE_I32: u32 = 0x7f;
export const TYPE_I64: u32 = 0x7e;
export const TYPE_F32: u32 = 0x7d;
export const TYPE_F64: u32 = 0x7c;
/** An operand of any type, below a stack-polymorphic instruction. */
export const TYPE_UNKNOWN: u32 = 0;
/** No value, as a block's result. */
export const TYPE_NONE: u32 = 0;

/** Opcodes (core specification, 5.4), as far as they are named in this checker's and the Thumb-2 compiler's sources. */
export const OP_UNREACHABLE: u32 = 0x00;
export const OP_NOP: u32 = 0x01;
export const OP_BLOCK: u32 = 0x02;
export const OP_LOOP: u32 = 0x03;
export const OP_IF: u32 = 0x04;
export const OP_ELSE: u32 = 0x05;
export const OP_END: u32 = 0x0b;
export const OP_BR: u32 = 0x0c;
export const OP_BR_IF: u32 = 0x0d;
export const OP_BR_TABLE: u32 = 0x0e;
export const OP_RETURN: u32 = 0x0f;
export const OP_CALL: u32 = 0x10;
export const OP_CALL_INDIRECT: u32 = 0x11;
export const OP_RETURN_CALL: u32 = 0x12;
export const OP_RETURN_CALL_INDIRECT: u32 = 0x13;
export const OP_CALL_REF: u32 = 0x14;
export const OP_RETURN_CALL_REF: u32 = 0x15;
export const OP_DROP: u32 = 0x1a;
export const OP_SELECT: u32 = 0x1b;
export const OP_SELECT_TYPED: u32 = 0x1c;
export const OP_TRY_TABLE: u32 = 0x1f;
export const OP_LOCAL_GET: u32 = 0x20;
export const OP_LOCAL_SET: u32 = 0x21;
export const OP_LOCAL_TEE: u32 = 0x22;
export const OP_GLOBAL_GET: u32 = 0x23;
export const OP_GLOBAL_SET: u32 = 0x24;
export const OP_TABLE_GET: u32 = 0x25;
export const OP_TABLE_SET: u32 = 0x26;
export const OP_I32_LOAD: u32 = 0x28;
export const OP_I64_LOAD8_S: u32 = 0x30;
export const OP_I64_LOAD32_U: u32 = 0x35;
export const OP_I32_STORE: u32 = 0x36;
export const OP_I64_STORE8: u32 = 0x3c;
export const OP_I64_STORE32: u32 = 0x3e;
export const OP_MEMORY_SIZE: u32 = 0x3f;
export const OP_MEMORY_GROW: u32 = 0x40;
export const OP_I32_CONST: u32 = 0x41;
export const OP_I64_CONST: u32 = 0x42;
export const OP_F32_CONST: u32 = 0x43;
export const OP_F64_CONST: u32 = 0x44;
export const OP_I32_EQZ: u32 = 0x45;
export const OP_I32_EQ: u32 = 0x46;
export const OP_I64_EQZ: u32 = 0x50;
export const OP_I64_EQ: u32 = 0x51;
export const OP_F32_EQ: u32 = 0x5b;
export const OP_F64_EQ: u32 = 0x61;
export const OP_F64_GE: u32 = 0x66;
export const OP_I32_CTZ: u32 = 0x68;
export const OP_I32_POPCNT: u32 = 0x69;
export const OP_I32_ADD: u32 = 0x6a;
export const OP_I32_SUB: u32 = 0x6b;
export const OP_I32_MUL: u32 = 0x6c;
export const OP_I32_REM_S: u32 = 0x6f;
export const OP_I32_REM_U: u32 = 0x70;
export const OP_I32_AND: u32 = 0x71;
export const OP_I32_OR: u32 = 0x72;
export const OP_I32_XOR: u32 = 0x73;
export const OP_I32_SHL: u32 = 0x74;
export const OP_I32_SHR_S: u32 = 0x75;
export const OP_I32_SHR_U: u32 = 0x76;
export const OP_I32_ROTL: u32 = 0x77;
export const OP_I32_ROTR: u32 = 0x78;
export const OP_I64_CLZ: u32 = 0x79;
export const OP_I64_CTZ: u32 = 0x7a;
export const OP_I64_POPCNT: u32 = 0x7b;
export const OP_I64_ADD: u32 = 0x7c;
export const OP_I64_SUB: u32 = 0x7d;
export const OP_I64_MUL: u32 = 0x7e;
export const OP_I64_DIV_S: u32 = 0x7f;
export const OP_I64_REM_U: u32 = 0x82;
export const OP_I64_AND: u32 = 0x83;
export const OP_I64_OR: u32 = 0x84;
export const OP_I64_XOR: u32 = 0x85;
export const OP_I64_SHL: u32 = 0x86;
export const OP_I64_SHR_S: u32 = 0x87;
export const OP_I64_SHR_U: u32 = 0x88;
export const OP_I64_ROTL: u32 = 0x89;
export const OP_I64_ROTR: u32 = 0x8a;
export const OP_F32_ABS: u32 = 0x8b;
export const OP_F32_NEG: u32 = 0x8c;
export const OP_F32_SQRT: u32 = 0x91;
export const OP_F32_ADD: u32 = 0x92;
export const OP_F32_DIV: u32 = 0x95;
export const OP_F32_COPYSIGN: u32 = 0x98;
export const OP_F64_ABS: u32 = 0x99;
export const OP_F64_COPYSIGN: u32 = 0xa6;
export const OP_I32_WRAP_I64: u32 = 0xa7;
export const OP_I32_TRUNC_F32_S: u32 = 0xa8;
export const OP_I32_TRUNC_F64_S: u32 = 0xaa;
export const OP_I32_TRUNC_F64_U: u32 = 0xab;
export const OP_I64_EXTEND_I32_S: u32 = 0xac;
export const OP_I64_EXTEND_I32_U: u32 = 0xad;
export const OP_I64_TRUNC_F64_S: u32 = 0xb0;
export const OP_I64_TRUNC_F64_U: u32 = 0xb1;
export const OP_F32_CONVERT_I32_S: u32 = 0xb2;
export const OP_F32_CONVERT_I32_U: u32 = 0xb3;
export const OP_F32_CONVERT_I64_S: u32 = 0xb4;
export const OP_F32_CONVERT_I64_U: u32 = 0xb5;
export const OP_F32_DEMOTE_F64: u32 = 0xb6;
export const OP_F64_CONVERT_I64_S: u32 = 0xb9;
export const OP_F64_CONVERT_I64_U: u32 = 0xba;
export const OP_F64_PROMOTE_F32: u32 = 0xbb;
export const OP_I32_REINTERPRET_F32: u32 = 0xbc;
export const OP_I64_REINTERPRET_F64: u32 = 0xbd;
export const OP_F32_REINTERPRET_I32: u32 = 0xbe;
export const OP_F64_REINTERPRET_I64: u32 = 0xbf;
export const OP_I32_EXTEND8_S: u32 = 0xc0;
export const OP_I32_EXTEND16_S: u32 = 0xc1;
export const OP_I64_EXTEND8_S: u32 = 0xc2;
export const OP_I64_EXTEND16_S: u32 = 0xc3;
export const OP_I64_EXTEND32_S: u32 = 0xc4;
export const OP_REF_NULL: u32 = 0xd0;
export const OP_REF_FUNC: u32 = 0xd2;
export const OP_REF_EQ: u32 = 0xd3;
export const OP_BR_ON_NON_NULL: u32 = 0xd6;

/** Bytes before a second opcode: garbage collection, further MVP-like ones, vectors, threads. */
export const PREFIX_GC: u32 = 0xfb;
export const PREFIX_MISC: u32 = 0xfc;
export const PREFIX_SIMD: u32 = 0xfd;
export const PREFIX_THREADS: u32 = 0xfe;

/** Opcodes behind `PREFIX_MISC`; the first eight are the non-trapping conversions. */
export const MISC_I64_TRUNC_SAT_F32_S: u32 = 4;
export const MISC_I64_TRUNC_SAT_F64_U: u32 = 7;
export const MISC_MEMORY_COPY: u32 = 10;
export const MISC_MEMORY_FILL: u32 = 11;
export const MISC_TABLE_COPY: u32 = 14;
export const MISC_TABLE_FILL: u32 = 17;

/** The block type of a block without a result. */
export const BLOCK_TYPE_EMPTY: u32 = 0x40;

/** Kind of the outermost control frame; no opcode. */
export const FRAME_FUNCTION: u32 = 0;

/** The first and last opcode that `signature` knows. */
export const FIRST_SIGNATURE: u32 = 0x28;
export const LAST_SIGNATURE: u32 = 0xc4;

// One byte for each opcode from 0x28 to 0xc4.
// Numeric instructions: bits 0–1 type of the operands, bit 2 set for two of them, bits 3–4 type of the
// result. Loads and stores: bits 0–1 type of the value, bits 3–4 the largest alignment (log2).
// Types are counted as in the binary format: 0 i32, 1 i64, 2 f32, 3 f64.
// 0x3f to 0x44 (memory.size, memory.grow, constants) are handled apart.
const SIGNATURES: usize = memory.data<u8>([
  // 0x28 loads: i32 i64 f32 f64, i32 8 8 16 16, i64 8 8 16 16 32 32
  0x10, 0x19, 0x12, 0x1b, 0x00, 0x00, 0x08, 0x08, 0x01, 0x01, 0x09, 0x09, 0x11, 0x11,
  // 0x36 stores: i32 i64 f32 f64, i32 8 16, i64 8 16 32
  0x10, 0x19, 0x12, 0x1b, 0x00, 0x08, 0x01, 0x09, 0x11,
  // 0x3f
  0, 0, 0, 0, 0, 0,
  // 0x45 i32 tests and comparisons
  0x00, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04,
  // 0x50 i64
  0x01, 0x05, 0x05, 0x05, 0x05, 0x05, 0x05, 0x05, 0x05, 0x05, 0x05,
  // 0x5b f32
  0x06, 0x06, 0x06, 0x06, 0x06, 0x06,
  // 0x61 f64
  0x07, 0x07, 0x07, 0x07, 0x07, 0x07,
  // 0x67 i32 clz ctz popcnt, add … rotr
  0x00, 0x00, 0x00, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04,
  0x04, 0x04,
  // 0x79 i64
  0x09, 0x09, 0x09, 0x0d, 0x0d, 0x0d, 0x0d, 0x0d, 0x0d, 0x0d, 0x0d, 0x0d, 0x0d, 0x0d, 0x0d, 0x0d,
  0x0d, 0x0d,
  // 0x8b f32 abs … sqrt, add … copysign
  0x12, 0x12, 0x12, 0x12, 0x12, 0x12, 0x12, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16,
  // 0x99 f64
  0x1b, 0x1b, 0x1b, 0x1b, 0x1b, 0x1b, 0x1b, 0x1f, 0x1f, 0x1f, 0x1f, 0x1f, 0x1f, 0x1f,
  // 0xa7 i32 from i64, f32 f32 f64 f64
  0x01, 0x02, 0x02, 0x03, 0x03,
  // 0xac i64 from i32 i32, f32 f32 f64 f64
  0x08, 0x08, 0x0a, 0x0a, 0x0b, 0x0b,
  // 0xb2 f32 from i32 i32 i64 i64 f64
  0x10, 0x10, 0x11, 0x11, 0x13,
  // 0xb7 f64 from i32 i32 i64 i64 f32
  0x18, 0x18, 0x19, 0x19, 0x1a,
  // 0xbc reinterpretations: i32 from f32, i64 from f64, f32 from i32, f64 from i64
  0x02, 0x0b, 0x10, 0x19,
  // 0xc0 sign extension: i32 8 16, i64 8 16 32
  0x00, 0x00, 0x09, 0x09, 0x09,
]);

/** What `opcode` (`FIRST_SIGNATURE` to `LAST_SIGNATURE`) takes and gives, in the encoding above. */
export function signature(opcode: u32): u32 {
  return load<u8>(SIGNATURES + (opcode - FIRST_SIGNATURE)) as u32;
}
