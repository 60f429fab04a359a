// What the generated table of exports (host/mcu/bench-table.ts) is written in.
#ifndef BENCH_TABLE_H
#define BENCH_TABLE_H

#include "../../arch/console.h"
#include "../../hal/board.h"
#include "compiled.h"
#include "module.h"

#define CONVERSIONS(name, type, bits_type)                              \
  __attribute__((unused)) static type from_bits_##name(uint64_t bits) { \
    bits_type narrow = (bits_type)bits;                                 \
    type value;                                                         \
    memcpy(&value, &narrow, sizeof value);                              \
    return value;                                                       \
  }                                                                     \
  __attribute__((unused)) static uint64_t to_bits_##name(type value) {  \
    bits_type bits;                                                     \
    memcpy(&bits, &value, sizeof bits);                                 \
    return bits;                                                        \
  }
CONVERSIONS(i32, u32, u32)
CONVERSIONS(i64, u64, u64)
CONVERSIONS(f32, f32, u32)
CONVERSIONS(f64, f64, u64)

/// `length` bytes at `address` of the compiled module's memory; a trap when they are not in it.
uint8_t *bench_slice(wasm_rt_memory_t *memory, uint32_t address, uint32_t length);

#endif
