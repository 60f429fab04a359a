/* What veracruz.h declares. It needs no C library. */
#include "veracruz.h"

/* ---- memcpy and its like: with bulk memory the compiler makes single instructions of the first three. ---- */

void *memcpy(void *restrict to, const void *restrict from, size_t bytes) {
  return __builtin_memcpy(to, from, bytes);
}

void *memmove(void *to, const void *from, size_t bytes) {
  return __builtin_memmove(to, from, bytes);
}

void *memset(void *to, int byte, size_t bytes) {
  return __builtin_memset(to, byte, bytes);
}

int memcmp(const void *one, const void *other, size_t bytes) {
  const uint8_t *a = one, *b = other;
  for (size_t i = 0; i < bytes; i++)
    if (a[i] != b[i]) return a[i] < b[i] ? -1 : 1;
  return 0;
}

int vc_compare(vc_bytes one, vc_bytes other) {
  uint32_t common = one.length < other.length ? one.length : other.length;
  int order = memcmp(one.data, other.data, common);
  if (order != 0) return order;
  return one.length < other.length ? -1 : one.length > other.length;
}

/* ---- Memory ---- */

/* A block: its size in bytes with this header, and while it is free the next free block. In order of
 * addresses, so that neighbours merge. */
typedef struct block {
  size_t size;
  struct block *next;
} block;

enum { HEADER = 8, ALIGNMENT = 8, PAGE = 65536 };

/* The linker's: where static data end. */
extern uint8_t __heap_base;

static block *first_free;
/* Where the heap's last block ends; 0 before the first call. */
static size_t heap_end;

/* Puts a block into the list and joins it with the neighbours that it touches. */
static void give_back(block *freed) {
  block **link = &first_free;
  block *before = NULL;
  while (*link && *link < freed) {
    before = *link;
    link = &before->next;
  }
  freed->next = *link;
  *link = freed;
  if (freed->next && (uint8_t *)freed + freed->size == (uint8_t *)freed->next) {
    freed->size += freed->next->size;
    freed->next = freed->next->next;
  }
  if (before && (uint8_t *)before + before->size == (uint8_t *)freed) {
    before->size += freed->size;
    before->next = freed->next;
  }
}

