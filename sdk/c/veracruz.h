/*
 * Veracruz programs in C: the H-calls, their codes, the classic data encoding, memory and sorting.
 * Freestanding: it needs no C library. Compile with `clang @flags.txt`, and veracruz.c beside your files.
 *
 *   #include "veracruz.h"
 *
 *   int main(void) {
 *     vc_bytes input;
 *     vc_code code = vc_input(0, &input);
 *     if (code != VC_SUCCESS) return code;
 *     return vc_write_output(input.data, input.length);
 *   }
 *
 * main returns VC_SUCCESS to release the result; any other code fails the run and reaches the requester.
 */
#ifndef VERACRUZ_H
#define VERACRUZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What H-calls answer and what main returns. */
typedef int32_t vc_code;

/* table: codes; made from assembly/sdk/veracruz_rt/return-code.ts by npm run build */
#define VC_SUCCESS ((vc_code)0) /* Done. */
#define VC_GENERIC ((vc_code)-1) /* Anything without its own code, a lack of memory included. */
#define VC_DATA_SOURCE_COUNT ((vc_code)-2) /* Not as many inputs as the program needs. */
#define VC_DATA_SOURCE_SIZE ((vc_code)-3) /* An input is longer than the buffer for it, or not of the length that the program needs. */
#define VC_BAD_INPUT ((vc_code)-4) /* No input with this index, or one whose content is malformed. */
#define VC_INVARIANT_FAILED ((vc_code)-5) /* Something that the program takes for granted does not hold. */
#define VC_RESULT_ALREADY_WRITTEN ((vc_code)-6) /* The run has written its result already; the first one stays. */
#define VC_SERVICE_UNAVAILABLE ((vc_code)-7) /* The platform lacks the service, the random source say. */
#define VC_STREAM_SOURCE_COUNT ((vc_code)-8) /* Not as many stream items as the program needs. */
#define VC_STREAM_SOURCE_SIZE ((vc_code)-9) /* A stream item is longer than the buffer for it, or not of the length that the program needs. */
#define VC_BAD_STREAM ((vc_code)-10) /* No stream item with this index, or one whose content is malformed. */
#define VC_PREVIOUS_RESULT_SIZE ((vc_code)-11) /* The previous result is longer than the buffer for it, or not of the length that the program needs. */
/* end */

/*
 * The H-calls, as the host offers them. A range outside the program's memory ends the run with a trap; what
 * is stored at `out` is a u32. Most programs use vc_input, vc_stream and vc_previous_result below instead.
 */
