// Runtimes: making, configuring, freeing.
#include <stdlib.h>

#include "addon.h"

#define RUNTIME_MAGIC 0x3372756eu

// `live`: whether a freed runtime is refused
Runtime *runtime_argument(napi_env env, napi_value value, bool live) {
  Runtime *runtime = NULL;
  if (napi_get_value_external(env, value, (void **)&runtime) != napi_ok || !runtime ||
      runtime->magic != RUNTIME_MAGIC) {
    throw_type_error(env, "not a runtime");
    return NULL;
  }
  if (live && !runtime->m3) {
    throw_error(env, "this runtime has been freed");
    return NULL;
  }
  return runtime;
}

// Tells the garbage collector what hangs on a small handle
void account(Runtime *runtime, int64_t bytes) {
  int64_t total;
  runtime->accounted += bytes;
  napi_adjust_external_memory(runtime->env, bytes, &total);
}

// Frees everything but the record itself, which others may still point at
static void runtime_free(Runtime *runtime) {
  if (!runtime->m3) return;
  napi_env env = runtime->env;
  runtime->peakPages = runtime->m3->memory.numPages;

  // bridges and host functions first: nothing of wasm3 runs any more that could use them
  for (HostFunction *host = runtime->hostFunctions, *next; host; host = next) {
    next = host->next;
    napi_delete_reference(env, host->function);
    free(host);
  }
  runtime->hostFunctions = NULL;
  Bridge *bridges = runtime->bridges;
  runtime->bridges = NULL;

  free_translated(runtime);
  m3_FreeRuntime(runtime->m3);
  m3_FreeEnvironment(runtime->environment);
  runtime->m3 = NULL;
  runtime->environment = NULL;
  runtime->module = NULL;
  free(runtime->bytes);
  runtime->bytes = NULL;
  account(runtime, -runtime->accounted);
  if (runtime->cancellationArray) napi_delete_reference(env, runtime->cancellationArray);
  runtime->cancellationArray = NULL;
  runtime->cancellation = NULL;
  if (runtime->hostError) napi_delete_reference(env, runtime->hostError);
  runtime->hostError = NULL;

  for (Bridge *next; bridges; bridges = next) {
    next = bridges->next;
    runtime_release(bridges->target);
    free(bridges);
  }
}

void runtime_release(Runtime *runtime) {
  if (--runtime->references > 0) return;
  runtime_free(runtime);
  runtime->magic = 0;
  free(runtime);
}

static void finalize_runtime(napi_env env, void *data, void *hint) {
  (void)env, (void)hint;
  runtime_release((Runtime *)data);
}

// What wasm3's structures and code pages take at least, besides the stack: told to the garbage collector
#define RUNTIME_BYTES (128 * 1024)

// (stackSize, memoryLimit, nativeStackLimit): checked by the TypeScript side
static napi_value newRuntime(napi_env env, napi_callback_info info) {
  napi_value arguments[3];
  size_t count = 3;
  napi_get_cb_info(env, info, &count, arguments, NULL, NULL);
  uint32_t stackSize, memoryLimit, nativeStack;
  if (napi_get_value_uint32(env, arguments[0], &stackSize) != napi_ok ||
      napi_get_value_uint32(env, arguments[1], &memoryLimit) != napi_ok ||
      napi_get_value_uint32(env, arguments[2], &nativeStack) != napi_ok)
    return throw_type_error(env, "sizes must be numbers");

  Instance *instance;
  napi_get_instance_data(env, (void **)&instance);
  Runtime *runtime = (Runtime *)calloc(1, sizeof *runtime);
  // An environment of wasm3 keeps function types and code pages for good, and each new type is compared with all of them:
  // no module may leave that to the next one.
  if (runtime) runtime->environment = m3_NewEnvironment();
  if (runtime && runtime->environment) runtime->m3 = m3_NewRuntime(runtime->environment, stackSize, runtime);
  if (!runtime || !runtime->m3) {
    if (runtime) m3_FreeEnvironment(runtime->environment);
    free(runtime);
    return throw_error(env, "not enough memory for a runtime");
  }
  runtime->magic = RUNTIME_MAGIC;
  runtime->references = 1;
  runtime->env = env;
  runtime->instance = instance;
  runtime->nativeStackBudget = nativeStack;
  runtime->m3->memoryLimit = memoryLimit;
  m3_SetMemoryAllocator(runtime->m3, allocate_memory);
  m3_SetFuelHandler(runtime->m3, on_fuel_slice, FUEL_SLICE);
  account(runtime, (int64_t)RUNTIME_BYTES + stackSize);
  napi_value result;
  if (napi_create_external(env, runtime, finalize_runtime, NULL, &result) != napi_ok) {
    runtime_release(runtime);
    return throw_error(env, "not enough memory for a runtime");
  }
  return result;
}

