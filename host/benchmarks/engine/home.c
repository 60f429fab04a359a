// Runs a program with wasm3 on a computer, to count instructions: bare, with H-calls served by a few lines
// of C, or under the execution engine of the trusted runtime, which is hosted by wasm3 as well.
//
// Compiled from the published wasm3 sources, and with -DPATCHED from the patched ones (which the engine
// needs). Only the function `run_program`, the program's `main` with all its H-calls, counts:
// valgrind --tool=callgrind --toggle-collect=run_program
//
// Usage: home PROGRAM ENGINE|- [INPUT...] [-- STREAM...]        ENGINE: engine.wasm, or - for bare
// Prints the return code and the result in hex.
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "m3_env.h"

#define STACK_BYTES (64 * 1024)
#define MEMORY_BYTES (64u << 20)
#define FUEL 10000000000ull
#define OUTPUT_BYTES (16u << 20)

typedef struct Bytes {
  uint8_t *data;
  uint32_t length;
} Bytes;

enum { MAX_FILES = 16 };
static Bytes program_file, inputs[MAX_FILES], streams[MAX_FILES], output;
static uint32_t input_count, stream_count;
static IM3Environment environment;

static void fail(const char *what, const char *why) {
  fprintf(stderr, "%s: %s\n", what, why);
  exit(1);
}

static void check(const char *what, M3Result result) {
  if (result) fail(what, result);
}

static Bytes read_file(const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file) fail(path, "cannot be read");
  fseek(file, 0, SEEK_END);
  Bytes bytes = {.length = (uint32_t)ftell(file)};
  rewind(file);
  bytes.data = malloc(bytes.length + 1);
  if (fread(bytes.data, 1, bytes.length, file) != bytes.length) fail(path, "cannot be read");
  fclose(file);
  return bytes;
}

static IM3Runtime program_runtime;
static IM3Function program_main;

__attribute__((noinline)) M3Result run_program(int32_t *returned) {
  static const uint32_t zero;
  const void *arguments[] = {&zero, &zero};
  M3Result result = m3_Call(program_main, m3_GetArgCount(program_main), arguments);
  const void *out[] = {returned};
  return result ? result : m3_GetResults(program_main, 1, out);
}

// HCALLS, HCALL_… and CODE_… come from a header that the benchmark makes (host/mcu/hcall-definitions.ts).
static const struct {
  const char *name, *signature;
} hcalls[] = {
#define ENTRY(number, name, parameters) {name, parameters == 1 ? "i(i)" : parameters == 2 ? "i(ii)" : "i(iii)"},
    HCALLS(ENTRY)
#undef ENTRY
};

static void load_program(const uint8_t *bytes, uint32_t length, M3RawCall handler) {
  IM3Module module;
  program_runtime = m3_NewRuntime(environment, STACK_BYTES, NULL);
#ifdef PATCHED
  program_runtime->memoryLimit = MEMORY_BYTES;
#endif
  check("parse", m3_ParseModule(environment, &module, bytes, length));
  check("load", m3_LoadModule(program_runtime, module));
  for (uintptr_t i = 0; i < sizeof hcalls / sizeof *hcalls; i++) {
    M3Result result =
        m3_LinkRawFunctionEx(module, "env", hcalls[i].name, hcalls[i].signature, handler, (void *)i);
    if (result != m3Err_functionLookupFailed) check(hcalls[i].name, result);
  }
  check("compile", m3_CompileModule(module));
  check("main", m3_FindFunction(&program_main, program_runtime, "main"));
}

static uint8_t *program_bytes(uint32_t address, uint32_t length) {
  uint32_t size;
  uint8_t *memory = m3_GetMemory(program_runtime, &size, 0);
  return address > size || length > size - address ? NULL : memory + address;
}

static void fill_random(uint8_t *bytes, uint32_t length) {
  // The same numbers each time, so that counts are the same each time.
  static uint32_t state = 1;
  for (uint32_t i = 0; i < length; i++) bytes[i] = (uint8_t)((state = state * 1664525u + 1013904223u) >> 24);
}

static int32_t store_u32(uint32_t address, uint32_t value) {
  memcpy(program_bytes(address, 4), &value, 4);
  return 0;
}

