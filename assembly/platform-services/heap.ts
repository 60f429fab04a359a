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
/**
 * No rounding up to a size class leads beyond 2 GiB. Only the trusted runtime's allocator has blocks of 1 GiB and
 * more (`heap-end.transform.js`), and only its home offers so much.
 */
const BLOCK_MAXIMUM: usize = ((1 as usize) << 31) - ((1 as usize) << 26) - 1;
/** Header of a managed object after the block's own. */
const OBJECT_OVERHEAD: usize = 16;
/**
 * What stays free for the small objects that the work on one message makes without asking. A module that
 * is compiled for less than a page (`--lowMemoryLimit`) makes fewer: the client's need is measured by its
 * test of memory that runs out at every step.
 */
const WORKING_RESERVE: usize = ASC_LOW_MEMORY_LIMIT > 0 ? 4096 : 8192;

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
  const growth: usize = 2 * BLOCK_OVERHEAD + ALIGN_MASK;
  const wanted = (size >= SMALL_BLOCK_SIZE ? roundToClass(size) : size) + growth;
  return ((memory.size() as u64) << 16) + (wanted as u64) <= (memoryLimit() as u64);
}

/** The largest size that a search for a free block finds without new pages. */
function largestFreeBlock(): usize {
  const root = (__heap_base + ALIGN_MASK) & ~ALIGN_MASK;
  const firstMap = load<u32>(root);
  if (firstMap <= 1) return 0; // none, or small ones only
  const firstLevel = 31 - (clz(firstMap) as u32);
  const secondMap = load<u32>(root + 4 + ((firstLevel as usize) << 2));
  const secondLevel = 31 - (clz(secondMap) as u32);
  const width = firstLevel + SMALL_BLOCK_BITS - 1 - SECOND_LEVEL_BITS;
  return (((1 << SECOND_LEVEL_BITS) + secondLevel) as usize) << width;
}

/**
 * Allocates as `heap.alloc` does, but at the end of the largest free block: what is allocated while the
 * block is in use then lies below it, and when it is freed what is free is one block again. The caller has
 * asked `canAllocate`. Not for homes whose memory grows.
 */
export function allocateAtEnd(length: usize): usize {
  const own = roundToClass(length + 2 * (ALIGN_MASK + BLOCK_OVERHEAD));
  const largest = largestFreeBlock();
  if (largest < own + SMALL_BLOCK_SIZE) return heap.alloc(length);
  const below = heap.alloc(largest - own);
  const block = heap.alloc(length);
  heap.free(below);
  return block;
}

/**
 * Frees what nothing refers to any more. To be called only between messages, when no reference
 * lives on the WebAssembly stack.
 */
export function collectGarbage(): void {
  __collect();
}
