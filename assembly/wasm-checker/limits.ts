/** Of the profile for a Cortex-M: see `nesting` and `frame`. */
export const MCU_NESTING: u32 = 100;
export const MCU_FRAME: u32 = 448;

/**
 * What a home can take. All fields are u32, in the order in which `vc-wc` and tests write them
 * (`host/wasm-checker/checker.ts`): a change here is a change there.
 *
 * The defaults of both profiles keep wasm3 within its design, whatever the module:
 * - Its compiler recurses on nested blocks (up to 160 bytes of native stack a level).
 * - It keeps a function's parameters, locals, operands and one entry for each open block's result in
 *   one table of `d_m3MaxFunctionStackHeight` entries, beside `2 * d_m3MaxFunctionStackHeight` slots
 *   for them and up to 120 constants: `frame` values with `2 * frame + 122` slots always fit.
 * - It searches operands and locals linearly at many instructions: `compileSteps` bounds the sum.
 */
export class CheckLimits {
  /** Bytes of the whole module. */
  moduleBytes: u32 = 16 << 20;
  types: u32 = 1000;
  /** Parameters of one function type. At most 255. */
  parameters: u32 = 100;
  imports: u32 = 64;
  /** Functions defined in the module. With the imports at most 65535. */
  functions: u32 = 10000;
  /** Initial elements of the table. */
  tableElements: u32 = 10000;
  /** Initial pages of 64 KiB. */
  initialPages: u32 = 4096;
  /** The largest maximum that a memory may declare; a home may still let it grow less. */
  maximumPages: u32 = 65536;
  globals: u32 = 1000;
  exports: u32 = 1000;
  elementSegments: u32 = 1000;
  dataSegments: u32 = 10000;
  /** Bytes of all data segments. */
  dataBytes: u32 = 16 << 20;
  /** Bytes of one function body. */
  bodyBytes: u32 = 1 << 20;
  /** Parameters and locals of one function. */
  locals: u32 = 1500;
  /** Blocks open at once within a function. At most 255. */
  nesting: u32 = 100;
  /** Parameters, locals, operands and open blocks of one function. At most 65535. */
  frame: u32 = 1550;
  /** Labels of one `br_table` beside the default. */
  branchTable: u32 = 10000;
  /** Thousands of steps of wasm3's compiler, in the worst case, for the whole module. */
  compileKilosteps: u32 = 2_000_000;
  /** Bytes of an export's name. wasm3 takes up to 10000; names are compared with each other. */
  nameBytes: u32 = 256;

  /** For an isolate on a computer. */
  static host(): CheckLimits {
    return new CheckLimits();
  }

  /**
   * For an isolate on a Cortex-M: wasm3 built with `d_m3MaxFunctionStackHeight=512`, up to 16 MiB
   * of RAM. The firmware lowers pages and sizes to what its board has.
   */
  static mcu(): CheckLimits {
    const limits = new CheckLimits();
    limits.moduleBytes = 512 << 10;
    limits.types = 200;
    limits.parameters = 32;
    limits.functions = 2000;
    limits.tableElements = 2000;
    limits.initialPages = 16;
    limits.maximumPages = 256;
    limits.globals = 200;
    limits.exports = 100;
    limits.elementSegments = 100;
    limits.dataSegments = 1000;
    limits.dataBytes = 256 << 10;
    limits.bodyBytes = 64 << 10;
    limits.locals = 400;
    limits.frame = MCU_FRAME;
    limits.nesting = MCU_NESTING;
    limits.branchTable = 1000;
    limits.compileKilosteps = 10_000;
    limits.nameBytes = 128;
    return limits;
  }
}
