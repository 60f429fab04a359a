// Compiles modules as an isolate does, and prints what that takes and the result's hash, for comparison with a computer.
//
// They come from a file of the emulator's host, named on the semihosting command line. Each has a head of words: its bytes,
// the most pages of memory; then the module, which the runtime's checker has accepted. For each is printed:
//   compiled ANSWER INSTRUCTIONS BYTES SHA-256
#include <string.h>

#include "../../arch/console.h"
#include "../../arch/semihosting.h"
#include "../../common/counter.h"
#include "../../common/sha256.h"
#include "../../compiled-code/layout.h"
#include "../../hal/board.h"
#include "thumb2.h"
#include "wasm-rt.h"

enum { COMPILER_BYTES = 16384, ROOM = 2560 * 1024, COMPILED = 0 };

static uint8_t room_bytes[ROOM] __attribute__((aligned(16)));
uint8_t *wasm_rt_lent_memory = room_bytes;
uint32_t wasm_rt_lent_bytes = ROOM;

struct head {
  uint32_t length, pages;
};

_Noreturn static void fail(const char *what) {
  console_print("error: %s\n", what);
  board_exit(1);
}

static uint32_t aligned(uint32_t bytes) { return (bytes + 15) & ~15u; }

struct run {
  uint32_t wasm, length, workspace, out, capacity, pages, answer;
  bool ended;
};

static void run_compiler(void *context) {
  struct run *run = context;
#ifdef __ARM_FP
  const uint32_t floats = 1;
#else
  const uint32_t floats = 0;
#endif
  run->ended = thumb2_compile(run->wasm, run->length, run->workspace, run->out, run->capacity, floats, run->pages,
                              &run->answer);
}

static void print_result(const struct run *run, uint64_t count) {
  uint32_t length = 0;
  uint8_t digest[SHA256_BYTES];
  struct sha256 hash;
  sha256_init(&hash);
  if (run->answer == COMPILED) {
    const uint8_t *result = thumb2_memory(run->out, run->capacity);
    memcpy(&length, result + HEAD_BYTES, sizeof length);
    if (length > run->capacity) fail("a result that is too long");
    sha256_update(&hash, result, length);
  }
  sha256_final(&hash, digest);
  console_print("compiled %u %U %u ", run->answer, count, length);
  for (int i = 0; i < SHA256_BYTES; i += 4)
    console_print("%x", (uint32_t)digest[i] << 24 | digest[i + 1] << 16 | digest[i + 2] << 8 | digest[i + 3]);
  console_print("\n");
}

static void compile(int file, const struct head *head) {
  struct run run = {.length = head->length, .pages = head->pages};
  uint32_t bytes;
  if (!thumb2_start() || !thumb2_room(&run.wasm)) fail("the compiler does not start");
  if (head->length > ROOM - COMPILER_BYTES) fail("a module that is too large");
  uint8_t *module = thumb2_memory(run.wasm, head->length);
  if (!module || !semihosting_read(file, module, head->length)) fail("a module");
  run.workspace = aligned(run.wasm + head->length);
  if (!thumb2_prepare(run.wasm, run.length, run.workspace, &bytes)) fail("prepare");
  run.out = aligned(run.workspace + bytes);
  if (run.out >= ROOM) fail("no room for the result");
  run.capacity = ROOM - run.out;
  uint64_t count = count_instructions(run_compiler, &run);
  if (!run.ended) fail("the compiler has trapped");
  print_result(&run, count);
}

int main(void) {
  static char path[512];
  if (!semihosting_command_line(path, sizeof path)) fail("no command line");
  int file = semihosting_open(path);
  int32_t length = file < 0 ? -1 : semihosting_length(file);
  if (length < 0) fail("cannot read the modules");
  struct head head;
  for (uint32_t left = (uint32_t)length; left >= sizeof head; left -= sizeof head + head.length) {
    if (!semihosting_read(file, &head, sizeof head)) fail("a head");
    compile(file, &head);
  }
  return 0;
}
