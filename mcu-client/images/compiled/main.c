// Runs programs of the Thumb-2 compiler and prints how they end, for comparison with other engines.
//
// They come from a file of the emulator's host, named on the semihosting command line. Each has a head of words:
//   bytes of the program, fuel (2), the most pages of memory, bytes of stack, bytes of its imports' list
// then a byte for each import, its parameters, padded to 4, and the program. One of no bytes, without a list, is the
// program before once more. For each is printed:
//   case KIND RESULT FUEL HASH INSTRUCTIONS
// KIND as in compiled-code.h; HASH is of all of memory. Imports store 0x2A in the range that they are given.
// Programs run without privilege and in their own view of memory, as in an isolate; the clock looks at them.
#include <stdlib.h>
#include <string.h>

#include "../../arch/console.h"
#include "../../arch/semihosting.h"
#include "../../common/counter.h"
#include "../../compiled-code/compiled-code.h"
#include "../../core/crossing.h"
#include "../../core/supervisor.h"
#include "../../hal/board.h"
#include "board-config.h"

enum { PAGE = 65536, LARGEST_PROGRAM = 1 << 20, LARGEST_DATA = 9 * PAGE };

struct head {
  uint32_t program_bytes, fuel_low, fuel_high, pages, stack_bytes, import_bytes;
};

static uint8_t program_room[2 * LARGEST_PROGRAM], data_room[2 * LARGEST_DATA];
static uint8_t parameters[256];

// A secret of the home's: no program may end with it.
static volatile const uint32_t secret = 0x5EC2E75E;

// There are no calls but crossings here.
void core_answer(struct call *call) { call->frame[0] = CROSSING_REFUSED; }

_Noreturn static void fail(const char *what) {
  console_print("error: %s\n", what);
  board_exit(1);
}

static uint32_t import(struct compiled_code *code, uint32_t number, uint32_t *arguments) {
  uint32_t start = arguments[0], length = parameters[number] > 1 ? arguments[1] : 4;
  uint32_t size = code->memory_bytes;
  if (start > size || length > size - start) return CODE_TRAP_HOME;
  memset(code->memory + start, 0x2A, length);
  arguments[0] = length & 1 ? 0 : (uint32_t)-4;
  return CODE_RETURNED;
}

static uint32_t hash(const uint8_t *bytes, uint32_t length) {
  uint32_t value = 0x811C9DC5;
  for (const uint32_t *word = (const uint32_t *)bytes; length > 0; length -= 4)
    value = (value ^ *word++) * 0x01000193;
  return value;
}

struct run {
  struct compiled_code *code;
  uint32_t ended, result[2];
};

static void run_main(void *context) {
  static const uint32_t zeros[4];
  struct run *run = context;
  run->ended = code_call(run->code, code_head(run->code->program, HEAD_MAIN), zeros, run->result);
}

static uint8_t *aligned(uint8_t *room, uint32_t alignment) { return room + (-(uintptr_t)room & (alignment - 1)); }

static void run_case(int file, const struct head *head) {
  static uint8_t *program;
  static uint32_t program_bytes;
  if (head->import_bytes > sizeof parameters || head->program_bytes > LARGEST_PROGRAM) fail("a case that is too large");
  if (head->import_bytes > 0 && !semihosting_read(file, parameters, head->import_bytes)) fail("imports");
  if (head->program_bytes > 0) {
    program_bytes = head->program_bytes;
    program = aligned(program_room, code_program_alignment(program_bytes));
    if (!semihosting_read(file, program, program_bytes)) fail("a program");
  }
  if (!program || !code_is_program(program, program_bytes)) fail("no program");
  uint32_t bytes = code_data_bytes(program, head->stack_bytes, head->pages);
  if (bytes > LARGEST_DATA) fail("a case with too much data");
  static struct compiled_code code;
  code = (struct compiled_code){.program = program,
                                .program_bytes = code_program_bytes(program_bytes),
                                .data = aligned(data_room, code_data_alignment(bytes)),
                                .data_bytes = bytes,
                                .memory_capacity = head->pages * PAGE,
                                .import = import};
  // What lies around the data, and in it before the start, is the secret: of the case before only its data was changed.
  static uint8_t *changed = data_room;
  static uint32_t changed_bytes = sizeof data_room;
  for (uint32_t i = 0; i < changed_bytes / 4; i++) ((uint32_t *)changed)[i] = secret;
  changed = code.data;
  changed_bytes = code.data_bytes;
  static bool told;
  if (!told)
    console_print("secret at %x, program at %x, data at %x, memory at %x\n", (uint32_t)&secret, (uint32_t)program,
                  (uint32_t)code.data, (uint32_t)code.data + code.data_bytes - code.memory_capacity);
  told = true;
  if (!code_start(&code, (uint64_t)head->fuel_high << 32 | head->fuel_low)) fail("memory");
  struct run run = {.code = &code};
  uint64_t count = count_instructions(run_main, &run);
  console_print("case %u %x %U %x %U\n", run.ended, run.ended == CODE_RETURNED ? run.result[0] : 0,
                code_fuel_used(&code), hash(code.memory, code.memory_bytes), count);
}

int main(void) {
  static char path[512];
  if (!semihosting_command_line(path, sizeof path)) fail("no command line");
  int file = semihosting_open(path);
  int32_t length = file < 0 ? -1 : semihosting_length(file);
  if (length < 0) fail("cannot read the cases");
  crossing_init();
  clock_start();
  struct head head;
  for (uint32_t left = (uint32_t)length; left >= sizeof head;) {
    if (!semihosting_read(file, &head, sizeof head)) fail("a head");
    run_case(file, &head);
    left -= sizeof head + head.import_bytes + head.program_bytes;
  }
  return 0;
}
