// Modules: loading, linking, compiling, globals.
#include <stdlib.h>
#include <string.h>

#include "addon.h"

// (runtime, Uint8Array)
static napi_value load(napi_env env, napi_callback_info info) {
  RUNTIME_AND(1)
  napi_typedarray_type type;
  size_t length;
  void *data;
  if (napi_get_typedarray_info(env, arguments[1], &type, &length, &data, NULL, NULL) != napi_ok ||
      type != napi_uint8_array || length > UINT32_MAX)
    return throw_type_error(env, "a module must be a Uint8Array");
  // one module for a runtime, for good: a second one would share, and replace, its memory
  if (runtime->bytes) return throw_load_error(runtime, "this runtime has been given a module already");

  runtime->bytes = (uint8_t *)malloc(length ? length : 1);
  if (!runtime->bytes) return throw_load_error(runtime, m3Err_mallocFailed);
  memcpy(runtime->bytes, data, length);

  Guard guard;
  IM3Module module = NULL;
  M3Result result = guard_enter(runtime, &guard);
  if (!result) result = m3_ParseModule(runtime->environment, &module, runtime->bytes, (uint32_t)length);
  if (!result) {
    result = m3_LoadModule(runtime->m3, module);
    if (result) m3_FreeModule(module);
  }
  guard_leave(runtime, &guard);
  if (result) return throw_load_error(runtime, result);
  runtime->module = module;
  return NULL;
}

static IM3Function function_argument(napi_env env, Runtime *runtime, napi_value value) {
  uint32_t index;
  if (!runtime->module || napi_get_value_uint32(env, value, &index) != napi_ok ||
      index >= runtime->module->numFunctions) {
    throw_type_error(env, "no such function");
    return NULL;
  }
  return &runtime->module->functions[index];
}

extern const void *call_host_function(IM3Runtime m3, IM3ImportContext context, uint64_t *sp, void *memory);
extern const void *call_bridge(IM3Runtime m3, IM3ImportContext context, uint64_t *sp, void *memory);

static bool link_function(Runtime *runtime, IM3Function function, M3RawCall call, void *userdata) {
  M3Result result = CompileRawFunction(runtime->module, function, (const void *)call, userdata);
  if (!result) {
    link_translated(runtime, function, call, userdata);
    return true;
  }
  throw_compile_error(runtime, result);
  return false;
}

static bool linkable(napi_env env, Runtime *runtime, IM3Function function) {
  if (function->wasm) {
    throw_type_error(env, "not an imported function");
    return false;
  }
  if (runtime->compiled) {
    throw_error(env, "imports must be linked before the module is compiled");
    return false;
  }
  return true;
}

// (runtime, function index, JavaScript function)
static napi_value linkHost(napi_env env, napi_callback_info info) {
  RUNTIME_AND(2)
  IM3Function function = function_argument(env, runtime, arguments[1]);
  if (!function || !linkable(env, runtime, function)) return NULL;
  HostFunction *host = (HostFunction *)calloc(1, sizeof *host);
  if (!host) return throw_error(env, "not enough memory to link a function");
  host->runtime = runtime;
  if (napi_create_reference(env, arguments[2], 0, &host->function) != napi_ok) {
    free(host);
    return throw_type_error(env, "a host function must be a function");
  }
  host->next = runtime->hostFunctions;
  runtime->hostFunctions = host;
  link_function(runtime, function, call_host_function, host);
  return NULL;
}

// (runtime, function index, target runtime, target's function index, leading arguments, trapAbove or undefined)
static napi_value linkBridge(napi_env env, napi_callback_info info) {
  RUNTIME_AND(5)
  IM3Function function = function_argument(env, runtime, arguments[1]);
  if (!function || !linkable(env, runtime, function)) return NULL;
  Runtime *target = runtime_argument(env, arguments[2], true);
  IM3Function targetFunction = target ? function_argument(env, target, arguments[3]) : NULL;
  if (!targetFunction) return NULL;
  uint32_t leadingCount = 0;
  napi_get_array_length(env, arguments[4], &leadingCount);
  if (leadingCount > MAX_LEADING_ARGUMENTS || leadingCount > m3_GetArgCount(targetFunction))
    return throw_type_error(env, "too many leading arguments");

  Bridge *bridge = (Bridge *)calloc(1, sizeof *bridge);
  if (!bridge) return throw_error(env, "not enough memory to link a function");
  bridge->runtime = runtime;
  bridge->target = target;
  bridge->function = targetFunction;
  bridge->leadingCount = leadingCount;
  for (uint32_t i = 0; i < leadingCount; i++) {
    napi_value value;
    napi_get_element(env, arguments[4], i, &value);
    if (!value_to_slot(env, value, (uint8_t)m3_GetArgType(targetFunction, i), &bridge->leading[i])) {
      free(bridge);
      return NULL;
    }
  }
  bridge->trapAbove = napi_get_value_int32(env, arguments[5], &bridge->trapThreshold) == napi_ok;
  target->references++;
  bridge->next = runtime->bridges;
  runtime->bridges = bridge;
  link_function(runtime, function, call_bridge, bridge);
  return NULL;
}

static napi_value compile(napi_env env, napi_callback_info info) {
  RUNTIME_AND(0)
  if (runtime->compiled) return NULL;
  Guard guard;
  M3Result result = guard_enter(runtime, &guard);
  if (!result) result = runtime->translated ? start_translated(runtime) : m3_CompileModule(runtime->module);
  guard_leave(runtime, &guard);
  if (result) return throw_compile_error(runtime, result);
  runtime->compiled = true;
  return NULL;
}

// wasm3 runs the start function before the first call; a module whose start trapped has no instance to call
M3Result run_start(Runtime *runtime) {
  if (runtime->startDone) return runtime->startFailed ? "the module's start function has failed" : NULL;
  runtime->startDone = true;
  M3Result result = m3_RunStart(runtime->module);
  runtime->startFailed = result != NULL;
  return result;
}

static IM3Global global_argument(napi_env env, Runtime *runtime, napi_value value) {
  uint32_t index;
  if (!runtime->module || napi_get_value_uint32(env, value, &index) != napi_ok ||
      index >= runtime->module->numGlobals) {
    throw_type_error(env, "no such global");
    return NULL;
  }
  return &runtime->module->globals[index];
}

// (runtime, global index)
static napi_value getGlobal(napi_env env, napi_callback_info info) {
  RUNTIME_AND(1)
  IM3Global global = global_argument(env, runtime, arguments[1]);
  if (!global) return NULL;
  return slot_to_value(env, global->type, (const uint64_t *)&global->i64Value);
}

// (runtime, global index, value)
static napi_value setGlobal(napi_env env, napi_callback_info info) {
  RUNTIME_AND(2)
  IM3Global global = global_argument(env, runtime, arguments[1]);
  if (!global) return NULL;
  if (!global->isMutable) return throw_type_error(env, "this global is immutable");
  uint64_t slot = 0;
  if (value_to_slot(env, arguments[2], global->type, &slot)) memcpy(&global->i64Value, &slot, sizeof slot);
  return NULL;
}

const napi_property_descriptor moduleProperties[] = {
    EXPORT(load), EXPORT(linkHost), EXPORT(linkBridge), EXPORT(compile), EXPORT(getGlobal), EXPORT(setGlobal),
};
const size_t modulePropertyCount = sizeof moduleProperties / sizeof moduleProperties[0];
