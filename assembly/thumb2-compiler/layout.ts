/**
 * What compiled code and its home agree on: the context below linear memory, the helpers, the traps, and
 * the head of a compiled program. `mcu-client/compiled-code/layout.h` is generated from it.
 *
 * Register 11 holds the address of linear memory. The context lies below it, at the offsets
 * −`CONTEXT_…`; register 10 holds the fuel that is left of the current slice.
 */

/** Bytes of linear memory. */
export const CONTEXT_MEMORY_BYTES: u32 = 4;
/** The lowest stack pointer of a function that calls others. */
export const CONTEXT_STACK_LIMIT: u32 = 8;
/** Address of the function table. */
export const CONTEXT_TABLE: u32 = 12;
/** Address of the table of helpers. */
export const CONTEXT_HELPERS: u32 = 16;
/** Functions of the home: addresses with bit 0 set. Trap: r0 = kind, does not return. */
export const CONTEXT_TRAP: u32 = 20;
/** The slice is used up by one unit more than there was; keeps r0 to r9. */
export const CONTEXT_REFILL: u32 = 24;
/** Import number r12, arguments in r0 to r3. */
export const CONTEXT_IMPORT: u32 = 28;
/** `memory.grow`, `memory.copy`, `memory.fill`, operands in r0 to r2. */
export const CONTEXT_GROW: u32 = 32;
export const CONTEXT_COPY: u32 = 36;
export const CONTEXT_FILL: u32 = 40;
/** Word `n` of the globals lies at −(`CONTEXT_GLOBALS` + 4 · n). */
export const CONTEXT_GLOBALS: u32 = 44;
/** Of a module that is compiled as a part of its home, the addresses of imports follow: n lies below the globals' words
 * as word `n` of them would. */
/** Words of globals, with the imports, that code can reach. */
export const GLOBAL_WORDS: u32 = 1000;
/** Of such a module, bytes behind memory that are its own as well: what lies within so much of an address that is in
 * memory needs no check of its own. */
export const NATIVE_SLACK: u32 = 256;

/** Bytes of stack below `CONTEXT_STACK_LIMIT` for what does not look: leaves, and the home's functions. */
export const STACK_RESERVE: u32 = 768;
/** The largest frame of a function that does not look at the limit. */
export const LEAF_FRAME: u32 = 192;

/** Traps, as numbered by the code; a home adds its own. */
export const CODE_TRAP_UNREACHABLE: u32 = 1;
export const CODE_TRAP_MEMORY: u32 = 2;
export const CODE_TRAP_DIVISION: u32 = 3;
export const CODE_TRAP_OVERFLOW: u32 = 4;
export const CODE_TRAP_CONVERSION: u32 = 5;
export const CODE_TRAP_TABLE: u32 = 6;
export const CODE_TRAP_STACK: u32 = 7;
/** Traps that the code itself can end in. */
export const CODE_TRAPS: u32 = 7;

/** Numbers of the helpers; floating-point opcodes have theirs by a difference. */
export const HELPER_DIVIDE_SIGNED: u32 = 0;
export const HELPER_DIVIDE_UNSIGNED: u32 = 1;
export const HELPER_REMAINDER_SIGNED: u32 = 2;
export const HELPER_REMAINDER_UNSIGNED: u32 = 3;
export const HELPER_ROTATE_LEFT: u32 = 4;
export const HELPER_ROTATE_RIGHT: u32 = 5;
export const HELPER_COUNT_32: u32 = 6;
export const HELPER_COUNT_64: u32 = 7;
/** Comparisons, opcodes 0x5b to 0x66. */
export const HELPER_COMPARE: u32 = 8;
/** Arithmetic, opcodes 0x8b to 0xa6. */
export const HELPER_ARITHMETIC: u32 = 20;
/** Conversions, opcodes 0xa8 to 0xbb. */
export const HELPER_CONVERT: u32 = 48;
/** Saturating conversions, opcodes 0xfc 0 to 0xfc 7. */
export const HELPER_SATURATE: u32 = 68;
export const HELPERS: u32 = 76;

/** First word of a compiled program: "VT2" and the version. */
export const PROGRAM_MAGIC: u32 = 0x01325456;
/** Byte offsets of the words of its head. */
export const HEAD_MAGIC: u32 = 0;
export const HEAD_BYTES: u32 = 4;
/** Offset of `main`, 0 without one. */
export const HEAD_MAIN: u32 = 8;
/** Offset and elements of the function table: 8 bytes each, type and distance of the code from the entry. */
export const HEAD_TABLE: u32 = 12;
export const HEAD_TABLE_ELEMENTS: u32 = 16;
/** Offset and number of the initial words of the globals. */
export const HEAD_GLOBALS: u32 = 20;
export const HEAD_GLOBAL_WORDS: u32 = 24;
/** Offset and number of the data segments: address, length, bytes, padded to 4. */
export const HEAD_DATA: u32 = 28;
export const HEAD_DATA_SEGMENTS: u32 = 32;
export const HEAD_INITIAL_PAGES: u32 = 36;
export const HEAD_MAXIMUM_PAGES: u32 = 40;
/** Offset and number of the exported functions' offsets, in the order of the export section. */
export const HEAD_EXPORTS: u32 = 44;
export const HEAD_EXPORT_COUNT: u32 = 48;
export const HEAD_IMPORT_COUNT: u32 = 52;
/** The code proper: from here to `HEAD_TABLE`. */
export const HEAD_CODE: u32 = 56;
/** Bytes of memory that code which checks against a constant was compiled for, or 0. */
export const HEAD_FIXED_BYTES: u32 = 60;
/** Offset of the H-calls that are imported: a word for each import, its number, or `NO_HCALL`. */
export const HEAD_IMPORTS: u32 = 64;
export const HEAD_SIZE: u32 = 72;
export const NO_HCALL: u32 = 0xffffffff;
