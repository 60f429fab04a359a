/** Where no function, item or type applies. */
export const NONE: u32 = 0xffffffff;

/**
 * What the checker found: why a module is refused, or what an accepted one asks for. All fields are
 * u32, in the order in which `vc-wc` and tests read them (`host/wasm-checker/checker.ts`).
 *
 * It is laid over `offsetof<CheckReport>()` bytes that a caller has, and `reset` by each check: a
 * constructor would be larger than all that.
 */
@unmanaged
export class CheckReport {
  /** 0 for an accepted module, else a number of `refusals.ts`. */
  code: u32 = 0;
  /** Byte offset in the module of what was refused. */
  offset: u32 = 0;
  /** Index of the function (imports count) whose body was being read, or `NONE`. */
  functionIndex: u32 = NONE;
  /** Index of the item within its section (import, export, type, global, segment …), or `NONE`. */
  item: u32 = NONE;
  /** By the code: the type byte or number that was expected, the limit, or 0. */
  expected: u32 = 0;
  /** By the code: the type byte, opcode or number that was found, or 0. */
  found: u32 = 0;
  /** Offset and length of the name that was refused (import's or export's field), or 0, 0. */
  nameOffset: u32 = 0;
  nameLength: u32 = 0;
  /** Offset and length of the refused import's module name, or 0, 0. */
  moduleNameOffset: u32 = 0;
  moduleNameLength: u32 = 0;

  /** From here on about the module; whole only when it was accepted. */
  moduleBytes: u32 = 0;
  types: u32 = 0;
  imports: u32 = 0;
  /** Functions defined in the module, imports left out. */
  functions: u32 = 0;
  globals: u32 = 0;
  exports: u32 = 0;
  tableElements: u32 = 0;
  initialPages: u32 = 0;
  /** `NONE` when the memory declares no maximum. */
  maximumPages: u32 = NONE;
  dataBytes: u32 = 0;
  /** Bytes of all function bodies. */
  codeBytes: u32 = 0;
  /** Instructions in all function bodies. */
  instructions: u32 = 0;
  /** The most parameters, locals, operands and open blocks in any function. */
  maximumFrame: u32 = 0;
  /** The most blocks open at once in any function. */
  maximumNesting: u32 = 0;
  /** Function index of the export `main`. */
  mainIndex: u32 = NONE;
  /** 0 or 2 parameters of `main`. */
  mainParameters: u32 = 0;
  /** Thousands of steps that wasm3's compiler would take in the worst case. */
  compileKilosteps: u32 = 0;
  /** Bytes of RAM that wasm3 needs on a 32-bit core for code and tables once all is compiled, estimated. */
  compiledBytes: u32 = 0;
  /** Bytes that the checker itself allocated for this module. */
  workspaceBytes: u32 = 0;

  reset(): void {
    memory.fill(changetype<usize>(this), 0, offsetof<CheckReport>());
    this.functionIndex = NONE;
    this.item = NONE;
    this.maximumPages = NONE;
    this.mainIndex = NONE;
  }
}
