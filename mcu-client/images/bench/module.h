// What the generated table (host/mcu/bench-harness.ts) tells of the WebAssembly module under test.
#ifndef BENCH_MODULE_H
#define BENCH_MODULE_H

#include <stddef.h>
#include <stdint.h>

struct bench_export {
  const char *name;
  /// One character for each parameter, then ':', then one for the result or none: i I f F are i32,
  /// i64, f32, f64.
  const char *type;
  /// Calls the module as it was compiled. Values are raw bits, zero-extended.
  uint64_t (*call)(const uint64_t *arguments);
};

extern const struct bench_export bench_exports[];
extern const size_t bench_export_count;

/// The functions that the module imports beyond `platform.random` and `platform.debug`: calls trap.
struct bench_import {
  const char *module, *name;
};
extern const struct bench_import bench_imports[];
extern const size_t bench_import_count;

/// The module itself.
extern const uint8_t bench_wasm[], bench_wasm_end[];

/// Instantiates the compiled module (start function and `_initialize` apart).
void bench_instantiate(void);

/// Deterministic bytes, equal in every host: the source behind `platform.random`.
void bench_random(uint8_t *out, size_t length);

/// `platform.debug`: one line on the console.
void bench_debug(const uint8_t *text, uint32_t length);

#endif
