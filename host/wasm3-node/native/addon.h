// Shared declarations of the Node-API addon. One Instance per Node environment (main thread or worker): no globals.
#ifndef wasm3_node_addon_h
#define wasm3_node_addon_h

#define NAPI_VERSION 8
#include <node_api.h>
#include <stdbool.h>
#include <stdint.h>

#include "m3_env.h"

// Units of fuel between two looks at the clock and the cancellation flag: about a microsecond of a tight loop. A unit can be
// as much as a megabyte of straight code (some milliseconds), so that a deadline is missed by so many of those at most.
#define FUEL_SLICE 128

// Native stack kept free below the limit, for host functions and what they call
#define NATIVE_STACK_RESERVE (256 * 1024)

typedef struct Instance {
  napi_env env;
  napi_ref trapClass;       // (code, message, frames, cause) → Error
  napi_ref loadErrorClass;  // (message) → Error
  napi_ref compileErrorClass;
  uintptr_t stackLow;       // lowest usable address of this thread's stack, with the reserve; 0: unknown
} Instance;

typedef struct HostFunction HostFunction;
typedef struct Bridge Bridge;
typedef struct Translated Translated;

typedef struct Runtime {
  uint32_t magic;
  uint32_t references;  // its handle, and one for each bridge that leads here
  napi_env env;  // here too: a finalizer may run when the instance is gone already
  Instance *instance;
  IM3Environment environment;
  IM3Runtime m3;     // NULL once freed
  IM3Module module;  // owned by m3; NULL until loaded
  uint8_t *bytes;    // the module's bytes, which m3 refers to
  Translated *translated;  // NULL: the code that runs is wasm3's
  bool compiled;
  bool startDone, startFailed;
  uint32_t depth;  // calls that have not returned

  HostFunction *hostFunctions;
  Bridge *bridges;
  napi_ref view;  // weak, to the ArrayBuffer over linear memory
  size_t reservedBytes;
  int64_t accounted;  // what the garbage collector was told

  uint64_t nativeStackBudget;
  uint64_t deadlineBudget;      // nanoseconds per outermost call; 0: none
  uint64_t deadline;            // of the running call, monotonic nanoseconds; 0: none
  bool cancelRequested;
  const int32_t *cancellation;  // in shared memory; NULL: none
  napi_ref cancellationArray;   // keeps that memory
  napi_ref hostError;           // [what a host function threw], until the trap is reported
  uint32_t peakPages;           // survives m3
} Runtime;

struct HostFunction {
  Runtime *runtime;
  napi_ref function;  // weak: the TypeScript side keeps it alive
  HostFunction *next;
};

#define MAX_LEADING_ARGUMENTS 8

struct Bridge {
  Runtime *runtime;  // of the importing module
  Runtime *target;   // counted
  IM3Function function;
  uint32_t leadingCount;
  uint64_t leading[MAX_LEADING_ARGUMENTS];
  bool trapAbove;
  int32_t trapThreshold;
  Bridge *next;
};

extern const M3Result trapDeadline, trapCancelled, trapHost, trapFreed, trapAborted;

// errors.c
napi_value throw_type_error(napi_env env, const char *message);
napi_value throw_error(napi_env env, const char *message);
napi_value throw_load_error(Runtime *runtime, const char *message);
napi_value throw_compile_error(Runtime *runtime, M3Result result);
napi_value create_trap(Runtime *runtime, M3Result result);
napi_value throw_trap(Runtime *runtime, M3Result result);
void keep_host_error(Runtime *runtime, napi_value error);

// guard.c
typedef struct Guard {
  void *nativeStackLimit;
} Guard;
uintptr_t thread_stack_low(void);
M3Result guard_enter(Runtime *runtime, Guard *guard);
void guard_leave(Runtime *runtime, const Guard *guard);
M3Result on_fuel_slice(IM3Runtime m3);

// runtime.c
Runtime *runtime_argument(napi_env env, napi_value value, bool live);
void runtime_release(Runtime *runtime);
void account(Runtime *runtime, int64_t bytes);
extern const napi_property_descriptor runtimeProperties[];
extern const size_t runtimePropertyCount;

// translation.c
M3Result run_translated(Runtime *runtime, IM3Function function);
M3Result start_translated(Runtime *runtime);
void link_translated(Runtime *runtime, IM3Function function, M3RawCall call, void *userdata);
void free_translated(Runtime *runtime);

// module.c, call.c, memory.c, translation.c
extern const napi_property_descriptor moduleProperties[], callProperties[], memoryProperties[], translationProperties[];
extern const size_t modulePropertyCount, callPropertyCount, memoryPropertyCount, translationPropertyCount;
void *allocate_memory(IM3Runtime m3, void *old, size_t newSize, size_t oldSize);
bool value_to_slot(napi_env env, napi_value value, uint8_t type, uint64_t *slot);
napi_value slot_to_value(napi_env env, uint8_t type, const uint64_t *slot);
const char *type_name(uint8_t type);
M3Result run_start(Runtime *runtime);

// The arguments of an exported function: a runtime that is not freed, and `n` more
#define RUNTIME_AND(n)                                         \
  napi_value arguments[n + 1];                                 \
  size_t count = n + 1;                                        \
  napi_get_cb_info(env, info, &count, arguments, NULL, NULL);  \
  Runtime *runtime = runtime_argument(env, arguments[0], true); \
  if (!runtime) return NULL;

#define EXPORT(name) {#name, NULL, name, NULL, NULL, NULL, napi_enumerable, NULL}

#endif
