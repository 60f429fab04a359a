#include "programs.h"

#include <string.h>

#include "../hal/board.h"
#include "../module/interpreter.h"
#include "m3_env.h"
#include "../module/module.h"
#include "platform-interface.h"
#include "trusted-memory.h"
#include "trusted.h"
#ifdef PROGRAM_JIT
#include "jit.h"
#endif

// Of interpreted programs the clock is read once in so many units of fuel. One unit can be 64 KiB of straight code, in
// software floating point half a second: few units, so that a deadline is met and the watchdog is fed.
enum { SLICE = 32 };
// `program_running` is called when so much time has passed since it was.
enum { POLL_MS = 2 };
// The wasm stack of a program; the native stack bounds its depth as well.
#ifndef PROGRAM_STACK_MAX
#define PROGRAM_STACK_MAX 65536
#endif

// A run is exclusive, so there is one program at a time.
static struct {
  bool loaded;
  IM3Runtime runtime; // of an interpreted program, else NULL
  IM3Function main;
  int32_t handle;
  uint32_t deadline_ms, started_ms, polled_ms;
  uint64_t fuel;
} program;

static const char trap_deadline[] = "[trap] deadline";
static const char trap_hcall[] = "[trap] H-call";

// Lets the firmware answer what cannot wait. Returns whether the program's time is over.
static bool is_overdue(void) {
  uint32_t now = clock_ms();
  if (now - program.polled_ms >= POLL_MS) {
    program_running();
    program.polled_ms = now;
  }
  return program.deadline_ms > 0 && now - program.started_ms >= program.deadline_ms;
}

static M3Result fuel_slice(IM3Runtime runtime) {
  (void)runtime;
  return is_overdue() ? trap_deadline : m3Err_none;
}

#ifdef PROGRAM_JIT
enum { END_DEADLINE = CODE_TRAP_HOME + 1, END_HCALL, END_MODULE };

static struct compiled_code compiled;

// The clock has ticked: of code it is asked between any two instructions, not once in a slice of fuel.
static uint32_t compiled_tick(struct compiled_code *code) {
  (void)code;
  return is_overdue() ? END_DEADLINE : CODE_RETURNED;
}

static uint32_t compiled_hcall(struct compiled_code *code, uint32_t number, uint32_t *arguments) {
  uint32_t count = code_head(code->program, HEAD_IMPORT_COUNT), answer;
  const uint8_t *imports = code->program + code_head(code->program, HEAD_IMPORTS);
  if (number >= count) return END_HCALL;
  if (!trusted_hcall((uint32_t)program.handle, code_head(imports, 4 * number), arguments[0], arguments[1],
                     arguments[2], &answer))
    return END_MODULE;
  if ((int32_t)answer == HCALL_TRAP) return END_HCALL;
  arguments[0] = answer;
  return CODE_RETURNED;
}

static int32_t compiled_end(uint32_t ended) {
  static const int8_t codes[] = {
      [CODE_TRAP_UNREACHABLE] = TRAP_UNREACHABLE,
      [CODE_TRAP_MEMORY] = TRAP_MEMORY_BOUNDS,
      [CODE_TRAP_DIVISION] = TRAP_DIVISION_BY_ZERO,
      [CODE_TRAP_OVERFLOW] = TRAP_INTEGER_OVERFLOW,
      [CODE_TRAP_CONVERSION] = TRAP_INVALID_CONVERSION,
      [CODE_TRAP_TABLE] = TRAP_INDIRECT_CALL,
      [CODE_TRAP_STACK] = TRAP_STACK_OVERFLOW,
      [CODE_TRAP_FUEL] = TRAP_OUT_OF_FUEL,
      [END_DEADLINE] = TRAP_DEADLINE,
      [END_HCALL] = TRAP_HCALL,
  };
  if (ended == CODE_RETURNED) return 0;
  int32_t code = ended < sizeof codes ? codes[ended] : 0;
  return code != 0 ? code : TRAP_OTHER;
}
#endif

// An H-call: the runtime serves it; the context is its number.
static m3ApiRawFunction(hcall) {
  uint32_t number = (uint32_t)(uintptr_t)_ctx->userdata;
  uint32_t parameters = _ctx->function->funcType->numArgs;
  uint32_t arguments[3] = {0};
  for (uint32_t i = 0; i < parameters; i++) arguments[i] = *(uint32_t *)&_sp[1 + i];
  uint32_t answer;
  if (!trusted_hcall((uint32_t)program.handle, number, arguments[0], arguments[1], arguments[2],
                     &answer))
    return module_failure();
  if ((int32_t)answer == HCALL_TRAP) return trap_hcall;
  *(uint32_t *)&_sp[0] = answer;
  return m3Err_none;
}

