// wasm3 without Node: runs an export of a module and prints what came of it. Compiled from the sources as they come
// and from the patched ones (-DPATCHED), to compare instructions (bench) and behaviour (tests).
//
// Usage: driver FILE EXPORT [OPTION...] [ARGUMENT...]
//   --stack BYTES        wasm stack (default 65536)
//   --memory-limit BYTES
//   --compile            compile every function first
//   --fail-allocation    run again and again, the 1st, 2nd, … allocation failing, until one run needs fewer
//   --secret HEX         16 hex digits: report whether freed blocks hold those 8 bytes
//   --types              report how many function types a run leaves in its environment
//   --blocks             report how many heap blocks the runtime has after it compiled, and leaves behind
//   --backed BYTES       how much of the memory is there (nothing without the patch)
//
// Arguments are decimal: i32, i64. Imports of functions are linked: env.reenter calls the export "inner"; all others
// return 0. Output, one line each: "load: ERROR", "compile: ERROR", "call: ERROR" or "result: VALUE", and what the
// options report. Exit code 0 unless the usage is wrong.
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "m3_env.h"

static long failAt = 0, allocations = 0, live = 0;
static bool secretSought = false;
static uint64_t secret;
static long secretsFreed = 0;
static bool countTypes = false, countBlocks = false;

void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void __real_free(void *block);

static bool fails(void) { return ++allocations == failAt; }

void *__wrap_calloc(size_t count, size_t size) {
  if (fails()) return NULL;
  void *block = __real_calloc(count, size);
  if (block) live++;
  return block;
}

void *__wrap_realloc(void *old, size_t size) {
  if (fails()) return NULL;
  void *block = __real_realloc(old, size);
  if (block && !old) live++;
  return block;
}

void __wrap_free(void *block) {
  if (!block) return;
  live--;
  if (secretSought)
    for (size_t i = 0, n = malloc_usable_size(block); i + 8 <= n; i++)
      if (memcmp((char *)block + i, &secret, 8) == 0) {
        secretsFreed++;
        break;
      }
  __real_free(block);
}

static m3ApiRawFunction(answerZero) {
  (void)runtime, (void)_mem;
  memset(_sp, 0, m3_GetRetCount(_ctx->function) * sizeof *_sp);
  return NULL;
}

static m3ApiRawFunction(reenter) {
  (void)_mem, (void)_ctx;
  m3ApiReturnType(int32_t) IM3Function inner;
  M3Result result = m3_FindFunction(&inner, runtime, "inner");
  if (!result) result = m3_CallV(inner);
  if (result) m3ApiTrap(result);
  m3ApiReturn(0)
}

typedef struct Options {
  const char *export;
  uint32_t stack, memoryLimit, backed;
  bool compile;
  int argumentCount;
  char **arguments;
} Options;

static void signature_of(IM3Function function, char *text) {
  char *at = text;
  for (uint32_t i = 0; i < m3_GetRetCount(function); i++) *at++ = " iIfF"[m3_GetRetType(function, i)];
  if (at == text) *at++ = 'v';
  *at++ = '(';
  for (uint32_t i = 0; i < m3_GetArgCount(function); i++) *at++ = " iIfF"[m3_GetArgType(function, i)];
  *at++ = ')';
  *at = 0;
}

static M3Result link_imports(IM3Module module) {
  for (uint32_t i = 0; i < module->numFunctions; i++) {
    IM3Function function = &module->functions[i];
    if (!function->import.moduleUtf8 || !function->import.fieldUtf8) continue;
    char signature[64];
    signature_of(function, signature);
    bool re = strcmp(function->import.fieldUtf8, "reenter") == 0;
    M3Result result = m3_LinkRawFunction(module, function->import.moduleUtf8, function->import.fieldUtf8, signature,
                                         re ? reenter : answerZero);
    if (result) return result;
  }
  return NULL;
}

static void print_result(IM3Function function) {
  if (m3_GetRetCount(function) == 0) {
    printf("result: none\n");
    return;
  }
  union {
    int32_t i32;
    int64_t i64;
    float f32;
    double f64;
  } value;
  const void *pointers[] = {&value};
  M3Result result = m3_GetResults(function, 1, pointers);
  if (result)
    printf("result: ERROR %s\n", result);
  else
    switch (m3_GetRetType(function, 0)) {
      case c_m3Type_i32: printf("result: %d\n", value.i32); break;
      case c_m3Type_i64: printf("result: %lld\n", (long long)value.i64); break;
      case c_m3Type_f32: printf("result: %.9g\n", value.f32); break;
      default: printf("result: %.17g\n", value.f64);
    }
}