#define VC_HCALL(name)                           \
  __attribute__((import_module("env"),           \
                 import_name("__veracruz_hcall_" #name))) extern vc_code vc_##name

/* table: h-calls; made from assembly/sdk/veracruz_rt/env.ts by npm run build */
/* Stores the number of inputs at `out`, a u32. */
VC_HCALL(input_count)(uint32_t *out);
/* Stores the length of input `index` in bytes at `out`, a u32; -4 if there is no such input. */
VC_HCALL(input_size)(uint32_t index, uint32_t *out);
/* Copies input `index`, whole, to `buffer`; -4 if there is none, -3 if it is longer than `capacity`. */
VC_HCALL(read_input)(uint32_t index, uint8_t *buffer, uint32_t capacity);
/* Stores the number of this round's stream items at `out`, a u32. */
VC_HCALL(stream_count)(uint32_t *out);
/* Stores the length of stream item `index` in bytes at `out`, a u32; -10 if there is none. */
VC_HCALL(stream_size)(uint32_t index, uint32_t *out);
/* Copies stream item `index`, whole, to `buffer`; -10 if there is none, -9 if `capacity` is less. */
VC_HCALL(read_stream)(uint32_t index, uint8_t *buffer, uint32_t capacity);
/* Stores 1 at `out`, a u32, if the previous round left a result, else 0. */
VC_HCALL(has_previous_result)(uint32_t *out);
/* Stores the length of the previous result at `out`, a u32; 0 if there is none. */
VC_HCALL(previous_result_size)(uint32_t *out);
/* Copies the previous result, if any, to `buffer`; -11 if it is longer than `capacity`. */
VC_HCALL(read_previous_result)(uint8_t *buffer, uint32_t capacity);
/* Hands over a copy of `length` bytes at `buffer` as this run's result; -6 the second time. */
VC_HCALL(write_output)(const uint8_t *buffer, uint32_t length);
/* Fills `length` bytes at `buffer` from the platform's trusted source; -7 or -1 if it cannot. */
VC_HCALL(getrandom)(uint8_t *buffer, uint32_t length);
/* end */

#undef VC_HCALL

/* ---- Memory (veracruz.c) ----
 * First fit over a list of free blocks, which merge with their neighbours; grows the program's memory by
 * whole pages. Addresses are multiples of 8. NULL when the host gives no more memory: that is no trap. */

void *malloc(size_t bytes);
void *calloc(size_t count, size_t bytes);
void *realloc(void *block, size_t bytes);
void free(void *block);

void *memcpy(void *to, const void *from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int byte, size_t bytes);
int memcmp(const void *one, const void *other, size_t bytes);

/* ---- Bytes ---- */

/* A range of bytes that somebody else owns. */
typedef struct {
  const uint8_t *data;
  uint32_t length;
} vc_bytes;

/* Below 0, 0 or above 0, as memcmp, and a prefix comes first. UTF-8 texts compare by scalar values. */
int vc_compare(vc_bytes one, vc_bytes other);

static inline bool vc_equal(vc_bytes one, vc_bytes other) {
  return one.length == other.length && memcmp(one.data, other.data, one.length) == 0;
}

/* ---- Files of the run ----
 * The whole file, in memory from malloc. VC_GENERIC: there is no memory for it; else as the H-call says. */

/* The input `index`, from 0; VC_BAD_INPUT if there is none. */
vc_code vc_input(uint32_t index, vc_bytes *out);
/* This round's stream item `index`, from 0; VC_BAD_STREAM if there is none. */
vc_code vc_stream(uint32_t index, vc_bytes *out);
/* What the round before left; no bytes if there is nothing. */
vc_code vc_previous_result(vc_bytes *out);

/* VC_SUCCESS if the run has exactly so many inputs, else VC_DATA_SOURCE_COUNT. */
vc_code vc_require_inputs(uint32_t count);
/* VC_SUCCESS if the round has exactly so many stream items, else VC_STREAM_SOURCE_COUNT. */
vc_code vc_require_streams(uint32_t count);

/* ---- Reading the classic encoding ----
 * Strict and bounded: the first error makes `failed` true and stays, and from then on every call gives
 * zeros. Ask once, at the end. Bytes after the value are ignored, as the encoding says. */

typedef struct {
  const uint8_t *at, *end;
  bool failed;
} vc_reader;

static inline vc_reader vc_read(vc_bytes bytes) {
  vc_reader reader = {bytes.data, bytes.data + bytes.length, false};
  return reader;
}

/* The next `length` bytes, not copied; NULL if there are fewer. */
const uint8_t *vc_read_raw(vc_reader *reader, uint32_t length);
/* An unsigned LEB128 number of 32 bits: the index of an enumeration, a count. */
uint32_t vc_read_varint(vc_reader *reader);
/* A count of items that take at least `item_bytes` each: never more than the bytes that are left can hold,
 * so it is safe to allocate for it. `item_bytes` is at least 1. */
uint32_t vc_read_count(vc_reader *reader, uint32_t item_bytes);
/* Vec<u8>: a count and the bytes, not copied. */
vc_bytes vc_read_bytes(vc_reader *reader);
/* String: as bytes, and they are UTF-8 (RFC 3629). No NUL follows. */
vc_bytes vc_read_string(vc_reader *reader);
/* One byte, 0 or 1. The value of an Option<T> follows a 1. */
bool vc_read_bool(vc_reader *reader);
/* A Unicode scalar value. */
uint32_t vc_read_char(vc_reader *reader);

/* ---- Writing it ----
 * Into a buffer of yours (vc_write_to), or one that grows by malloc (vc_write). The first value that finds
 * no room makes `failed` true, and nothing is written from then on. */

typedef struct {
  uint8_t *data;
  uint32_t length, capacity;
  bool grows, failed;
} vc_writer;

static inline vc_writer vc_write(void) {
  vc_writer writer = {NULL, 0, 0, true, false};
  return writer;
}

static inline vc_writer vc_write_to(void *buffer, uint32_t capacity) {
  vc_writer writer = {(uint8_t *)buffer, 0, capacity, false, false};
  return writer;
}

/* Room for `length` more bytes, which then count as written; NULL if there is none. */
uint8_t *vc_write_raw(vc_writer *writer, uint32_t length);
void vc_write_varint(vc_writer *writer, uint32_t value);
/* A count and the bytes: Vec<u8>, and a String if they are UTF-8. */
void vc_write_bytes(vc_writer *writer, vc_bytes bytes);

static inline void vc_write_bool(vc_writer *writer, bool value) {
  uint8_t *at = vc_write_raw(writer, 1);
  if (at) *at = value;
}

/* vc_read_u8 … vc_read_f64, vc_write_u8 … vc_write_f64: fixed width, little-endian as WebAssembly is.
 * Rust's usize is a u64. */
#define VC_NUMBER(name, type)                                            \
  static inline type vc_read_##name(vc_reader *reader) {                 \
    const uint8_t *at = vc_read_raw(reader, sizeof(type));               \
    type value = 0;                                                      \
    if (at) __builtin_memcpy(&value, at, sizeof value);                  \
    return value;                                                        \
  }                                                                      \
  static inline void vc_write_##name(vc_writer *writer, type value) {    \
    uint8_t *at = vc_write_raw(writer, sizeof value);                    \
    if (at) __builtin_memcpy(at, &value, sizeof value);                  \
  }
VC_NUMBER(u8, uint8_t)
VC_NUMBER(i8, int8_t)
VC_NUMBER(u16, uint16_t)
VC_NUMBER(i16, int16_t)
VC_NUMBER(u32, uint32_t)
VC_NUMBER(i32, int32_t)
VC_NUMBER(u64, uint64_t)
VC_NUMBER(i64, int64_t)
VC_NUMBER(f32, float)
VC_NUMBER(f64, double)
#undef VC_NUMBER

/* Hands what was written over as the run's result; VC_GENERIC if it had no room. */
static inline vc_code vc_output(const vc_writer *writer) {
  return writer->failed ? VC_GENERIC : vc_write_output(writer->data, writer->length);
}

/* ---- Sorting and random numbers ---- */

/* Sorts in place, without recursion and without memory of its own (heap sort; not stable). `compare` gives
 * below 0, 0 or above 0. */
void vc_sort(void *items, uint32_t count, uint32_t item_bytes,
             int (*compare)(const void *one, const void *other));

/* A whole number from 0 to `bound` - 1, each as probable as the others, from the platform's source. */
vc_code vc_random_below(uint32_t bound, uint32_t *out);

/* ---- Development ----
 * Prints a text when vc-fee runs the program. Isolates do not offer it: vc-wc refuses a program that holds
 * it. Compile with -DVC_DEBUG to have it; without, VC_PRINT is nothing. */
#ifdef VC_DEBUG
__attribute__((import_module("env"), import_name("__veracruz_debug_print"))) extern vc_code
vc_debug_print(uint32_t reserved, const void *text, uint32_t length);
#define VC_PRINT(text) ((void)vc_debug_print(0xffffffffu, text, (uint32_t)__builtin_strlen(text)))
#else
#define VC_PRINT(text) ((void)0)
#endif

#ifdef __cplusplus
}
#endif

#endif
