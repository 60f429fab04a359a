// Compiler transform of no_std programs, part of the target `wasm32-arm-veracruz-debug` in `asconfig.json`: a trap of the
// compiler's own or the library's leaves its reason in the program's memory, for `vc-fee`. What an isolate runs is compiled
// with the target `wasm32-arm-veracruz`, which leaves all of this out.
// @ts-check
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

/** The export that says where the reason of a trap lies. */
const EXPORT = /"(\w+)"/.exec(readFileSync(new URL("trap-text.ts", import.meta.url), "utf8"))?.[1];
/** The allocator's file: every program has it. */
const STUB = "rt/stub";
const TEXT = `~lib/${STUB}/__trapText`;

/** What the library checks an index by: `if (<u32>INDEX >= <u32>LENGTH) throw …`. */
const INDEX_CHECK =
  /if \(<u32>(\w+) >= <u32>([\w.]+(?: >>> alignof<\w+>\(\))?)\) throw new RangeError\(E_INDEXOUTOFRANGE\);/g;
const OUT_OF_MEMORY = "unreachable(); // out of memory";

// Nothing here allocates: there may be no memory left.
const reporter = `
// Length of the text (u32), then the text in UTF-8; 0 before there is one.
// @ts-ignore: decorator
@global @lazy export let __trapText: usize = 0;
// @ts-ignore: decorator
@lazy let trapKind: u32 = 0;
// @ts-ignore: decorator
@lazy let trapFirst: u32 = 0;
// @ts-ignore: decorator
@lazy let trapSecond: u32 = 0;

// @ts-ignore: decorator
@global
export function __noteTrap(kind: u32, first: u32, second: u32): void {
  trapKind = kind;
  trapFirst = first;
  trapSecond = second;
}

function putTrapText(at: usize, text: string, most: i32): usize {
  return at + String.UTF8.encodeUnsafe(changetype<usize>(text), min(text.length, most), at);
}

function putTrapNumber(at: usize, value: u32): usize {
  if (value >= 10) at = putTrapNumber(at, value / 10);
  store<u8>(at, 0x30 + value % 10);
  return at + 1;
}

// @ts-ignore: decorator
@global
export function __reportTrap(message: string | null, file: string | null, line: u32, column: u32): void {
  const text = memory.data(1024);
  let at = putTrapText(text + 4, message !== null ? message : "abort", 160);
  if (trapKind === 1) {
    at = putTrapText(at, ": index ", 8);
    if (<i32>trapFirst < 0) store<u8>(at++, 0x2d);
    at = putTrapNumber(at, <i32>trapFirst < 0 ? 0 - trapFirst : trapFirst);
    at = putTrapText(at, ", length ", 9);
    at = putTrapNumber(at, trapSecond);
  } else if (trapKind === 2) {
    at = putTrapText(at, ": ", 2);
    at = putTrapNumber(at, trapFirst);
    at = putTrapText(at, " bytes asked for, the memory has ", 33);
    at = putTrapNumber(at, trapSecond);
    at = putTrapText(at, " and may not grow so far", 24);
  }
  if (file !== null) {
    at = putTrapText(at, ", at ", 5);
    at = putTrapText(at, file, 128);
    store<u8>(at++, 0x3a);
    at = putTrapNumber(at, line);
    store<u8>(at++, 0x3a);
    at = putTrapNumber(at, column);
  }
  store<u32>(text, <u32>(at - text - 4));
  __trapText = text;
  unreachable();
}
`;

/** The compiler that runs: its command's own, where that runs, which need not be the one that is installed beside this. */
async function runningCompiler() {
  const [, command] = process.argv;
  const own =
    command === undefined || !existsSync(command)
      ? ""
      : join(dirname(dirname(realpathSync(command))), "dist/asc.js");
  return existsSync(own) ? import(pathToFileURL(own).href) : import("assemblyscript/asc");
}
const library = /** @type {Record<string, string>} */ ((await runningCompiler()).libraryFiles);

// The compiler reads its library from this table after it has loaded its transforms, and the same process may compile
// other modules later: the table is as it was once the sources are parsed.
export default class ReportTraps {
  constructor() {
    this.originals = { ...library };
    for (const [name, text] of Object.entries(library)) {
      library[name] = text.replace(
        INDEX_CHECK,
        (_, index, length) =>
          `if (<u32>${index} >= <u32>${length}) { __noteTrap(1, <u32>${index}, <u32>(${length})); throw new RangeError(E_INDEXOUTOFRANGE); }`,
      );
    }
    const stub = library[STUB] ?? "";
    if (stub.split(OUT_OF_MEMORY).length !== 2)
      throw new Error(`${STUB} of this AssemblyScript has no single "${OUT_OF_MEMORY}"`);
    library[STUB] =
      stub.replace(
        OUT_OF_MEMORY,
        '{ __noteTrap(2, <u32>(newOffset - offset), <u32>maxOffset); throw new Error("out of memory"); }',
      ) + reporter;
  }

  afterParse() {
    Object.assign(library, this.originals);
    // In place of the `abort=` that stands for all targets: of two, the compiler takes the general one.
    const { options } = /** @type {any} */ (this).program;
    options.globalAliases.set("abort", `~lib/${STUB}/__reportTrap`);
  }

  /**
   * @param {any} module the Binaryen module
   */
  afterCompile(module) {
    const { binaryen } = /** @type {any} */ (this);
    const names = Array.from({ length: module.getNumGlobals() }, (_, index) =>
      String(binaryen.getGlobalInfo(module.getGlobalByIndex(index)).name),
    );
    // A program in which nothing can go wrong has no text.
    if (!names.includes(TEXT)) return;
    const get = module.global.get(TEXT, binaryen.i32);
    module.addFunction(`~${EXPORT}`, binaryen.none, binaryen.i32, [], get);
    module.addFunctionExport(`~${EXPORT}`, EXPORT);
  }
}
