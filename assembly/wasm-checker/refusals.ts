/**
 * Why a module is refused. The hundreds tell the kind: 1xx the bytes are no WebAssembly module
 * (core specification, binary format), 2xx the module is not valid (core specification,
 * validation), 3xx it uses a feature that is not run here, 4xx it does not follow the Veracruz
 * H-call ABI or could not be instantiated, 5xx it exceeds a limit of the profile.
 *
 * `host/wasm-checker/refusals.ts` holds what to tell an author about each, by its name.
 * Numbers are stable: tools may depend on them.
 */
export const ACCEPTED: u32 = 0;

/** The bytes are no module (core specification, chapter 5). */
export const MALFORMED_MAGIC: u32 = 100;
export const MALFORMED_VERSION: u32 = 101;
/** The section, function body or file ends in the middle of something. */
export const MALFORMED_END: u32 = 102;
/** A LEB128 integer is longer than its type allows. */
export const MALFORMED_INTEGER_LENGTH: u32 = 103;
/** The last byte of a LEB128 integer sets bits beyond its type. */
export const MALFORMED_INTEGER_BITS: u32 = 104;
export const MALFORMED_UTF8: u32 = 105;
export const MALFORMED_SECTION_ID: u32 = 106;
/** A section comes twice, or after one that it must precede. */
export const MALFORMED_SECTION_ORDER: u32 = 107;
/** A section's content is shorter than its size. */
export const MALFORMED_SECTION_SIZE: u32 = 108;
export const MALFORMED_TYPE_FORM: u32 = 109;
export const MALFORMED_VALUE_TYPE: u32 = 110;
export const MALFORMED_EXTERNAL_KIND: u32 = 111;
export const MALFORMED_LIMITS: u32 = 112;
export const MALFORMED_MUTABILITY: u32 = 113;
export const MALFORMED_SEGMENT: u32 = 114;
export const MALFORMED_OPCODE: u32 = 115;
/** A byte that must be zero is not. */
export const MALFORMED_RESERVED: u32 = 116;
/** The function section and the code section differ in their number of functions. */
export const MALFORMED_BODY_COUNT: u32 = 117;
/** A function's last `end` is not where its body's size says. */
export const MALFORMED_BODY_SIZE: u32 = 118;
/** The data count section and the data section differ in their number of segments. */
export const MALFORMED_DATA_COUNT: u32 = 119;

/** The module does not validate (core specification, chapter 3). */
export const INVALID_TYPE_INDEX: u32 = 200;
export const INVALID_FUNCTION_INDEX: u32 = 201;
export const INVALID_LOCAL_INDEX: u32 = 202;
export const INVALID_GLOBAL_INDEX: u32 = 203;
export const INVALID_TABLE_INDEX: u32 = 204;
export const INVALID_MEMORY_INDEX: u32 = 205;
export const INVALID_LABEL: u32 = 206;
/** An operand has another type than expected. */
export const INVALID_OPERAND: u32 = 207;
/** An operand is missing. */
export const INVALID_OPERAND_MISSING: u32 = 208;
/** Values are left over at the end of a block. */
export const INVALID_OPERAND_LEFT: u32 = 209;
export const INVALID_GLOBAL_IMMUTABLE: u32 = 210;
export const INVALID_ALIGNMENT: u32 = 211;
export const INVALID_ELSE: u32 = 212;
/** An `if` without `else` that is to leave a value. */
export const INVALID_IF_RESULT: u32 = 213;
/** The labels of a `br_table` take different numbers of values. */
export const INVALID_LABEL_ARITY: u32 = 214;
export const INVALID_CONSTANT_EXPRESSION: u32 = 215;
export const INVALID_EXPORT_DUPLICATE: u32 = 216;
export const INVALID_MEMORY_LIMITS: u32 = 217;
export const INVALID_TABLE_LIMITS: u32 = 218;

/** A feature beyond those that are run here. */
export const UNSUPPORTED_MULTI_VALUE: u32 = 300;
export const UNSUPPORTED_REFERENCE_TYPES: u32 = 301;
/** Other than active segments, and what works on those: of bulk memory only copy and fill are run here. */
export const UNSUPPORTED_BULK_MEMORY: u32 = 302;
export const UNSUPPORTED_SIMD: u32 = 303;
export const UNSUPPORTED_THREADS: u32 = 304;
export const UNSUPPORTED_EXCEPTIONS: u32 = 305;
export const UNSUPPORTED_TAIL_CALLS: u32 = 306;
export const UNSUPPORTED_MULTI_MEMORY: u32 = 307;
export const UNSUPPORTED_MEMORY64: u32 = 308;
/** Typed function references and garbage-collected types. */
export const UNSUPPORTED_GC: u32 = 309;
/** Arithmetic in a constant expression. */
export const UNSUPPORTED_EXTENDED_CONST: u32 = 310;

/** A memory, a table or a global is imported. */
export const ABI_IMPORT_KIND: u32 = 400;
export const ABI_IMPORT_MODULE: u32 = 401;
export const ABI_IMPORT_NAME: u32 = 402;
export const ABI_IMPORT_TYPE: u32 = 403;
export const ABI_START: u32 = 404;
export const ABI_NO_MEMORY: u32 = 405;
export const ABI_NO_MAIN: u32 = 406;
export const ABI_MAIN_TYPE: u32 = 407;
/** `memory` is exported but is no memory, or `main` is and is no function. */
export const ABI_EXPORT_KIND: u32 = 408;
export const ABI_MAIN_IMPORTED: u32 = 409;
/** An export's name holds a NUL, so that a home that keeps names as C strings would mistake it. */
export const ABI_EXPORT_NUL: u32 = 410;
/** An element segment does not fit the table: instantiation would fail. */
export const ABI_ELEMENT_OUTSIDE: u32 = 411;
/** A data segment does not fit the initial memory: instantiation would fail. */
export const ABI_DATA_OUTSIDE: u32 = 412;

/** More than a limit of the home's profile allows. */
export const LIMIT_MODULE: u32 = 500;
export const LIMIT_TYPES: u32 = 501;
export const LIMIT_PARAMETERS: u32 = 502;
export const LIMIT_IMPORTS: u32 = 503;
export const LIMIT_FUNCTIONS: u32 = 504;
export const LIMIT_TABLE: u32 = 505;
export const LIMIT_MEMORY_INITIAL: u32 = 506;
export const LIMIT_MEMORY_MAXIMUM: u32 = 507;
export const LIMIT_GLOBALS: u32 = 508;
export const LIMIT_EXPORTS: u32 = 509;
export const LIMIT_ELEMENT_SEGMENTS: u32 = 510;
export const LIMIT_DATA_SEGMENTS: u32 = 511;
export const LIMIT_DATA: u32 = 512;
export const LIMIT_BODY: u32 = 513;
export const LIMIT_LOCALS: u32 = 514;
export const LIMIT_NESTING: u32 = 515;
/** Parameters, locals, operands and open blocks of a function together. */
export const LIMIT_FRAME: u32 = 516;
export const LIMIT_BRANCH_TABLE: u32 = 517;
/** Steps that wasm3's compiler would take, in the worst case, for the whole module. */
export const LIMIT_COMPILE_STEPS: u32 = 518;
export const LIMIT_NAME: u32 = 519;
