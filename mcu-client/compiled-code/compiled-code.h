// Runs what the Thumb-2 compiler (assembly/thumb2-compiler/) has made: lays out its memory, has it run in a view of
// memory of its own (core/crossing.h), and serves what it asks for. Nothing that code can write is believed: not its
// fuel, nor its memory's size.
#ifndef COMPILED_CODE_COMPILED_CODE_H
#define COMPILED_CODE_COMPILED_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "layout.h"

/// How a call ended, beside the traps that code itself ends in (CODE_TRAP_…).
enum { CODE_RETURNED = 0, CODE_TRAP_FUEL = 16, CODE_TRAP_HOME = 17, CODE_TRAP_STRAY = 18 };

struct compiled_code;

/// Serves import `number`; the first two of four arguments become the result. Returns CODE_RETURNED, or how the call
/// ends.
typedef uint32_t (*code_import)(struct compiled_code *code, uint32_t number, uint32_t *arguments);
/// Called when the clock has ticked. Returns as above.
typedef uint32_t (*code_tick)(struct compiled_code *code);

struct compiled_code {
  const uint8_t *program; // what the compiler made: whole slots of code (arch/protection.h)
  uint32_t program_bytes;
  uint8_t *data;          // its stack, its context and its linear memory: whole slots of data
  uint32_t data_bytes;
  uint32_t memory_capacity; // most bytes of linear memory, at the end of `data`
  code_import import;
  code_tick tick;         // may be NULL
  uint8_t *memory;
  uint32_t memory_bytes;
  uint64_t fuel_left;     // beyond what was granted; UINT64_MAX: unbounded
  uint64_t fuel_spent;    // of what was granted before
  uint32_t granted, unused;
};

/// Whether the first `length` bytes at `program` are a compiled program, whole.
bool code_is_program(const uint8_t *program, uint32_t length);

/// Bytes of data that a program needs for a stack of so many bytes and so many pages of memory: stack, context, memory;
/// rounded up to whole slots.
uint32_t code_data_bytes(const uint8_t *program, uint32_t stack_bytes, uint32_t pages);
/// Bytes of whole slots for a program of so many.
uint32_t code_program_bytes(uint32_t bytes);
/// What the address of data, or of a program, of so many bytes is a multiple of.
uint32_t code_data_alignment(uint32_t bytes);
uint32_t code_program_alignment(uint32_t bytes);

/// Sets memory, globals and fuel as they are before the first call; the data is cleared. `program`, `data` with their
/// bytes, `memory_capacity` and the functions are set. False when the data is not enough.
bool code_start(struct compiled_code *code, uint64_t fuel);

/// Calls the function at `offset` with four words; `result` gets two. Returns CODE_RETURNED or a trap.
uint32_t code_call(struct compiled_code *code, uint32_t offset, const uint32_t *arguments, uint32_t *result);

/// Units of fuel used since `code_start`.
uint64_t code_fuel_used(const struct compiled_code *code);

/// Takes units of fuel while the home runs; CODE_RETURNED or a trap.
uint32_t code_charge(struct compiled_code *code, uint32_t units);

/// A word of the program's head.
static inline uint32_t code_head(const uint8_t *program, uint32_t field) {
  return *(const uint32_t *)(program + field);
}

#endif
