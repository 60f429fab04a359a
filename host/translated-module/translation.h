// What a module that was translated to C has in common with the addon that hosts it (wasm3-node/native/translation.c).
// The module is a shared object with one symbol, `translation`.
#ifndef TRANSLATION_H
#define TRANSLATION_H

#include <stdint.h>

// Raised whenever anything below changes
#define TRANSLATION_VERSION 1

typedef enum {
  TRANSLATION_TRAP_OUT_OF_BOUNDS,
  TRANSLATION_TRAP_INTEGER_OVERFLOW,
  TRANSLATION_TRAP_DIVISION_BY_ZERO,
  TRANSLATION_TRAP_INVALID_CONVERSION,
  TRANSLATION_TRAP_UNREACHABLE,
  TRANSLATION_TRAP_INDIRECT_CALL,
  TRANSLATION_TRAP_STACK_OVERFLOW,
} TranslationTrap;

// The module's linear memory, and where the thread's stack ends for it. The home keeps both current.
typedef struct {
  uint8_t *data;
  uint64_t size;  // bytes
  uint32_t pages;
  uintptr_t stackLimit;
  struct TranslationHome *home;
} TranslationMemory;

// What the module asks of its home. Slots are wasm3's: 64 bits each, results first, then arguments.
typedef struct TranslationHome {
  void (*trap)(struct TranslationHome *home, TranslationTrap trap) __attribute__((noreturn));
  // Calls the import of that number in `imports`; does not return when it traps
  void (*import)(struct TranslationHome *home, uint32_t number, uint64_t *slots);
  // memory.grow: the pages before, or 2^32 - 1
  uint32_t (*grow)(struct TranslationHome *home, uint32_t pages);
} TranslationHome;

typedef struct {
  uint32_t version;
  char sha256[65];  // of the WebAssembly module, hexadecimal
  uint64_t instanceBytes;
  TranslationMemory *(*memory)(void *instance);  // in place before `instantiate`
  void (*instantiate)(void *instance);
  void (*release)(void *instance);  // what `instantiate` allocated
  uint32_t importCount, exportCount;
  const struct {
    const char *module, *name;
  } *imports;
  const struct TranslationExport {
    const char *name;
    void (*call)(void *instance, uint64_t *slots);
  } *exports;
} Translation;

#endif
