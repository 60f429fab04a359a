#include "jit.h"

#include <stdlib.h>
#include <string.h>

#include "platform-interface.h"
#include "thumb2.h"
#include "wasm-rt.h"

enum { PAGE = 65536, STACK_LEAST = 4096, COMPILED = 0, TOO_SMALL = 1 };
// What the compiler has below the memory that it gives to others, and for a module's counts.
enum { COMPILER_BYTES = 16384 };

// The compiler's memory lies in the heap, for as long as it works.
uint8_t *wasm_rt_lent_memory;
uint32_t wasm_rt_lent_bytes;

// What the heap gave: the program, its data.
static struct {
  uint8_t *block;
  uint32_t bytes;
} program_block, data_block;

static void give_back(__typeof__(program_block) *taken) {
  if (taken->block) memset(taken->block, 0, taken->bytes);
  free(taken->block);
  taken->block = NULL;
}

static uint32_t aligned(uint32_t bytes) { return (bytes + 15) & ~15u; }
static uint8_t *aligned_to(uint8_t *block, uint32_t alignment) {
  return block + (-(uintptr_t)block & (alignment - 1));
}

// A compiler with so many bytes of memory.
static int32_t start_compiler(uint32_t bytes, uint32_t *room) {
  give_back(&program_block);
  program_block.bytes = bytes;
  if (!(program_block.block = malloc(bytes))) return E_MEMORY;
  wasm_rt_lent_memory = program_block.block;
  wasm_rt_lent_bytes = bytes;
  return thumb2_start() && thumb2_room(room) ? 0 : E_UNAVAILABLE;
}

static int32_t put_module(uint32_t room, const uint8_t *wasm, uint32_t length, uint32_t workspace, uint32_t *bytes) {
  uint8_t *module = thumb2_memory(room, workspace - room);
  if (!module) return E_MEMORY;
  memcpy(module, wasm, length);
  return thumb2_prepare(room, length, workspace, bytes) ? 0 : E_UNAVAILABLE;
}

// Compiles with room for `capacity` bytes of result: memory is the compiler's own, the module, the workspace, the
// result. `code` is the compiler's answer, and the result begins at `out` then.
static int32_t compile_into(const uint8_t *wasm, uint32_t length, uint32_t pages, uint32_t capacity, uint32_t *code,
                            uint32_t *out) {
  uint32_t room, bytes;
  int32_t failed = start_compiler(COMPILER_BYTES + length, &room);
  if (failed != 0) return failed;
  uint32_t workspace = aligned(room + length);
  failed = put_module(room, wasm, length, workspace, &bytes);
  if (failed != 0) return failed;
  *out = aligned(workspace + bytes);
  failed = start_compiler(*out + capacity, &room);
  if (failed == 0) failed = put_module(room, wasm, length, workspace, &bytes);
  if (failed != 0) return failed;
#ifdef __ARM_FP
  const uint32_t floats = 1;
#else
  const uint32_t floats = 0;
#endif
  return thumb2_compile(room, length, workspace, *out, capacity, floats, pages, code) ? 0 : E_UNAVAILABLE;
}

// Leaves the result in the compiler's memory, as whole slots, and gives the rest back.
static int32_t keep_result(struct compiled_code *code, uint32_t out, uint32_t capacity) {
  const uint8_t *result = thumb2_memory(out, capacity);
  if (!result || !code_is_program(result, capacity)) return E_MODULE;
  uint32_t length = code_head(result, HEAD_BYTES);
  uint8_t *program = aligned_to(program_block.block, code_program_alignment(length));
  uint8_t *end = program_block.block + program_block.bytes;
  code->program_bytes = code_program_bytes(length);
  if (code->program_bytes > (uint32_t)(end - program)) return E_MEMORY;
  memmove(program, result, length);
  memset(program + length, 0, (uint32_t)(end - program) - length);
  memset(program_block.block, 0, (uint32_t)(program - program_block.block));
  code->program = program;
  program_block.bytes = (uint32_t)(program - program_block.block) + code->program_bytes;
  return realloc(program_block.block, program_block.bytes) == program_block.block ? 0 : E_MEMORY;
}

// Code is twice as long as the module, seldom more: longer rooms are for those.
static int32_t compile(struct compiled_code *code, const uint8_t *wasm, uint32_t length, uint32_t pages) {
  uint32_t answer = TOO_SMALL, out, capacity = 2048 + 2 * length;
  for (int tries = 0; tries < 3 && answer == TOO_SMALL; tries++, capacity += capacity + capacity / 2) {
    int32_t failed = compile_into(wasm, length, pages, capacity, &answer, &out);
    if (failed == 0 && answer == COMPILED) failed = keep_result(code, out, capacity);
    if (failed != 0) return failed;
  }
  return answer == COMPILED ? 0 : answer == TOO_SMALL ? E_MEMORY : E_LIMIT;
}

// As much memory as the program may grow to, or as there is.
static int32_t lay_out(struct compiled_code *code, uint32_t memory_bytes, uint32_t stack_bytes) {
  const uint8_t *program = code->program;
  uint32_t initial = code_head(program, HEAD_INITIAL_PAGES), pages = code_head(program, HEAD_MAXIMUM_PAGES);
  if (initial > memory_bytes / PAGE) return E_LIMIT;
  if (code_head(program, HEAD_FIXED_BYTES) != 0 || pages < initial) pages = initial;
  if (stack_bytes < STACK_LEAST) stack_bytes = STACK_LEAST;
  for (;; pages = initial + (pages - initial) / 2) {
    code->data_bytes = code_data_bytes(program, stack_bytes + STACK_RESERVE, pages);
    uint32_t alignment = code_data_alignment(code->data_bytes);
    data_block.bytes = code->data_bytes + alignment - 8;
    if ((data_block.block = malloc(data_block.bytes))) {
      code->data = aligned_to(data_block.block, alignment);
      code->memory_capacity = pages * PAGE;
      return 0;
    }
    if (pages == initial) return E_MEMORY;
  }
}

int32_t jit_load(struct compiled_code *code, const uint8_t *wasm, uint32_t length, uint32_t memory_bytes,
                 uint32_t stack_bytes) {
  memset(code, 0, sizeof *code);
  int32_t failed = compile(code, wasm, length, memory_bytes / PAGE);
  if (failed == 0) failed = lay_out(code, memory_bytes, stack_bytes);
  if (failed != 0) jit_unload(code);
  return failed;
}

void jit_unload(struct compiled_code *code) {
  give_back(&program_block);
  give_back(&data_block);
  memset(code, 0, sizeof *code);
}
