/** The MCU client with entry points that only tests need. */

import { freeBlocks } from "./support/heap-blocks";

export * from "../mcu-client/index";
export { heapUsed, paintFree, paintLost } from "./support/heap-blocks";

/** Bytes of a block, with what the allocator adds. */
const SMALL_BLOCK: u32 = 64;

/** Takes memory away for good, until about `bytes` are left. */
export function leaveMemory(bytes: u32): void {
  for (let free = freeBlocks(SMALL_BLOCK); free * SMALL_BLOCK > bytes; free--)
    heap.alloc((SMALL_BLOCK as usize) - 4);
}
