import { memoryLimit } from "./platform";

// Layout of the TLSF allocator of AssemblyScript 0.28 (std/assembly/rt/tlsf.ts), whose root block
// sits at the aligned heap base. A failed allocation there is a trap, which is fatal to the runtime,
// and the allocator has no call that asks first: hence this reader of its free lists.
const ALIGN_MASK: usize = 15;
const SECOND_LEVEL_BITS: u32 = 4;
const SMALL_BLOCK_SIZE: usize = 256;
const SMALL_BLOCK_BITS: u32 = 8;
const BLOCK_OVERHEAD: usize = 4;
const BLOCK_MINIMUM: usize = 12;
const BLOCK_MAXIMUM: usize = (1 << 30) - 1;
/** Header of a managed object behind the block's own. */
const OBJECT_OVERHEAD: usize = 16;
/**
 * What stays free for the small objects that the work on one message makes without asking. A module that
 * is compiled for less than a page (`--lowMemoryLimit`) makes fewer: the client's need is measured by its
 * test of memory that runs out at every step.
 */
const WORKING_RESERVE: usize = ASC_LOW_MEMORY_LIMIT > 0 ? 4096 : 16384;

/** Rounds up to the size class in which the allocator searches. */
function roundToClass(size: usize): usize {
  return size + ((1 as usize) << (31 - SECOND_LEVEL_BITS - (clz<usize>(size) as u32))) - 1;
}

/** Whether the allocator's free lists hold a block of `size` bytes. */
function hasFreeBlock(size: usize): bool {
  const root = (__heap_base + ALIGN_MASK) & ~ALIGN_MASK;
  let firstLevel: u32 = 0;
  let secondLevel: u32 = 0;
  if (size < SMALL_BLOCK_SIZE) {
    secondLevel = (size >> 4) as u32;
  } else {
    const rounded = roundToClass(size);
    const log = 31 - (clz<usize>(rounded) as u32);
    secondLevel = ((rounded >> (log - SECOND_LEVEL_BITS)) as u32) ^ (1 << SECOND_LEVEL_BITS);
    firstLevel = log - (SMALL_BLOCK_BITS - 1);
  }
  const secondMap = load<u32>(root + 4 + ((firstLevel as usize) << 2));
  if ((secondMap & (-1 << secondLevel)) !== 0) return true;
  const firstMap = load<u32>(root);
  return (firstMap & (-1 << (firstLevel + 1))) !== 0;
}

/**
 * Whether an object of `length` bytes (a StaticArray<u8>, say, or a block of `heap.alloc`) can be
 * allocated now without a trap, from a free block or by growing within what the home allows, and leave
 * the reserve for small objects.
 *
 * Everything whose size comes from outside asks this first. It says nothing of a second allocation.
 */
export function canAllocate(length: usize): bool {
  const overhead = OBJECT_OVERHEAD + ALIGN_MASK + BLOCK_OVERHEAD + WORKING_RESERVE;
  if (length > BLOCK_MAXIMUM - overhead) return false;
  const payload = length + OBJECT_OVERHEAD + WORKING_RESERVE;
  const size =
    payload <= BLOCK_MINIMUM
      ? BLOCK_MINIMUM
      : ((payload + BLOCK_OVERHEAD + ALIGN_MASK) & ~ALIGN_MASK) - BLOCK_OVERHEAD;
  if (hasFreeBlock(size)) return true;
  // Such a module's allocator never grows.
  if (ASC_LOW_MEMORY_LIMIT > 0) return false;
  // What the allocator asks for when it grows, in the worst case (new pages not next to its tail).
  const wanted = (size >= SMALL_BLOCK_SIZE ? roundToClass(size) : size) + 2 * BLOCK_OVERHEAD;
  const pages = ((wanted + 0xffff) >> 16) as u32;
  return (memory.size() as u32) + pages <= memoryLimit() >> 16;
}

/**
 * Frees what nothing refers to any more. To be called only between messages, when no reference
 * lives on the WebAssembly stack.
 */
export function collectGarbage(): void {
  __collect();
}