static napi_value freeRuntime(napi_env env, napi_callback_info info) {
  napi_value arguments[1];
  size_t count = 1;
  napi_get_cb_info(env, info, &count, arguments, NULL, NULL);
  Runtime *runtime = runtime_argument(env, arguments[0], false);
  if (!runtime) return NULL;
  if (runtime->depth > 0)
    return throw_error(env, "a runtime cannot be freed while one of its functions is running");
  runtime_free(runtime);
  return NULL;
}

// (runtime, bigint): 2^64 - 1 is "unbounded"
static napi_value setFuel(napi_env env, napi_callback_info info) {
  RUNTIME_AND(1)
  uint64_t units;
  bool lossless;
  if (napi_get_value_bigint_uint64(env, arguments[1], &units, &lossless) != napi_ok || !lossless)
    return throw_type_error(env, "fuel must be a bigint from 0 to 2^64 - 1");
  m3_SetFuel(runtime->m3, units);
  return NULL;
}

static napi_value fuelUsed(napi_env env, napi_callback_info info) {
  RUNTIME_AND(0)
  napi_value result;
  napi_create_bigint_uint64(env, m3_GetFuelUsed(runtime->m3), &result);
  return result;
}

// (runtime, milliseconds): for each outermost call; 0: none
static napi_value setDeadline(napi_env env, napi_callback_info info) {
  RUNTIME_AND(1)
  double milliseconds;
  if (napi_get_value_double(env, arguments[1], &milliseconds) != napi_ok)
    return throw_type_error(env, "the deadline must be a number of milliseconds");
  runtime->deadlineBudget = (uint64_t)(milliseconds * 1e6);
  return NULL;
}

// (runtime, Int32Array over shared memory)
static napi_value setCancellation(napi_env env, napi_callback_info info) {
  RUNTIME_AND(1)
  napi_typedarray_type type;
  size_t length;
  void *data;
  bool is = false;
  if (napi_is_typedarray(env, arguments[1], &is) != napi_ok || !is ||
      napi_get_typedarray_info(env, arguments[1], &type, &length, &data, NULL, NULL) != napi_ok ||
      type != napi_int32_array || length < 1)
    return throw_type_error(env, "a cancellation flag must be an Int32Array");
  napi_create_reference(env, arguments[1], 1, &runtime->cancellationArray);
  runtime->cancellation = (const int32_t *)data;
  return NULL;
}

// Whether a call was running, which will now end
static napi_value cancel(napi_env env, napi_callback_info info) {
  RUNTIME_AND(0)
  if (runtime->depth > 0) {
    runtime->cancelRequested = true;
    m3_EndFuelSlice(runtime->m3);
  }
  napi_value result;
  napi_get_boolean(env, runtime->depth > 0, &result);
  return result;
}

static napi_value memoryPages(napi_env env, napi_callback_info info) {
  napi_value arguments[1];
  size_t count = 1;
  napi_get_cb_info(env, info, &count, arguments, NULL, NULL);
  Runtime *runtime = runtime_argument(env, arguments[0], false);
  if (!runtime) return NULL;
  napi_value result;
  napi_create_uint32(env, runtime->m3 ? runtime->m3->memory.numPages : runtime->peakPages, &result);
  return result;
}

const napi_property_descriptor runtimeProperties[] = {
    EXPORT(newRuntime),      EXPORT(freeRuntime), EXPORT(setFuel),     EXPORT(fuelUsed),
    EXPORT(setDeadline),    EXPORT(setCancellation), EXPORT(cancel),      EXPORT(memoryPages),
};
const size_t runtimePropertyCount = sizeof runtimeProperties / sizeof runtimeProperties[0];
