// First fit over blocks in the order of their addresses; free neighbours are joined. A block's header
// is its size, whose lowest bit says whether it is in use. There are few and mostly large blocks here
// (code pages, linear memories, tables), so a walk is short.
#include "heap.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

extern uint8_t __heap_start[], __heap_end[];

enum { ALIGN = 8, USED = 1 };

// Followed by the block's bytes. The payload is aligned since the header is as large as the alignment.
struct block {
  uint32_t size; // header included, a multiple of ALIGN; and USED
  uint32_t unused;
};

static size_t used, peak, allocations;

static struct block *first(void) { return (struct block *)__heap_start; }
static struct block *end(void) { return (struct block *)__heap_end; }
static size_t size_of(const struct block *block) { return block->size & ~(uint32_t)USED; }
static struct block *next(struct block *block) {
  return (struct block *)((uint8_t *)block + size_of(block));
}

static void init(void) {
  static int done;
  if (done) return;
  done = 1;
  first()->size = (uint32_t)(__heap_end - __heap_start) & ~(uint32_t)(ALIGN - 1);
}

// Joins a free block with the free ones after it.
static void join(struct block *block) {
  for (struct block *after = next(block); after < end() && !(after->size & USED); after = next(block))
    block->size += after->size;
}

// Leaves `size` bytes in a block of at least that many, and makes a free block of the rest.
static void split(struct block *block, size_t size) {
  size_t rest = size_of(block) - size;
  if (rest < sizeof(struct block) + ALIGN) return;
  block->size = (uint32_t)size | (block->size & USED);
  struct block *after = next(block);
  after->size = (uint32_t)rest;
}

static void count(size_t bytes) {
  allocations++;
  used += bytes;
  if (used > peak) peak = used;
}

// Bytes of a block with room for `length`, or 0 when no block can have them.
static size_t block_size(size_t length) {
  if (length > (size_t)(__heap_end - __heap_start)) return 0;
  return (length + sizeof(struct block) + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

void *malloc(size_t length) {
  init();
  size_t size = block_size(length);
  if (size == 0) return NULL;
  for (struct block *block = first(); block < end(); block = next(block)) {
    if (block->size & USED) continue;
    join(block);
    if (block->size < size) continue;
    split(block, size);
    count(block->size);
    block->size |= USED;
    return block + 1;
  }
  return NULL;
}

void free(void *pointer) {
  if (!pointer) return;
  struct block *block = (struct block *)pointer - 1;
  block->size &= ~(uint32_t)USED;
  used -= block->size;
  join(block);
}

void *calloc(size_t number, size_t length) {
  size_t bytes;
  if (__builtin_mul_overflow(number, length, &bytes)) return NULL;
  void *pointer = malloc(bytes);
  return pointer ? memset(pointer, 0, bytes) : NULL;
}

void *realloc(void *pointer, size_t length) {
  if (!pointer) return malloc(length);
  struct block *block = (struct block *)pointer - 1;
  size_t before = size_of(block), size = block_size(length);
  if (size == 0) return NULL;
  // Grows in place where the neighbour is free.
  struct block *after = next(block);
  if (size > before && after < end() && !(after->size & USED)) {
    join(after);
    if (before + after->size >= size) block->size += after->size;
  }
  if (size_of(block) >= size) {
    split(block, size);
    used -= before;
    count(size_of(block));
    return pointer;
  }
  void *moved = malloc(length);
  if (!moved) return NULL;
  memcpy(moved, pointer, before - sizeof(struct block));
  free(pointer);
  return moved;
}

size_t heap_used(void) { return used; }
size_t heap_peak(void) { return peak; }
size_t heap_allocations(void) { return allocations; }
