// Gives modules to wasm3 as an isolate does: parse, load, link the H-calls, compile everything, run
// `main` within limits. Built with sanitizers: a finding ends the process.
//
// Usage: run-modules CRASHFILE [--each] < modules
//   Standard input: for each module its length (u32, little-endian) and its bytes.
//   CRASHFILE holds the module at hand, so that one that ends the process can be looked at.
// Prints for each outcome how often it was seen: `COUNT<tab>OUTCOME`, where an outcome is a stage
// (parse, load, link, compile, run) and wasm3's message, or `returned`. With --each, prints for each
// module its outcome and what `main` returned: `OUTCOME<tab>RESULT`.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "m3_env.h"
#include "wasm3.h"

#define STACK_BYTES (32 * 1024)
#define MEMORY_BYTES (2 * 1024 * 1024)
#define NATIVE_STACK_BYTES (4 * 1024 * 1024)
#define FUEL 5000
#define MODULE_BYTES (4 * 1024 * 1024)

static const struct {
  const char *name;
  const char *signature;
} hcalls[] = {
    {"input_count", "i(i)"},           {"input_size", "i(ii)"},
    {"read_input", "i(iii)"},          {"stream_count", "i(i)"},
    {"stream_size", "i(ii)"},          {"read_stream", "i(iii)"},
    {"has_previous_result", "i(i)"},   {"previous_result_size", "i(i)"},
    {"read_previous_result", "i(ii)"}, {"write_output", "i(ii)"},
    {"getrandom", "i(ii)"},
};

// Stands for each H-call: fills a range of the program's memory, checked as an isolate checks it.
static const void *hcall(IM3Runtime runtime, IM3ImportContext context, uint64_t *stack, void *memory) {
  (void)memory;
  unsigned parameters = m3_GetArgCount(context->function);
  uint32_t first = (uint32_t)stack[1];
  uint32_t second = parameters > 1 ? (uint32_t)stack[2] : 4;
  uint32_t size;
  uint8_t *bytes = m3_GetMemory(runtime, &size, 0);
  if ((uint64_t)first + second > size) return m3Err_trapOutOfBoundsMemoryAccess;
  if (bytes) memset(bytes + first, 0x2a, second);
  *(int32_t *)stack = second & 1 ? 0 : -4;
  return m3Err_none;
}

static struct {
  char text[160];
  unsigned long count;
} outcomes[256];

static int each;

static void count(const char *stage, const char *message, int32_t returned) {
  char text[sizeof outcomes[0].text];
  snprintf(text, sizeof text, "%s%s%s", stage, *message ? ": " : "", message);
  if (each) printf("%s\t%d\n", text, (int)returned);
  for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++) {
    if (!outcomes[i].count) strcpy(outcomes[i].text, text);
    if (strcmp(outcomes[i].text, text)) continue;
    outcomes[i].count++;
    return;
  }
}

static void run(const uint8_t *bytes, uint32_t length) {
  const char *stage = "parse";
  IM3Environment environment = m3_NewEnvironment();
  IM3Runtime runtime = m3_NewRuntime(environment, STACK_BYTES, NULL);
  runtime->memoryLimit = MEMORY_BYTES;
  m3_SetNativeStackLimit(runtime, (char *)__builtin_frame_address(0) - NATIVE_STACK_BYTES);
  IM3Module module = NULL;
  M3Result result = m3_ParseModule(environment, &module, bytes, length);
  if (!result) {
    stage = "load";
    result = m3_LoadModule(runtime, module);
    if (result) m3_FreeModule(module);
  }
  for (size_t i = 0; !result && i < sizeof hcalls / sizeof *hcalls; i++) {
    char name[64];
    stage = "link";
    snprintf(name, sizeof name, "__veracruz_hcall_%s", hcalls[i].name);
    result = m3_LinkRawFunction(module, "env", name, hcalls[i].signature, hcall);
    if (result == m3Err_functionLookupFailed) result = m3Err_none;
  }
  if (!result) {
    stage = "compile";
    result = m3_CompileModule(module);
  }
  IM3Function function = NULL;
  if (!result) {
    stage = "find main";
    result = m3_FindFunction(&function, runtime, "main");
  }
  if (!result) {
    stage = "run";
    m3_SetFuel(runtime, FUEL);
    uint32_t zero = 0;
    const void *arguments[] = {&zero, &zero};
    result = m3_Call(function, m3_GetArgCount(function), arguments);
  }
  int32_t returned = 0;
  const void *results[] = {&returned};
  if (!result) result = m3_GetResults(function, 1, results);
  count(result ? stage : "returned", result ? result : "", returned);
  m3_FreeRuntime(runtime);
  m3_FreeEnvironment(environment);
}

static int read_all(void *to, size_t length) {
  return fread(to, 1, length, stdin) == length;
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  each = argc > 2 && !strcmp(argv[2], "--each");
  int file = open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0600);
  if (file < 0 || ftruncate(file, MODULE_BYTES + 4)) return 2;
  uint8_t *at_hand = mmap(NULL, MODULE_BYTES + 4, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (at_hand == MAP_FAILED) return 2;

  for (uint32_t length; read_all(&length, sizeof length);) {
    if (length > MODULE_BYTES) return 2;
    // Exactly as long as the module: a read beyond it is seen.
    uint8_t *bytes = malloc(length ? length : 1);
    if (!read_all(bytes, length)) return 2;
    memcpy(at_hand, &length, 4);
    memcpy(at_hand + 4, bytes, length);
    run(bytes, length);
    free(bytes);
  }
  for (size_t i = 0; !each && i < sizeof outcomes / sizeof *outcomes && outcomes[i].count; i++) {
    printf("%lu\t%s\n", outcomes[i].count, outcomes[i].text);
  }
  return 0;
}
