// Compiler transform of the trusted runtime, named in `scripts/wasm-modules.js`.
//
// AssemblyScript's allocator (std/assembly/rt/tlsf.ts) takes all pages of the memory for its own, and adds
// pages as it needs them. A microcontroller's home backs less than whole pages, as
// `platform.memoryLimit` tells: here the allocator is made to end there. And where the memory is small
// and there anyway, the allocator takes all of it at its start: what is free is then one block, while
// pages that may come later count as apart (`canAllocate`).
// @ts-check
import { libraryFiles } from "assemblyscript/asc";

const NAME = "rt/tlsf";

/** What is replaced in the allocator's source, and by what. Each occurs exactly once. */
const replacements = [
  [
    "addMemory(root, memStart, <u64>memory.size() << 16)",
    "addMemory(root, memStart, initialMemoryEnd())",
  ],
  [
    "addMemory(root, <usize>pagesBefore << 16, <u64>pagesAfter << 16)",
    "addMemory(root, <usize>pagesBefore << 16, memoryEnd())",
  ],
];

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
  // Where it is refused, \`memoryEnd\` is what there is.
  if (limit <= SET_ASIDE && missing > 0) memory.grow(missing);
  return memoryEnd();
}
`;

// The compiler reads its library from this table after it has loaded its transforms.
export default class HeapEnd {
  constructor() {
    let text = /** @type {Record<string, string>} */ (libraryFiles)[NAME] ?? "";
    for (const [found, put] of replacements) {
      if (text.split(/** @type {string} */ (found)).length !== 2)
        throw new Error(`${NAME} of this AssemblyScript has no single "${found}"`);
      text = text.replace(/** @type {string} */ (found), /** @type {string} */ (put));
    }
    libraryFiles[NAME] = text + added;
  }
}
