// Compiler transform of the trusted runtime, named in `scripts/wasm-modules.js`.
//
// AssemblyScript's allocator (std/assembly/rt/tlsf.ts) takes all pages of the memory for its own, and adds
// pages as it needs them. A microcontroller's home backs less than whole pages, as
// `platform.memoryLimit` tells: here the allocator is made to end there. And where the memory is small
// and there anyway, the allocator takes all of it at its start: what is free is then one block, while
// pages that may come later count as apart (`canAllocate`).
//
// A computer's home may have up to 4 GiB, of which the allocator gives blocks of less than 1 GiB only: here
// they may come close to 2 GiB. It takes what it finds for a block of more than half its most without a look
// at its length; with one more level of its lists it need not.
// @ts-check
import { libraryFiles } from "assemblyscript/asc";

const ALLOCATOR = "rt/tlsf";
const COMMON = "rt/common";

/** By file of the library, what is replaced in its source, and by what. Each occurs exactly once. */
const replacements = {
  [ALLOCATOR]: [
    [
      "addMemory(root, memStart, <u64>memory.size() << 16)",
      "addMemory(root, memStart, initialMemoryEnd())",
    ],
    [
      "addMemory(root, <usize>pagesBefore << 16, <u64>pagesAfter << 16)",
      "addMemory(root, <usize>pagesBefore << 16, memoryEnd())",
    ],
    ["const FL_BITS: u32 = 31 - SB_BITS;", "const FL_BITS: u32 = 32 - SB_BITS;"],
    ["return size < halfMaxSize\n", "return size < BLOCK_MAXSIZE\n"],
  ],
  [COMMON]: [["(1 << 30) - BLOCK_OVERHEAD;", "((1 as usize) << 31) - BLOCK_OVERHEAD;"]],
};

const added = `
// @ts-ignore: decorator
@external("platform", "memoryLimit")
declare function homeMemoryLimit(): u32;

/** Homes that allow no more than these bytes have them set aside. */
const SET_ASIDE: u32 = 1 << 20;

/** Where the memory that is really there ends. */
function memoryEnd(): u64 {
  return min(<u64>memory.size() << 16, <u64>homeMemoryLimit());
}

function initialMemoryEnd(): u64 {
  const limit = homeMemoryLimit();
  const missing = <i32>((limit + 0xffff) >> 16) - memory.size();
  // If it is refused, \`memoryEnd\` stays the end.
  if (limit <= SET_ASIDE && missing > 0) memory.grow(missing);
  return memoryEnd();
}
`;

const library = /** @type {Record<string, string>} */ (libraryFiles);
const originals = Object.fromEntries(
  Object.keys(replacements).map((name) => [name, library[name] ?? ""]),
);

// The compiler reads its library from this table after it has loaded its transforms, and the same process may compile
// other modules later: the table is as it was once the sources are parsed.
export default class HeapEnd {
  constructor() {
    for (const [name, pairs] of Object.entries(replacements)) {
      let text = originals[name] ?? "";
      for (const [found = "", put = ""] of pairs) {
        if (text.split(found).length !== 2)
          throw new Error(`${name} of this AssemblyScript has no single ${JSON.stringify(found)}`);
        text = text.replace(found, put);
      }
      library[name] = text;
    }
    library[ALLOCATOR] += added;
  }

  afterParse() {
    Object.assign(library, originals);
  }
}
