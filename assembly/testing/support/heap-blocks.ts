/** The blocks of the heap, for tests that measure it. */

// The heap's blocks lie one after the other from the allocator's root (AssemblyScript 0.28,
// std/assembly/rt/tlsf.ts): a word of size and two flags, then the block. The last one has size 0.
const ROOT_SIZE: usize = 1572;
const FREE: u32 = 1;
const FLAGS: u32 = 3;
const PAINT: u8 = 0xa5;

function firstBlock(): usize {
  const root = (__heap_base + 15) & ~15;
  return ((root + ROOT_SIZE + 4 + 15) & ~15) - 4;
}

/** Bytes of all blocks in use, with what the allocator adds to each. */
export function heapUsed(): u32 {
  let used: u32 = 0;
  for (let block = firstBlock(); sizeOf(block) !== 0; block += sizeOf(block) + 4)
    if (!isFree(block)) used += (sizeOf(block) as u32) + 4;
  return used;
}

/** How many blocks of `size` bytes, with what the allocator adds, the free ones can be cut into. */
export function freeBlocks(size: u32): u32 {
  let count: u32 = 0;
  for (let block = firstBlock(); sizeOf(block) !== 0; block += sizeOf(block) + 4)
    if (isFree(block)) count += ((sizeOf(block) as u32) + 4) / size;
  return count;
}

/** Fills what is free with a pattern, so that `paintLost` can tell what was used since. */
export function paintFree(): void {
  for (let block = firstBlock(); sizeOf(block) !== 0; block += sizeOf(block) + 4)
    // The allocator's links are at both ends.
    if (isFree(block) && sizeOf(block) > 32) memory.fill(block + 12, PAINT, sizeOf(block) - 16);
}

/** Bytes that are free now, but were used at some time since `paintFree`. */
export function paintLost(): u32 {
  let lost: u32 = 0;
  for (let block = firstBlock(); sizeOf(block) !== 0; block += sizeOf(block) + 4) {
    if (!isFree(block) || sizeOf(block) <= 32) continue;
    const end = block + sizeOf(block) - 4;
    for (let at = block + 12; at < end; at++) if (load<u8>(at) !== PAINT) lost++;
  }
  return lost;
}

function sizeOf(block: usize): usize {
  return load<u32>(block) & ~FLAGS;
}

function isFree(block: usize): bool {
  return (load<u32>(block) & FREE) !== 0;
}