static M3Result link_hcalls(IM3Module module) {
  static const struct {
    const char *name, *signature;
  } hcalls[] = {
#define SIGNATURE_1 "i(i)"
#define SIGNATURE_2 "i(ii)"
#define SIGNATURE_3 "i(iii)"
#define ENTRY(number, name, parameters) [number] = {name, SIGNATURE_##parameters},
      HCALLS(ENTRY)};
  for (uintptr_t i = 0; i < sizeof hcalls / sizeof hcalls[0]; i++) {
    M3Result result = m3_LinkRawFunctionEx(module, "env", hcalls[i].name, hcalls[i].signature,
                                           hcall, (const void *)i);
    if (result && result != m3Err_functionLookupFailed) return result;
  }
  for (uint32_t i = 0; i < module->numFunctions; i++)
    if (module->functions[i].import.fieldUtf8 && !module->functions[i].compiled)
      return m3Err_functionImportMissing;
  return m3Err_none;
}

static int32_t load_error(M3Result result) {
  if (result == m3Err_mallocFailed || result == m3Err_mallocFailedCodePage) return E_MEMORY;
  if (result == m3Err_wasmMemoryOverflow) return E_LIMIT;
  if (result == m3Err_functionImportMissing) return E_IMPORT;
  return E_MODULE;
}

static void unload(void) {
  program.loaded = false;
#ifdef PROGRAM_JIT
  if (compiled.program) jit_unload(&compiled);
#endif
  if (!program.runtime) return;
  uint32_t size;
  uint8_t *memory = m3_GetMemory(program.runtime, &size, 0);
  if (memory) memset(memory, 0, size);
  m3_FreeRuntime(program.runtime);
  program.runtime = NULL;
}

static int32_t load(const uint8_t *wasm, uint32_t length) {
  IM3Module module;
  M3Result result = m3_ParseModule(interpreter_environment(), &module, wasm, length);
  if (result) return load_error(result);
  result = m3_LoadModule(program.runtime, module);
  if (result) {
    m3_FreeModule(module); // the runtime has not taken it
    return load_error(result);
  }
  if (module->startFunction >= 0) return E_MODULE;
  result = link_hcalls(module);
  if (!result) result = m3_CompileModule(module);
  if (result) return load_error(result);
  if (m3_FindFunction(&program.main, program.runtime, "main")) return E_EXPORT;
  uint32_t arguments = m3_GetArgCount(program.main);
  if ((arguments != 0 && arguments != 2) || m3_GetRetCount(program.main) != 1) return E_EXPORT;
  return 0;
}

struct limits {
  uint64_t fuel;
  uint32_t deadline_ms, memory_bytes, stack_bytes, strategy;
};

static int32_t load_interpreted(const uint8_t *wasm, uint32_t length, const struct limits *limits) {
  program.runtime = m3_NewRuntime(interpreter_environment(), limits->stack_bytes, NULL);
  if (!program.runtime) return E_MEMORY;
  program.runtime->memoryLimit = limits->memory_bytes;
  program.fuel = limits->fuel ? limits->fuel : M3_FUEL_UNBOUNDED;
  interpreter_limit_native_stack(program.runtime, PROGRAM_STACK_RESERVE);
  return load(wasm, length);
}

static int32_t load_compiled(const uint8_t *wasm, uint32_t length, const struct limits *limits) {
#ifdef PROGRAM_JIT
  int32_t code = jit_load(&compiled, wasm, length, limits->memory_bytes, limits->stack_bytes);
  if (code != 0) return code;
  compiled.import = compiled_hcall;
  compiled.tick = compiled_tick;
  return code_start(&compiled, limits->fuel ? limits->fuel : UINT64_MAX) ? 0 : E_MEMORY;
#else
  (void)wasm, (void)length, (void)limits;
  return E_STRATEGY;
#endif
}

int32_t platform_programLoad(uint32_t bytes, uint32_t length, uint32_t limits_pointer) {
  static int32_t handles;
  struct limits limits;
  const uint8_t *wasm = runtime_bytes(bytes, length);
  const uint8_t *limit_bytes = runtime_bytes(limits_pointer, sizeof limits);
  if (!wasm || !limit_bytes) return 0;
  memcpy(&limits, limit_bytes, sizeof limits);
  if (!(platform_strategies() >> limits.strategy & 1) || limits.strategy > STRATEGY_JIT) return E_STRATEGY;
  if (limits.stack_bytes > PROGRAM_STACK_MAX) limits.stack_bytes = PROGRAM_STACK_MAX;
  if (program.loaded) return E_MEMORY;
  int32_t code = limits.strategy == STRATEGY_JIT ? load_compiled(wasm, length, &limits)
                                                 : load_interpreted(wasm, length, &limits);
  if (code != 0) {
    unload();
    return code;
  }
  program.loaded = true;
  program.deadline_ms = limits.deadline_ms;
  handles = handles == INT32_MAX ? 1 : handles + 1;
  program.handle = handles;
  return program.handle;
}

// Whether the handle is that of the loaded program; anything else is a bug in the runtime.
static bool is_loaded(int32_t handle) {
  if (program.loaded && handle == program.handle) return true;
  module_fail("a handle of no program");
  return false;
}

