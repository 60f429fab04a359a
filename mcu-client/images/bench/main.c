// Bench image: runs functions of one WebAssembly module, interpreted by wasm3 and compiled, and plain C ones beside them,
// and prints the instructions that each call took.
//
// The calls come from a text file of the emulator's host, named on the semihosting command line:
//   host wasm3 | host compiled | host native
//   input PATH                a program's next input (wasm3 only; before its host line)
//   EXPORT ARGUMENT...        arguments as raw bits, hexadecimal
// and for each call one line is printed:
//   count INDEX INSTRUCTIONS RESULT      or      trap INDEX REASON
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "../../arch/console.h"
#include "../../arch/semihosting.h"
#include "../../hal/board.h"
#include "../../wasm2c/wasm-rt.h"
#include "../../common/counter.h"
#include "hcalls.h"
#include "interpreter.h"
#include "module.h"
#include "native.h"

enum { ARGUMENTS_MAX = 16 };

struct call {
  const struct bench_export *function;
  IM3Function interpreted; // NULL where the function is called directly
  uint64_t arguments[ARGUMENTS_MAX];
  uint64_t result;
  const char *trap;
};

static jmp_buf trap_target;
static const char *trap_reason;

void wasm_rt_trap(wasm_rt_trap_t trap) {
  trap_reason = wasm_rt_trap_name(trap);
  longjmp(trap_target, 1);
}

static void run(void *context) {
  struct call *call = context;
  if (call->interpreted)
    call->trap = interpreter_call(call->interpreted, call->arguments, &call->result);
  else
    call->result = call->function->call(call->arguments);
}

static uint64_t run_counted(struct call *call) {
  if (setjmp(trap_target) != 0) {
    call->trap = trap_reason;
    return 0;
  }
  return count_instructions(run, call);
}

static const struct bench_export *find(const struct bench_export *table, size_t count,
                                       const char *name) {
  for (size_t i = 0; i < count; i++)
    if (strcmp(table[i].name, name) == 0) return &table[i];
  return NULL;
}

_Noreturn static void fail(const char *what, const char *name) {
  console_print("error: %s %s\n", what, name);
  board_exit(1);
}

// A result narrower than 64 bits is printed zero-extended.
static uint64_t result_bits(const struct call *call) {
  switch (strchr(call->function->type, ':')[1]) {
    case 0: return 0;
    case 'i':
    case 'f': return (uint32_t)call->result;
    default: return call->result;
  }
}

static void initialize(bool interpreted) {
  const struct bench_export *start = find(bench_exports, bench_export_count, "_initialize");
  if (interpreted) {
    const char *error = interpreter_load();
    if (error) fail("wasm3:", error);
  } else {
    if (setjmp(trap_target) != 0) fail("trap when instantiating:", trap_reason);
    bench_instantiate();
  }
  if (!start) return;
  struct call call = {.function = start};
  if (interpreted) call.interpreted = interpreter_find(start->name);
  run_counted(&call);
  if (call.trap) fail("trap in _initialize:", call.trap);
}

// Instructions of an interpreted call that does nothing: entering and leaving the interpreter.
static uint64_t interpreter_entry(void) {
  static struct call nothing;
  nothing.interpreted = interpreter_nothing();
  uint64_t cost = count_instructions(run, &nothing);
  if (nothing.trap) fail("wasm3:", nothing.trap);
  return cost;
}

static char *read_file(const char *path, uint32_t *size) {
  int file = semihosting_open(path);
  int32_t length = file < 0 ? -1 : semihosting_length(file);
  char *text = length < 0 ? NULL : malloc((size_t)length + 1);
  // Reading nothing is reported like an error.
  if (!text || (length > 0 && !semihosting_read(file, text, (size_t)length))) fail("cannot read", path);
  semihosting_close(file);
  text[length] = 0;
  if (size) *size = (uint32_t)length;
  return text;
}

int main(void) {
  static char path[512];
  if (!semihosting_command_line(path, sizeof path)) fail("no command line", "");
  char *lines = read_file(path, NULL), *next_line, *next_word;
  uint32_t index = 0;
  uint64_t entry = 0;
  enum { NONE, WASM3, COMPILED, NATIVE } host = NONE;
  bool loaded[4] = {false};

  for (char *line = strtok_r(lines, "\n", &next_line); line;
       line = strtok_r(NULL, "\n", &next_line)) {
    char *name = strtok_r(line, " ", &next_word);
    if (strcmp(name, "host") == 0) {
      const char *kind = strtok_r(NULL, " ", &next_word);
      host = strcmp(kind, "wasm3") == 0 ? WASM3 : strcmp(kind, "compiled") == 0 ? COMPILED : NATIVE;
      if (host != NATIVE && !loaded[host]) initialize(host == WASM3);
      if (host == WASM3) entry = interpreter_entry();
      loaded[host] = true;
      continue;
    }
    if (strcmp(name, "input") == 0) {
      uint32_t length;
      const char *bytes = read_file(strtok_r(NULL, "", &next_word), &length);
      hcalls_add_input((const uint8_t *)bytes, length);
      continue;
    }
    struct call call = {0};
    call.function = host == NATIVE ? find(native_exports, native_export_count, name)
                                   : find(bench_exports, bench_export_count, name);
    if (!call.function) fail("no such function:", name);
    size_t given = 0;
    for (char *word; given < ARGUMENTS_MAX && (word = strtok_r(NULL, " ", &next_word)); given++)
      call.arguments[given] = strtoull(word, NULL, 16);
    if (given != strcspn(call.function->type, ":")) fail("wrong number of arguments for", name);
    if (host == WASM3) {
      call.interpreted = interpreter_find(name);
      if (!call.interpreted) fail("wasm3 cannot compile", name);
    }
    uint64_t count = run_counted(&call);
    if (call.trap)
      console_print("trap %u %s\n", index, call.trap);
    else
      console_print("count %u %U %X\n", index, host == WASM3 ? count - entry : count,
                    result_bits(&call));
    index++;
  }
  return 0;
}
