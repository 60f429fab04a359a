#include "compiled-code.h"

#include <string.h>

#include "../arch/protection.h"
#include "cross.h"
#include "gates.h"
#include "helpers.h"

enum { PAGE = 65536, FRAME_BYTES = 32, THUMB = 1 << 24 };
// Units of fuel that code gets at once: it counts them down in a register, and below 0.
static const uint32_t MOST_GRANTED = 1u << 30;

// Registers as hardware saves them.
enum { R0 = 0, R12 = 4, LR = 5, PC = 6, PSR = 7 };

static uint32_t context_bytes(const uint8_t *program) {
  return (CONTEXT_GLOBALS + 4 * code_head(program, HEAD_GLOBAL_WORDS) + 7) & ~7u;
}

static uint32_t *context(const struct compiled_code *code, uint32_t field) {
  return (uint32_t *)(code->memory - field);
}

// Whether `count` items of `size` bytes at `offset` are within the program.
static bool is_inside(const uint8_t *program, uint32_t offset, uint32_t count, uint32_t size) {
  uint32_t bytes = code_head(program, HEAD_BYTES);
  return offset <= bytes && count <= (bytes - offset) / size;
}

bool code_is_program(const uint8_t *program, uint32_t length) {
  if (length < HEAD_SIZE || ((uintptr_t)program & 3) != 0) return false;
  if (code_head(program, HEAD_MAGIC) != PROGRAM_MAGIC || code_head(program, HEAD_BYTES) > length)
    return false;
  return is_inside(program, code_head(program, HEAD_TABLE), code_head(program, HEAD_TABLE_ELEMENTS), 8) &&
         is_inside(program, code_head(program, HEAD_GLOBALS), code_head(program, HEAD_GLOBAL_WORDS), 4) &&
         is_inside(program, code_head(program, HEAD_EXPORTS), code_head(program, HEAD_EXPORT_COUNT), 4) &&
         code_head(program, HEAD_GLOBAL_WORDS) <= GLOBAL_WORDS;
}

static uint32_t whole(uint32_t bytes, uint32_t slot) { return (bytes + slot - 1) & ~(slot - 1); }

uint32_t code_data_alignment(uint32_t bytes) { return protection_slot(bytes, PROGRAM_DATA_SLOTS); }
uint32_t code_program_alignment(uint32_t bytes) { return protection_slot(bytes, PROGRAM_CODE_SLOTS); }
uint32_t code_program_bytes(uint32_t bytes) { return whole(bytes, code_program_alignment(bytes)); }

uint32_t code_data_bytes(const uint8_t *program, uint32_t stack_bytes, uint32_t pages) {
  uint32_t bytes = ((stack_bytes + 7) & ~7u) + context_bytes(program) + pages * PAGE;
  return whole(bytes, code_data_alignment(bytes));
}

// Fuel, counted as wasm3 counts it (host/wasm3-node/patches/04-fuel.patch).

static void grant(struct compiled_code *code) {
  uint32_t units = code->fuel_left < MOST_GRANTED ? (uint32_t)code->fuel_left : MOST_GRANTED;
  if (code->fuel_left != UINT64_MAX) code->fuel_left -= units;
  code->granted = code->unused = units;
}

uint32_t code_charge(struct compiled_code *code, uint32_t units) {
  for (;;) {
    uint32_t now = code->unused < units ? code->unused : units;
    code->unused -= now;
    units -= now;
    if (units == 0) return CODE_RETURNED;
    code->fuel_spent += code->granted;
    code->granted = 0;
    if (code->fuel_left == 0) return CODE_TRAP_FUEL;
    grant(code);
  }
}

// What code has left, by its register: no more than there was, and the unit that was one too many is not counted.
static void take_unused(struct compiled_code *code, uint32_t fuel) {
  if ((int32_t)fuel < 0) code->unused = 0;
  else if (fuel < code->unused) code->unused = fuel;
}

uint64_t code_fuel_used(const struct compiled_code *code) {
  return code->fuel_spent + (code->granted - code->unused);
}

// What code asks for: arguments in the first words of its frame, where results go.

static uint32_t grow(struct compiled_code *code, uint32_t *frame) {
  uint32_t pages = code->memory_bytes / PAGE, most = code_head(code->program, HEAD_MAXIMUM_PAGES), more = frame[R0];
  if (most > code->memory_capacity / PAGE) most = code->memory_capacity / PAGE;
  frame[R0] = UINT32_MAX;
  if (pages > most || more > most - pages) return CODE_RETURNED;
  // It was cleared at the start; code without checks could have written there.
  memset(code->memory + pages * PAGE, 0, more * PAGE);
  code->memory_bytes = (pages + more) * PAGE;
  *context(code, CONTEXT_MEMORY_BYTES) = code->memory_bytes;
  frame[R0] = pages;
  return more == 0 ? CODE_RETURNED : code_charge(code, more * (PAGE / 256));
}

static uint32_t copy(struct compiled_code *code, const uint32_t *frame) {
  uint32_t size = code->memory_bytes, to = frame[0], from = frame[1], length = frame[2];
  if (to > size || length > size - to || from > size || length > size - from) return CODE_TRAP_MEMORY;
  uint32_t ended = code_charge(code, length >> 8);
  if (ended == CODE_RETURNED) memmove(code->memory + to, code->memory + from, length);
  return ended;
}

static uint32_t fill(struct compiled_code *code, const uint32_t *frame) {
  uint32_t size = code->memory_bytes, to = frame[0], length = frame[2];
  if (to > size || length > size - to) return CODE_TRAP_MEMORY;
  uint32_t ended = code_charge(code, length >> 8);
  if (ended == CODE_RETURNED) memset(code->memory + to, (uint8_t)frame[1], length);
  return ended;
}