static int32_t trap_code(M3Result trap) {
  static const struct {
    const M3Result *trap;
    int32_t code;
  } codes[] = {
      {&m3Err_trapUnreachable, TRAP_UNREACHABLE},
      {&m3Err_trapOutOfBoundsMemoryAccess, TRAP_MEMORY_BOUNDS},
      {&m3Err_trapDivisionByZero, TRAP_DIVISION_BY_ZERO},
      {&m3Err_trapIntegerOverflow, TRAP_INTEGER_OVERFLOW},
      {&m3Err_trapIntegerConversion, TRAP_INVALID_CONVERSION},
      {&m3Err_trapIndirectCallTypeMismatch, TRAP_INDIRECT_CALL},
      {&m3Err_trapTableIndexOutOfRange, TRAP_INDIRECT_CALL},
      {&m3Err_trapTableElementIsNull, TRAP_INDIRECT_CALL},
      {&m3Err_trapStackOverflow, TRAP_STACK_OVERFLOW},
      {&m3Err_trapOutOfFuel, TRAP_OUT_OF_FUEL},
  };
  for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
    if (*codes[i].trap == trap) return codes[i].code;
  return trap == trap_deadline ? TRAP_DEADLINE : trap == trap_hcall ? TRAP_HCALL : TRAP_OTHER;
}

int32_t platform_programRun(int32_t handle, uint32_t returned) {
  uint8_t *out = runtime_bytes(returned, 4);
  if (!out || !is_loaded(handle)) return 0;
  program.started_ms = program.polled_ms = clock_ms();
#ifdef PROGRAM_JIT
  if (compiled.program) {
    static const uint32_t zeros[4];
    uint32_t result[2];
    program_begins();
    uint32_t ended = code_call(&compiled, code_head(compiled.program, HEAD_MAIN), zeros, result);
    program_ended();
    if (ended != CODE_RETURNED) return compiled_end(ended);
    out = runtime_bytes(returned, 4);
    memcpy(out, &result[0], 4);
    return 0;
  }
#endif
  m3_SetFuelHandler(program.runtime, fuel_slice, SLICE);
  m3_SetFuel(program.runtime, program.fuel);
  static const uint32_t zero;
  const void *arguments[] = {&zero, &zero};
  program_begins();
  M3Result trap = m3_Call(program.main, m3_GetArgCount(program.main), arguments);
  program_ended();
  uint32_t value = 0;
  if (!trap) trap = m3_GetResults(program.main, 1, (const void *[]){&value});
  if (trap) return trap_code(trap);
  out = runtime_bytes(returned, 4);
  memcpy(out, &value, 4);
  return 0;
}

void platform_programFree(int32_t handle) {
  if (!is_loaded(handle)) return;
  unload();
  program_freed();
}

static uint8_t *program_bytes(uint32_t address, uint32_t length) {
  uint32_t size;
#ifdef PROGRAM_JIT
  if (compiled.program) {
    size = compiled.memory_bytes;
    return address > size || length > size - address ? NULL : compiled.memory + address;
  }
#endif
  uint8_t *memory = m3_GetMemory(program.runtime, &size, 0);
  if (!memory || address > size || length > size - address) return NULL;
  return memory + address;
}

// A copy is work that the program has asked for: it costs fuel as its own memory.copy does.
static int32_t charge(uint32_t length) {
#ifdef PROGRAM_JIT
  if (compiled.program) return compiled_end(code_charge(&compiled, length >> 8));
#endif
  M3Result trap = ChargeFuel(program.runtime, length >> 8);
  return trap ? trap_code(trap) : 0;
}

int32_t platform_programRead(int32_t handle, uint32_t address, uint32_t destination,
                             uint32_t length) {
  uint8_t *to = runtime_bytes(destination, length);
  if (!to || !is_loaded(handle)) return 0;
  const uint8_t *from = program_bytes(address, length);
  if (!from) return E_BOUNDS;
  int32_t ended = charge(length);
  if (ended) return ended;
  memcpy(to, from, length);
  return 0;
}

int32_t platform_programWrite(int32_t handle, uint32_t address, uint32_t source, uint32_t length) {
  const uint8_t *from = runtime_bytes(source, length);
  if (!from || !is_loaded(handle)) return 0;
  uint8_t *to = program_bytes(address, length);
  if (!to) return E_BOUNDS;
  int32_t ended = charge(length);
  if (ended) return ended;
  memcpy(to, from, length);
  return 0;
}

int32_t platform_programCheckRange(int32_t handle, uint32_t address, uint32_t length) {
  if (!is_loaded(handle)) return 0;
  return program_bytes(address, length) ? 0 : E_BOUNDS;
}

void platform_programUsage(int32_t handle, uint32_t out_pointer) {
  struct {
    uint64_t fuel;
    uint32_t memory_bytes, reserved;
  } usage = {0};
  uint8_t *out = runtime_bytes(out_pointer, sizeof usage);
  if (!out || !is_loaded(handle)) return;
#ifdef PROGRAM_JIT
  if (compiled.program) {
    usage.fuel = code_fuel_used(&compiled);
    usage.memory_bytes = compiled.memory_bytes;
    memcpy(out, &usage, sizeof usage);
    return;
  }
#endif
  usage.fuel = m3_GetFuelUsed(program.runtime);
  // Memory never shrinks: its size now is its peak.
  usage.memory_bytes = m3_GetMemorySize(program.runtime);
  memcpy(out, &usage, sizeof usage);
}
