// Compiler transform of test builds, named in `scripts/wasm-modules.js`: whatever AssemblyScript's allocator is given
// back is overwritten with 0xDD at once. A pointer that outlives its call then reads 0xDD, every time, where it would
// read what was there before most of the time.
// @ts-check
import { libraryFiles } from "assemblyscript/asc";

const NAME = "rt/tlsf";

/** Every block that is given back passes here, managed objects and those of `heap.free` alike. */
const FOUND = "  block.mmInfo = block.mmInfo | FREE;\n  insertBlock(root, block);";
const PUT = `  memory.fill(changetype<usize>(block) + BLOCK_OVERHEAD, 0xdd, block.mmInfo & ~TAGS_MASK);\n${FOUND}`;

/**
 * @param {string} from
 * @param {string} to
 */
function replace(from, to) {
  const library = /** @type {Record<string, string>} */ (libraryFiles);
  library[NAME] = (library[NAME] ?? "").replace(from, () => to);
}

// Other transforms change the same file: only this one's own change is made, and taken back, as the process may
// compile other modules later.
export default class ScrubFreed {
  constructor() {
    const library = /** @type {Record<string, string>} */ (libraryFiles);
    if ((library[NAME] ?? "").split(FOUND).length !== 2)
      throw new Error(`${NAME} of this AssemblyScript does not free blocks in one place`);
    replace(FOUND, PUT);
  }

  afterParse() {
    replace(PUT, FOUND);
  }
}