/* Grows the heap by `bytes` at least; false where the host gives no more. */
static bool grow(size_t bytes) {
  size_t present = (size_t)__builtin_wasm_memory_size(0) * PAGE;
  if (heap_end == 0) {
    heap_end = ((size_t)&__heap_base + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    /* The rest of the pages that the program begins with. */
    if (present - heap_end >= sizeof(block)) {
      block *rest = (block *)heap_end;
      rest->size = present - heap_end;
      heap_end = present;
      give_back(rest);
      if (rest->size >= bytes) return true;
    }
  }
  if (bytes > 0xffffffffu - PAGE) return false;
  size_t pages = (bytes + PAGE - 1) / PAGE;
  size_t old = __builtin_wasm_memory_grow(0, pages);
  if (old == (size_t)-1) return false;
  block *more = (block *)(old * PAGE);
  more->size = pages * PAGE;
  heap_end = (old + pages) * PAGE;
  give_back(more);
  return true;
}

void *malloc(size_t bytes) {
  if (bytes > 0x7fffffff) return NULL;
  size_t size = (bytes + HEADER + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
  if (size < sizeof(block)) size = sizeof(block);
  for (;;) {
    for (block **link = &first_free; *link; link = &(*link)->next) {
      block *found = *link;
      if (found->size < size) continue;
      if (found->size - size >= 2 * sizeof(block)) {
        block *rest = (block *)((uint8_t *)found + size);
        rest->size = found->size - size;
        rest->next = found->next;
        *link = rest;
        found->size = size;
      } else {
        *link = found->next;
      }
      return (uint8_t *)found + HEADER;
    }
    if (!grow(size)) return NULL;
  }
}

void free(void *pointer) {
  if (pointer) give_back((block *)((uint8_t *)pointer - HEADER));
}

void *calloc(size_t count, size_t bytes) {
  if (bytes != 0 && count > 0x7fffffff / bytes) return NULL;
  void *made = malloc(count * bytes);
  if (made) memset(made, 0, count * bytes);
  return made;
}

void *realloc(void *pointer, size_t bytes) {
  if (!pointer) return malloc(bytes);
  size_t present = ((block *)((uint8_t *)pointer - HEADER))->size - HEADER;
  if (bytes <= present) return pointer;
  void *larger = malloc(bytes);
  if (!larger) return NULL;
  memcpy(larger, pointer, present);
  free(pointer);
  return larger;
}

/* ---- Files ---- */

/* Room for a file of this length: one byte where it is empty, so that it is never NULL. */
static uint8_t *room(uint32_t length) {
  return malloc(length == 0 ? 1 : length);
}

vc_code vc_input(uint32_t index, vc_bytes *out) {
  vc_code code = vc_input_size(index, &out->length);
  if (code != VC_SUCCESS) return code;
  uint8_t *buffer = room(out->length);
  out->data = buffer;
  return buffer ? vc_read_input(index, buffer, out->length) : VC_GENERIC;
}

vc_code vc_stream(uint32_t index, vc_bytes *out) {
  vc_code code = vc_stream_size(index, &out->length);
  if (code != VC_SUCCESS) return code;
  uint8_t *buffer = room(out->length);
  out->data = buffer;
  return buffer ? vc_read_stream(index, buffer, out->length) : VC_GENERIC;
}

vc_code vc_previous_result(vc_bytes *out) {
  /* One early host stored 8 bytes. */
  uint32_t length[2] = {0, 0};
  vc_code code = vc_previous_result_size(length);
  if (code != VC_SUCCESS) return code;
  uint8_t *buffer = room(length[0]);
  out->data = buffer;
  out->length = length[0];
  return buffer ? vc_read_previous_result(buffer, length[0]) : VC_GENERIC;
}

vc_code vc_require_inputs(uint32_t count) {
  uint32_t present;
  vc_code code = vc_input_count(&present);
  if (code != VC_SUCCESS) return code;
  return present == count ? VC_SUCCESS : VC_DATA_SOURCE_COUNT;
}

vc_code vc_require_streams(uint32_t count) {
  uint32_t present;
  vc_code code = vc_stream_count(&present);
  if (code != VC_SUCCESS) return code;
  return present == count ? VC_SUCCESS : VC_STREAM_SOURCE_COUNT;
}

/* ---- The classic encoding ---- */

const uint8_t *vc_read_raw(vc_reader *reader, uint32_t length) {
  if (reader->failed || length > (uint32_t)(reader->end - reader->at)) {
    reader->failed = true;
    return NULL;
  }
  const uint8_t *at = reader->at;
  reader->at += length;
  return at;
}

uint32_t vc_read_varint(vc_reader *reader) {
  uint32_t value = 0;
  for (uint32_t shift = 0; shift < 35; shift += 7) {
    uint8_t byte = vc_read_u8(reader);
    /* Four bits are left for the fifth byte. */
    if (shift == 28 && byte > 0x0f) break;
    value |= (uint32_t)(byte & 0x7f) << shift;
    if (byte < 0x80) return reader->failed ? 0 : value;
  }
  reader->failed = true;
  return 0;
}

uint32_t vc_read_count(vc_reader *reader, uint32_t item_bytes) {
  uint32_t count = vc_read_varint(reader);
  if ((uint64_t)count * item_bytes <= (uint32_t)(reader->end - reader->at)) return count;
  reader->failed = true;
  return 0;
}

vc_bytes vc_read_bytes(vc_reader *reader) {
  vc_bytes bytes = {NULL, vc_read_varint(reader)};
  bytes.data = vc_read_raw(reader, bytes.length);
  if (!bytes.data) bytes.length = 0;
  return bytes;
}

/* Whether the bytes are UTF-8: the ranges of Unicode 15, table 3-7. */
static bool is_utf8(vc_bytes text) {
  for (const uint8_t *at = text.data, *end = at + text.length; at < end;) {
    uint8_t lead = *at++;
    if (lead < 0x80) continue;
    if (lead < 0xc2 || lead > 0xf4) return false;
    uint32_t more = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    if (more > (uint32_t)(end - at)) return false;
    uint8_t least = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    uint8_t most = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (*at < least || *at > most) return false;
    for (at++; --more > 0; at++)
      if ((*at & 0xc0) != 0x80) return false;
  }
  return true;
}

vc_bytes vc_read_string(vc_reader *reader) {
  vc_bytes text = vc_read_bytes(reader);
  if (!is_utf8(text)) {
    reader->failed = true;
    text.length = 0;
  }
  return text;
}

bool vc_read_bool(vc_reader *reader) {
  uint8_t byte = vc_read_u8(reader);
  if (byte > 1) reader->failed = true;
  return byte == 1;
}

uint32_t vc_read_char(vc_reader *reader) {
  uint32_t scalar = vc_read_u32(reader);
  if (scalar <= 0x10ffff && (scalar & 0xfffff800) != 0xd800) return scalar;
  reader->failed = true;
  return 0;
}

uint8_t *vc_write_raw(vc_writer *writer, uint32_t length) {
  if (writer->failed) return NULL;
  if (length > writer->capacity - writer->length) {
    uint64_t needed = (uint64_t)writer->length + length;
    uint64_t wanted = needed < 64 ? 64 : needed * 2;
    uint8_t *larger = NULL;
    if (writer->grows && needed <= 0x7fffffff) {
      larger = wanted <= 0x7fffffff ? realloc(writer->data, (size_t)wanted) : NULL;
      if (!larger) {
        /* Where memory is short, no more than needed. */
        wanted = needed;
        larger = realloc(writer->data, (size_t)wanted);
      }
    }
    if (!larger) {
      writer->failed = true;
      return NULL;
    }
    writer->data = larger;
    writer->capacity = (uint32_t)wanted;
  }
  uint8_t *at = writer->data + writer->length;
  writer->length += length;
  return at;
}

void vc_write_varint(vc_writer *writer, uint32_t value) {
  for (; value > 0x7f; value >>= 7) vc_write_u8(writer, (uint8_t)(value | 0x80));
  vc_write_u8(writer, (uint8_t)value);
}

void vc_write_bytes(vc_writer *writer, vc_bytes bytes) {
  vc_write_varint(writer, bytes.length);
  uint8_t *at = vc_write_raw(writer, bytes.length);
  if (at) memcpy(at, bytes.data, bytes.length);
}

/* ---- Sorting ---- */

static void swap(uint8_t *one, uint8_t *other, uint32_t bytes) {
  for (; bytes >= 4; bytes -= 4, one += 4, other += 4) {
    uint32_t a, b;
    __builtin_memcpy(&a, one, 4);
    __builtin_memcpy(&b, other, 4);
    __builtin_memcpy(one, &b, 4);
    __builtin_memcpy(other, &a, 4);
  }
  for (; bytes > 0; bytes--, one++, other++) {
    uint8_t a = *one;
    *one = *other;
    *other = a;
  }
}

void vc_sort(void *items, uint32_t count, uint32_t item_bytes,
             int (*compare)(const void *, const void *)) {
  uint8_t *base = items;
  uint32_t start = count / 2, end = count;
  while (end > 1) {
    if (start > 0) {
      start--;
    } else {
      end--;
      swap(base, base + (size_t)end * item_bytes, item_bytes);
    }
    /* Sift the item at `start` down the heap of the first `end` items. */
    for (uint32_t at = start;;) {
      uint32_t child = 2 * at + 1;
      if (child >= end) break;
      uint8_t *larger = base + (size_t)child * item_bytes;
      if (child + 1 < end && compare(larger, larger + item_bytes) < 0) larger += item_bytes, child++;
      uint8_t *here = base + (size_t)at * item_bytes;
      if (compare(here, larger) >= 0) break;
      swap(here, larger, item_bytes);
      at = child;
    }
  }
}

/* ---- Random numbers ---- */

vc_code vc_random_below(uint32_t bound, uint32_t *out) {
  *out = 0;
  if (bound == 0) return VC_SUCCESS;
  /* 2^32 mod bound: that many of the low halves would make some numbers more probable (D. Lemire, 2019). */
  uint32_t excess = (0u - bound) % bound;
  for (;;) {
    uint32_t bits;
    vc_code code = vc_getrandom((uint8_t *)&bits, sizeof bits);
    if (code != VC_SUCCESS) return code;
    uint64_t product = (uint64_t)bits * bound;
    if ((uint32_t)product < excess) continue;
    *out = (uint32_t)(product >> 32);
    return VC_SUCCESS;
  }
}
