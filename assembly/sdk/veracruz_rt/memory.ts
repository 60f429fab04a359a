/**
 * Memory of a no_std program. The compiler's stub runtime is the allocator: it hands out the next free
 * bytes and asks the host for more pages when they run out. It never looks for garbage, and it traps
 * when the host gives no more. These functions cover both ends: ask first, and give back in one piece.
 */

/** What the stub runtime puts before a block: its payload's length (a usize). */
const BLOCK_HEADER: usize = 4;

/** Kept free on top of every reservation: headers, the array object around a buffer, small results. */
const SLACK: usize = 1024;

/** The largest array that the compiler's library makes without a trap. */
const LARGEST_OBJECT: usize = (1 << 30) - 64;

const PAGE_BITS: u64 = 16;

/** Where the next block's payload will begin. */
function top(): usize {
  if (ASC_RUNTIME !== 0) ERROR("veracruz_rt works with the stub runtime only (--runtime stub)");
  const block = heap.alloc(0);
  heap.free(block);
  return block;
}

/**
 * Makes sure that the next `bytes` bytes can be allocated (in one object or several, a kibibyte of
 * headers included), growing the memory if need be. Without it, an allocation that the host's memory
 * limit does not allow is a trap. Ask before allocating in proportion to what an input says.
 *
 * @returns false when there is not enough memory; then nothing has changed
 */
export function reserve(bytes: usize): bool {
  if (bytes > LARGEST_OBJECT) return false;
  const needed = (top() as u64) + (bytes as u64) + (SLACK as u64);
  const present = (memory.size() as u64) << PAGE_BITS;
  if (needed <= present) return true;
  const pages = ((needed - present + 0xffff) >> PAGE_BITS) as i32;
  // Hosts may move the whole memory to grow it: a quarter more at a time keeps that rare.
  const quarter = memory.size() >> 2;
  return (pages < quarter && memory.grow(quarter) >= 0) || memory.grow(pages) >= 0;
}

/**
 * A buffer of `length` zero bytes, or null if there is no memory for it.
 *
 * @param length in bytes
 */
export function tryBytes(length: usize): Uint8Array | null {
  return reserve(length) ? new Uint8Array(length as i32) : null;
}

/**
 * Remembers how much memory is in use, for `release`. A long computation that makes temporary objects
 * in each turn of a loop marks at the turn's beginning and releases at its end.
 */
export function mark(): usize {
  return top();
}

/**
 * Frees everything that was allocated since `marked` was taken. Nothing that was made in between may be
 * used after it, nor an array or map made before that has grown in between.
 */
export function release(marked: usize): void {
  // One block from the mark to the last block's end: the stub can free the last block only.
  const last = heap.alloc(0);
  const end = last + load<usize>(last - BLOCK_HEADER);
  store<usize>(marked - BLOCK_HEADER, end - marked);
  heap.free(marked);
}