// The least that an H-call can do.
static m3ApiRawFunction(bare_hcall) {
  const uint32_t number = (uint32_t)(uintptr_t)_ctx->userdata;
  const uint32_t a = *(uint32_t *)&_sp[1];
  const uint32_t b = m3_GetArgCount(_ctx->function) > 1 ? *(uint32_t *)&_sp[2] : 0;
  int32_t code = 0;
  switch (number) {
    case HCALL_INPUT_COUNT: code = store_u32(a, input_count); break;
    case HCALL_INPUT_SIZE: code = a < input_count ? store_u32(b, inputs[a].length) : CODE_BAD_INPUT; break;
    case HCALL_READ_INPUT:
      if (a >= input_count) code = CODE_BAD_INPUT;
      else memcpy(program_bytes(b, inputs[a].length), inputs[a].data, inputs[a].length);
      break;
    case HCALL_STREAM_COUNT: code = store_u32(a, stream_count); break;
    case HCALL_STREAM_SIZE: code = a < stream_count ? store_u32(b, streams[a].length) : CODE_BAD_STREAM; break;
    case HCALL_READ_STREAM:
      if (a >= stream_count) code = CODE_BAD_STREAM;
      else memcpy(program_bytes(b, streams[a].length), streams[a].data, streams[a].length);
      break;
    case HCALL_HAS_PREVIOUS_RESULT:
    case HCALL_PREVIOUS_RESULT_SIZE: code = store_u32(a, 0); break;
    case HCALL_READ_PREVIOUS_RESULT: break;
    case HCALL_WRITE_OUTPUT:
      output.data = malloc(b + 1);
      output.length = b;
      memcpy(output.data, program_bytes(a, b), b);
      break;
    case HCALL_GETRANDOM: fill_random(program_bytes(a, b), b); break;
  }
  *(int32_t *)&_sp[0] = code;
  return NULL;
}

static void print_outcome(int32_t returned) {
  printf("%d ", returned);
  for (uint32_t i = 0; i < output.length; i++) printf("%02x", output.data[i]);
  printf("\n");
}

#ifdef PATCHED
static IM3Runtime engine_runtime;
static IM3Function engine_hcall;

static uint8_t *engine_bytes(uint32_t pointer, uint32_t length) {
  uint32_t size;
  uint8_t *memory = m3_GetMemory(engine_runtime, &size, 0);
  if (pointer > size || length > size - pointer) fail("engine", "pointer out of bounds");
  return memory + pointer;
}

static const char trap_hcall[] = "[trap] H-call";

static m3ApiRawFunction(engine_bridge) {
  const uint32_t handle = 1, number = (uint32_t)(uintptr_t)_ctx->userdata;
  uint32_t parameters[3] = {0};
  for (uint32_t i = 0; i < m3_GetArgCount(_ctx->function); i++) parameters[i] = *(uint32_t *)&_sp[1 + i];
  const void *arguments[] = {&handle, &number, &parameters[0], &parameters[1], &parameters[2]};
  int32_t code;
  const void *out[] = {&code};
  M3Result result = m3_Call(engine_hcall, 5, arguments);
  if (!result) result = m3_GetResults(engine_hcall, 1, out);
  if (result) return result;
  if (code > 0) return trap_hcall;
  *(int32_t *)&_sp[0] = code;
  return NULL;
}

#define U(n) (*(uint32_t *)&_sp[n])
#define ANSWER(value) \
  U(0) = (uint32_t)(value); \
  return NULL

static m3ApiRawFunction(platform_random) {
  fill_random(engine_bytes(U(1), U(2)), U(2));
  ANSWER(0);
}
static m3ApiRawFunction(platform_memory_limit) { ANSWER(256u << 20); }
static m3ApiRawFunction(platform_program_profile) { ANSWER(0); }
static m3ApiRawFunction(platform_program_load) {
  // A copy: wasm3 keeps references to the module's bytes, and the engine's memory may move.
  uint8_t *bytes = malloc(U(2));
  memcpy(bytes, engine_bytes(U(1), U(2)), U(2));
  load_program(bytes, U(2), engine_bridge);
  ANSWER(1);
}
static m3ApiRawFunction(platform_program_run) {
  int32_t returned = 0;
  m3_SetFuel(program_runtime, FUEL);
  M3Result trap = run_program(&returned);
  if (trap) fprintf(stderr, "trap: %s\n", trap);
  memcpy(engine_bytes(U(2), 4), &returned, 4);
  ANSWER(trap ? -43 : 0);
}
static m3ApiRawFunction(platform_program_free) { return NULL; }
static m3ApiRawFunction(platform_program_read) {
  const uint8_t *from = program_bytes(U(2), U(4));
  if (from) memcpy(engine_bytes(U(3), U(4)), from, U(4));
  ANSWER(from ? 0 : -4);
}
static m3ApiRawFunction(platform_program_write) {
  uint8_t *to = program_bytes(U(2), U(4));
  if (to) memcpy(to, engine_bytes(U(3), U(4)), U(4));
  ANSWER(to ? 0 : -4);
}
static m3ApiRawFunction(platform_program_check_range) { ANSWER(program_bytes(U(2), U(3)) ? 0 : -4); }
static m3ApiRawFunction(platform_program_usage) {
  memset(engine_bytes(U(1), 16), 0, 16);
  return NULL;
}

