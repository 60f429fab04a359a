// A trusted module that wasm3 hosts.
#ifndef ISOLATE_INTERPRETED_MODULE_H
#define ISOLATE_INTERPRETED_MODULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "module.h"
#include "wasm3.h"

struct interpreted_import {
  const char *name, *signature;
  M3RawCall function;
};

/// What wasm3 keeps before the bytes of a linear memory, at most.
enum { INTERPRETED_HEADER = 64 };

struct interpreted_module {
  const struct interpreted_import *imports; // of module "platform", up to a NULL name
  const char *const *exports;
  IM3Function *functions; // found on first call
  size_t export_count;
  uint8_t *memory; // backs the module's linear memory: it never moves
  size_t memory_capacity;
  IM3Runtime runtime;
};

/// Parses, links and compiles the module, and runs its start function.
bool interpreted_start(struct interpreted_module *module, const uint8_t *wasm, uint32_t length);

/// Calls an export by its place in `exports`. `result` receives its result, where it has one.
bool interpreted_call(struct interpreted_module *module, size_t which, uint32_t count,
                      const void **arguments, void *result);

/// [address, address + length) of the module's memory, or NULL.
uint8_t *interpreted_memory(struct interpreted_module *module, uint32_t address, uint32_t length);

#endif