static void call(IM3Runtime runtime, const Options *options) {
  IM3Function function;
  M3Result result = m3_FindFunction(&function, runtime, options->export);
  if (!result)
    result = m3_CallArgv(function, (uint32_t)options->argumentCount, (const char **)options->arguments);
  if (result) {
    printf("call: %s\n", result);
    uint32_t frames = 0;
    IM3BacktraceInfo trace = m3_GetBacktrace(runtime);
    for (IM3BacktraceFrame frame = trace ? trace->frames : NULL; frame; frame = frame->next) frames++;
    printf("frames: %u\n", frames);
  } else {
    print_result(function);
  }
}

static void run(const uint8_t *bytes, uint32_t length, const Options *options) {
  M3Result result = m3Err_mallocFailed;
  IM3Module module = NULL;
  IM3Runtime runtime = NULL;
  IM3Environment environment = m3_NewEnvironment();
  long before = live;
  if (environment) runtime = m3_NewRuntime(environment, options->stack, NULL);
  if (runtime) {
    runtime->memoryLimit = options->memoryLimit;
#ifdef PATCHED
    m3_SetNativeStackLimit(runtime, (char *)__builtin_frame_address(0) - 2 * 1024 * 1024);
    m3_SetFuel(runtime, M3_FUEL_UNBOUNDED);
    m3_SetMemoryBacked(runtime, options->backed);
#endif
    result = m3_ParseModule(environment, &module, bytes, length);
  }
  if (!result) {
    result = m3_LoadModule(runtime, module);
    if (result) m3_FreeModule(module);
  }
  if (!result) result = link_imports(module);
  if (result) {
    printf("load: %s\n", result);
  } else {
    if (options->compile) result = m3_CompileModule(module);
    if (countBlocks) printf("blocks: %ld\n", live - before);
    if (result)
      printf("compile: %s\n", result);
    else
      call(runtime, options);
  }
  m3_FreeRuntime(runtime);
  if (countBlocks) printf("left: %ld\n", live - before);
  if (countTypes) {
    uint32_t types = 0;
    for (IM3FuncType type = environment->funcTypes; type; type = type->next) types++;
    printf("types: %u\n", types);
  }
  m3_FreeEnvironment(environment);
}

static uint8_t *read_file(const char *path, uint32_t *length) {
  FILE *file = fopen(path, "rb");
  if (!file) return NULL;
  fseek(file, 0, SEEK_END);
  *length = (uint32_t)ftell(file);
  rewind(file);
  uint8_t *bytes = malloc(*length + 1);  // not counted: only calloc, realloc and free are
  if (fread(bytes, 1, *length, file) != *length) bytes = NULL;
  fclose(file);
  return bytes;
}

int main(int argc, char **argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: driver FILE EXPORT [OPTION...] [ARGUMENT...]\n");
    return 2;
  }
  Options options = {.export = argv[2], .stack = 65536};
  bool failing = false;
  int i = 3;
  for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
    const char *name = argv[i] + 2;
    if (strcmp(name, "compile") == 0) options.compile = true;
    else if (strcmp(name, "fail-allocation") == 0) failing = true;
    else if (strcmp(name, "types") == 0) countTypes = true;
    else if (strcmp(name, "blocks") == 0) countBlocks = true;
    else if (i + 1 >= argc) break;
    else if (strcmp(name, "backed") == 0) options.backed = (uint32_t)strtoul(argv[++i], NULL, 10);
    else if (strcmp(name, "stack") == 0) options.stack = (uint32_t)strtoul(argv[++i], NULL, 10);
    else if (strcmp(name, "memory-limit") == 0) options.memoryLimit = (uint32_t)strtoul(argv[++i], NULL, 10);
    else if (strcmp(name, "secret") == 0) {
      secret = strtoull(argv[++i], NULL, 16);
      secretSought = true;
    } else break;
  }
  options.arguments = argv + i;
  options.argumentCount = argc - i;

  uint32_t length;
  uint8_t *bytes = read_file(argv[1], &length);
  if (!bytes) {
    fprintf(stderr, "cannot read %s\n", argv[1]);
    return 2;
  }
  if (failing) {
    do {
      failAt++;
      allocations = 0;
      run(bytes, length, &options);
      if (live != 0) printf("leaked: %ld blocks when allocation %ld failed\n", live, failAt);
      live = 0;
    } while (allocations >= failAt && failAt < 100000);
    printf("allocations: %ld\n", allocations);
  } else {
    run(bytes, length, &options);
    printf("live: %ld\n", live);
    if (secretSought) printf("secrets freed: %ld\n", secretsFreed);
  }
  __real_free(bytes);
  return 0;
}