static const struct {
  const char *name, *signature;
  M3RawCall function;
} platform[] = {
    {"random", "i(ii)", platform_random},
    {"memoryLimit", "i()", platform_memory_limit},
    {"programProfile", "i()", platform_program_profile},
    {"programLoad", "i(iii)", platform_program_load},
    {"programRun", "i(ii)", platform_program_run},
    {"programFree", "v(i)", platform_program_free},
    {"programRead", "i(iiii)", platform_program_read},
    {"programWrite", "i(iiii)", platform_program_write},
    {"programCheckRange", "i(iii)", platform_program_check_range},
    {"programUsage", "v(ii)", platform_program_usage},
};

static uint32_t engine_call(const char *name, uint32_t count, const void *arguments[]) {
  IM3Function function;
  check(name, m3_FindFunction(&function, engine_runtime, name));
  check(name, m3_Call(function, count, arguments));
  uint32_t value = 0;
  const void *out[] = {&value};
  if (m3_GetRetCount(function) == 1) check(name, m3_GetResults(function, 1, out));
  return value;
}

static void stage(Bytes file, const char *take) {
  const void *arguments[] = {&file.length};
  uint32_t pointer = engine_call("allocate", 1, arguments);
  if (pointer == 0) fail("engine", "no memory for a file");
  memcpy(engine_bytes(pointer, file.length), file.data, file.length);
  engine_call(take, 0, NULL);
}

static void run_under_engine(Bytes engine) {
  IM3Module module;
  engine_runtime = m3_NewRuntime(environment, 256 * 1024, NULL);
  check("parse", m3_ParseModule(environment, &module, engine.data, engine.length));
  check("load", m3_LoadModule(engine_runtime, module));
  for (size_t i = 0; i < sizeof platform / sizeof *platform; i++)
    check(platform[i].name, m3_LinkRawFunction(module, "platform", platform[i].name,
                                               platform[i].signature, platform[i].function));
  check("compile", m3_CompileModule(module));
  engine_call("_initialize", 0, NULL);
  check("hcall", m3_FindFunction(&engine_hcall, engine_runtime, "hcall"));

  stage(program_file, "setProgram");
  for (uint32_t i = 0; i < input_count; i++) stage(inputs[i], "addInput");
  for (uint32_t i = 0; i < stream_count; i++) stage(streams[i], "addStream");
  const uint64_t fuel = FUEL;
  const uint32_t none = 0, memory = MEMORY_BYTES, stack = STACK_BYTES, most = OUTPUT_BYTES;
  const void *limits[] = {&fuel, &none, &memory, &stack, &most, &none};
  engine_call("setLimits", 6, limits);
  const uint32_t status = engine_call("run", 0, NULL);
  if (status != 0) {
    fprintf(stderr, "status %u, detail %d\n", status, (int32_t)engine_call("detail", 0, NULL));
    exit(1);
  }
  const int32_t length = (int32_t)engine_call("resultLength", 0, NULL);
  if (length >= 0) {
    output.length = (uint32_t)length;
    output.data = engine_bytes(engine_call("resultPointer", 0, NULL), output.length);
  }
  print_outcome((int32_t)engine_call("returnCode", 0, NULL));
}
#endif

int main(int count, char **arguments) {
  if (count < 3) fail("usage", "home PROGRAM ENGINE|- [INPUT...] [-- STREAM...]");
  program_file = read_file(arguments[1]);
  bool stream = false;
  for (int i = 3; i < count; i++) {
    if (strcmp(arguments[i], "--") == 0) stream = true;
    else if (input_count == MAX_FILES || stream_count == MAX_FILES) fail("usage", "too many files");
    else if (stream) streams[stream_count++] = read_file(arguments[i]);
    else inputs[input_count++] = read_file(arguments[i]);
  }
  environment = m3_NewEnvironment();
  if (strcmp(arguments[2], "-") != 0) {
#ifdef PATCHED
    run_under_engine(read_file(arguments[2]));
    return 0;
#else
    fail("usage", "the published wasm3 runs programs bare only");
#endif
  }
  int32_t returned = 0;
  load_program(program_file.data, program_file.length, bare_hcall);
  check("run", run_program(&returned));
  print_outcome(returned);
  return 0;
}
