// What the generated table of exports (host/mcu/bench-table.ts) is written in where the module is code of the Thumb-2
// compiler.
#ifndef BENCH_NATIVE_CODE_H
#define BENCH_NATIVE_CODE_H

#include "../../module/native-module.h"
#include "../../wasm2c/wasm-rt.h"
#include "module.h"

/// Calls export `which`, of a type as in bench_export, with arguments as raw bits; so is the result, zero-extended.
uint64_t bench_call_native(const struct native_module *module, uint32_t which, const char *type,
                           const uint64_t *arguments);

/// `length` bytes at `address` of its memory; a trap when they are not in it.
uint8_t *bench_native_slice(const struct native_module *module, uint32_t address, uint32_t length);

#endif