// A call of an import costs a unit like that of a function.
static uint32_t import(struct compiled_code *code, uint32_t *frame) {
  uint32_t ended = code_charge(code, 1);
  return ended == CODE_RETURNED ? code->import(code, frame[R12] >> 8, frame) : ended;
}

static uint32_t serve(struct compiled_code *code, uint32_t *frame) {
  switch (frame[R12] & 0xFF) {
    case GATE_REFILL: return code_charge(code, 1);
    case GATE_IMPORT: return import(code, frame);
    case GATE_GROW: return grow(code, frame);
    case GATE_COPY: return copy(code, frame);
    case GATE_FILL: return fill(code, frame);
    case GATE_TRAP: return frame[R0] - 1 < CODE_TRAPS ? frame[R0] : CODE_TRAP_STRAY;
    default: return CODE_TRAP_STRAY;
  }
}

// Starting and calling

static bool copy_segments(struct compiled_code *code) {
  const uint8_t *program = code->program;
  uint32_t at = code_head(program, HEAD_DATA), end = code_head(program, HEAD_BYTES);
  for (uint32_t i = code_head(program, HEAD_DATA_SEGMENTS); i > 0; i--) {
    if (at > end || end - at < 8) return false;
    uint32_t address = code_head(program, at), length = code_head(program, at + 4);
    at += 8;
    if (length > end - at || address > code->memory_bytes || length > code->memory_bytes - address) return false;
    memcpy(code->memory + address, program + at, length);
    at += (length + 3) & ~3u;
  }
  return true;
}

bool code_start(struct compiled_code *code, uint64_t fuel) {
  const uint8_t *program = code->program;
  uint32_t pages = code_head(program, HEAD_INITIAL_PAGES), below = context_bytes(program) + 2 * STACK_RESERVE;
  if (pages > code->memory_capacity / PAGE || code->data_bytes < below ||
      code->memory_capacity > code->data_bytes - below) return false;
  code->memory = code->data + (code->data_bytes - code->memory_capacity);
  code->memory_bytes = pages * PAGE;
  // Also what lies beyond memory's end: it may have been anything's.
  memset(code->data, 0, code->data_bytes);
  *context(code, CONTEXT_MEMORY_BYTES) = code->memory_bytes;
  *context(code, CONTEXT_STACK_LIMIT) = (uint32_t)code->data + STACK_RESERVE;
  *context(code, CONTEXT_TABLE) = (uint32_t)program + code_head(program, HEAD_TABLE);
  *context(code, CONTEXT_HELPERS) = (uint32_t)code_helpers;
  *context(code, CONTEXT_TRAP) = (uint32_t)code_trap;
  *context(code, CONTEXT_REFILL) = (uint32_t)code_refill;
  *context(code, CONTEXT_IMPORT) = (uint32_t)code_call_import;
  *context(code, CONTEXT_GROW) = (uint32_t)code_grow;
  *context(code, CONTEXT_COPY) = (uint32_t)code_copy;
  *context(code, CONTEXT_FILL) = (uint32_t)code_fill;
  const uint8_t *globals = program + code_head(program, HEAD_GLOBALS);
  for (uint32_t i = 0; i < code_head(program, HEAD_GLOBAL_WORDS); i++)
    *context(code, CONTEXT_GLOBALS + 4 + 4 * i) = code_head(globals, 4 * i);
  code->fuel_left = fuel;
  code->fuel_spent = 0;
  code->granted = code->unused = 0;
  if (fuel > 0) grant(code);
  return copy_segments(code);
}

// Where the registers of code lie, if that is in its data.
static uint32_t *frame_of(const struct compiled_code *code, uint32_t address) {
  uint32_t offset = address - (uint32_t)code->data;
  return offset <= code->data_bytes - FRAME_BYTES && (address & 3) == 0 ? (uint32_t *)address : NULL;
}

uint32_t code_call(struct compiled_code *code, uint32_t offset, const uint32_t *arguments, uint32_t *result) {
  uint32_t top = (uint32_t)code->memory - context_bytes(code->program);
  uint32_t *frame = (uint32_t *)(top - FRAME_BYTES);
  memcpy(frame, arguments, 16);
  frame[R12] = 0;
  frame[LR] = (uint32_t)code_return | 1;
  frame[PC] = (uint32_t)code->program + offset;
  frame[PSR] = THUMB;
  const struct crossing_start start = {
      .code = (uint32_t)code->program,
      .code_end = (uint32_t)code->program + code->program_bytes,
      .data = (uint32_t)code->data,
      .data_end = (uint32_t)code->data + code->data_bytes,
      .frame = (uint32_t)frame,
      .memory = (uint32_t)code->memory,
  };
  uint32_t fuel = code->unused;
  for (const struct crossing_start *from = &start;; from = NULL) {
    struct crossing_end end;
    code_cross(from, fuel, &end);
    frame = frame_of(code, end.frame);
    if (!frame) return CODE_TRAP_STRAY;
    uint32_t ended;
    if (end.ticked) {
      // Perhaps in a helper, which keeps something else in the fuel's register: that goes back as it was.
      fuel = end.fuel;
      if (frame[PC] - (uint32_t)code->program < code->program_bytes) take_unused(code, fuel);
      ended = code->tick ? code->tick(code) : CODE_RETURNED;
    } else {
      take_unused(code, end.fuel);
      if ((frame[R12] & 0xFF) == GATE_RETURN) {
        memcpy(result, frame, 8);
        return CODE_RETURNED;
      }
      ended = serve(code, frame);
      fuel = code->unused;
    }
    if (ended != CODE_RETURNED) return ended;
  }
}
