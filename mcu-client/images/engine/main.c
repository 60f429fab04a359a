// The freestanding execution engine on a device: the engine of the trusted runtime runs programs on
// files of the emulator's host.
//
// The tasks come from a text file that the semihosting command line names:
//   program PATH | input PATH | stream PATH | previous PATH
//   limits FUEL DEADLINE_MS MEMORY STACK OUTPUT STRATEGY   (bytes; 0 = unbounded for the first two)
//   run
// and for each `run` two lines are printed:
//   outcome STATUS DETAIL RETURN_CODE FUEL PEAK_MEMORY INSTRUCTIONS HEAP
//   result HEX | no result
// INSTRUCTIONS are those of `main`, where the emulator makes each of them one nanosecond.
#include <stdlib.h>
#include <string.h>

#include "../../arch/console.h"
#include "../../arch/heap.h"
#include "../../arch/semihosting.h"
#include "../../common/counter.h"
#include "../../core/crossing.h"
#include "../../core/supervisor.h"
#include "../../hal/board.h"
#include "../../module/module.h"
#include "../../home/programs.h"
#include "platform-interface.h"
#include "trusted.h"

static uint64_t began, took;

// There are no calls but crossings here.
void core_answer(struct call *call) { call->frame[0] = CROSSING_REFUSED; }

void program_running(void) {}
void program_begins(void) { began = instruction_clock(); }
void program_ended(void) { took = instruction_clock() - began; }
void program_freed(void) {}

_Noreturn static void fail(const char *what, const char *name) {
  console_print("error: %s %s\n", what, name ? name : "");
  board_exit(1);
}

static void check(bool succeeded) {
  if (!succeeded) fail("the engine has trapped:", module_failure());
}

// Reads a file of the host into the engine's memory.
static void stage(const char *path) {
  int file = semihosting_open(path);
  int32_t length = file < 0 ? -1 : semihosting_length(file);
  if (length < 0) fail("cannot read", path);
  uint32_t address;
  check(trusted_allocate((uint32_t)length, &address));
  if (address == 0) fail("no memory for", path);
  // Reading nothing is reported like an error.
  if (length > 0 && !semihosting_read(file, trusted_memory(address, (uint32_t)length), (size_t)length))
    fail("cannot read", path);
  semihosting_close(file);
}

static uint64_t number(char **words) {
  const char *word = strtok_r(NULL, " ", words);
  return word ? strtoull(word, NULL, 10) : 0;
}

static void run(void) {
  uint32_t status, detail, code, peak, length, address;
  uint64_t fuel;
  took = 0;
  check(trusted_run(&status));
  check(trusted_detail(&detail) && trusted_returnCode(&code) && trusted_fuelUsed(&fuel));
  check(trusted_peakMemoryBytes(&peak) && trusted_resultLength(&length));
  check(trusted_resultPointer(&address));
  console_print("outcome %u %d %d %U %u %U %u\n", status, detail, code, fuel, peak, took,
                heap_used());
  if ((int32_t)length < 0) {
    console_print("no result\n");
  } else {
    console_print("result ");
    const uint8_t *result = trusted_memory(address, length);
    for (uint32_t i = 0; i < length; i++)
      console_write((char[]){"0123456789abcdef"[result[i] >> 4], "0123456789abcdef"[result[i] & 15]}, 2);
    console_print("\n");
  }
  check(trusted_reset());
}

int main(void) {
  static char path[512];
  if (!semihosting_command_line(path, sizeof path)) fail("no command line", NULL);
  crossing_init();
  clock_start();
  instruction_clock_start();
  check(trusted_start() && trusted__initialize());
  int file = semihosting_open(path);
  int32_t length = file < 0 ? -1 : semihosting_length(file);
  char *lines = length < 0 ? NULL : malloc((size_t)length + 1);
  if (!lines || !semihosting_read(file, lines, (size_t)length)) fail("cannot read", path);
  semihosting_close(file);
  lines[length] = 0;

  char *next_line, *words;
  for (char *line = strtok_r(lines, "\n", &next_line); line;
       line = strtok_r(NULL, "\n", &next_line)) {
    const char *what = strtok_r(line, " ", &words);
    if (strcmp(what, "run") == 0) {
      run();
    } else if (strcmp(what, "limits") == 0) {
      uint64_t fuel = number(&words);
      uint32_t limits[4];
      for (int i = 0; i < 4; i++) limits[i] = (uint32_t)number(&words);
      check(trusted_setLimits(fuel, limits[0], limits[1], limits[2], limits[3],
                              (uint32_t)number(&words)));
    } else {
      stage(strtok_r(NULL, " ", &words));
      check(strcmp(what, "program") == 0  ? trusted_setProgram()
            : strcmp(what, "input") == 0  ? trusted_addInput()
            : strcmp(what, "stream") == 0 ? trusted_addStream()
                                          : trusted_setPreviousResult());
    }
  }
  return 0;
}
