// Calls in both directions, and values on their way.
#include <math.h>
#include <string.h>

#include "addon.h"

#define MAX_ARGUMENTS 1000  // wasm3's own bound on parameters plus results

const char *type_name(uint8_t type) {
  static const char *const names[] = {"none", "i32", "i64", "f32", "f64"};
  return type <= c_m3Type_f64 ? names[type] : "unknown";
}

static bool wrong_value(napi_env env, napi_value value, uint8_t type) {
  static const char *const expected[] = {
      "", "a whole number from -2^31 to 2^32 - 1 for an i32", "a bigint from -2^63 to 2^64 - 1 for an i64",
      "a number for an f32", "a number for an f64"};
  static const char *const kinds[] = {"undefined", "null",   "a boolean",  "a number",    "a string",
                                      "a symbol",  "an object", "a function", "an external", "a bigint"};
  napi_valuetype kind = napi_undefined, right = type == c_m3Type_i64 ? napi_bigint : napi_number;
  napi_typeof(env, value, &kind);
  char text[160];
  snprintf(text, sizeof text, "expected %s, got %s%s", expected[type], kinds[kind],
           kind == right ? " outside that range" : "");
  throw_type_error(env, text);
  return false;
}

// Stores the value as wasm3 keeps it in a 64-bit slot; false: a TypeError is pending
bool value_to_slot(napi_env env, napi_value value, uint8_t type, uint64_t *slot) {
  double number;
  switch (type) {
    case c_m3Type_i32: {
      if (napi_get_value_double(env, value, &number) != napi_ok) return wrong_value(env, value, type);
      if (!(number >= -2147483648.0 && number <= 4294967295.0) || number != trunc(number))
        return wrong_value(env, value, type);
      uint32_t bits = number < 0 ? (uint32_t)(int32_t)number : (uint32_t)number;
      memcpy(slot, &bits, sizeof bits);
      return true;
    }
    case c_m3Type_i64: {
      int64_t bits;
      bool lossless;
      if (napi_get_value_bigint_int64(env, value, &bits, &lossless) != napi_ok)
        return wrong_value(env, value, type);
      if (!lossless && (napi_get_value_bigint_uint64(env, value, (uint64_t *)&bits, &lossless) != napi_ok || !lossless))
        return wrong_value(env, value, type);
      memcpy(slot, &bits, sizeof bits);
      return true;
    }
    case c_m3Type_f32: {
      if (napi_get_value_double(env, value, &number) != napi_ok) return wrong_value(env, value, type);
      float single = (float)number;
      memcpy(slot, &single, sizeof single);
      return true;
    }
    case c_m3Type_f64:
      if (napi_get_value_double(env, value, &number) != napi_ok) return wrong_value(env, value, type);
      memcpy(slot, &number, sizeof number);
      return true;
  }
  throw_type_error(env, "a value of unknown type");
  return false;
}

napi_value slot_to_value(napi_env env, uint8_t type, const uint64_t *slot) {
  napi_value value = NULL;
  int32_t i32;
  int64_t i64;
  float f32;
  double f64;
  switch (type) {
    case c_m3Type_i32:
      memcpy(&i32, slot, sizeof i32);
      napi_create_int32(env, i32, &value);
      break;
    case c_m3Type_i64:
      memcpy(&i64, slot, sizeof i64);
      napi_create_bigint_int64(env, i64, &value);
      break;
    case c_m3Type_f32:
      memcpy(&f32, slot, sizeof f32);
      napi_create_double(env, f32, &value);
      break;
    case c_m3Type_f64:
      memcpy(&f64, slot, sizeof f64);
      napi_create_double(env, f64, &value);
      break;
  }
  return value;
}

static M3Result run(Runtime *runtime, IM3Function function) {
#if d_m3RecordBacktraces
  ClearBacktrace(runtime->m3);
#endif
  if (runtime->translated) return run_translated(runtime, function);
  return (M3Result)RunCode(function->compiled, (m3stack_t)runtime->m3->stack,
                           d_m3OpDefaultArgs(runtime->m3->memory.mallocated));
}

// 64-bit slots between the stack pointer and the end of the stack
static size_t stack_room(const Runtime *runtime) {
  return (size_t)((uint8_t *)runtime->m3->stackEnd - (uint8_t *)runtime->m3->stack) / sizeof(uint64_t);
}

#define FIXED 3  // runtime, what to keep alive, function index
#define DIRECT 8

// (runtime, keep, function index, …arguments). `keep` is not used: as an argument it lives as long as the call, and
// with it the host functions, which this side refers to weakly.
static napi_value call(napi_env env, napi_callback_info info) {
  napi_value direct[FIXED + DIRECT], *arguments = direct;
  size_t count = FIXED + DIRECT;
  napi_get_cb_info(env, info, &count, arguments, NULL, NULL);
  // before there is an array of that size on the stack
  if (count > FIXED + MAX_ARGUMENTS) return throw_type_error(env, "too many arguments");
  napi_value many[count > FIXED + DIRECT ? count : 1];
  if (count > FIXED + DIRECT) {
    arguments = many;
    napi_get_cb_info(env, info, &count, arguments, NULL, NULL);
  }
  Runtime *runtime = runtime_argument(env, arguments[0], true);
  if (!runtime) return NULL;
  uint32_t index;
  if (!runtime->compiled || napi_get_value_uint32(env, arguments[2], &index) != napi_ok ||
      index >= runtime->module->numFunctions)
    return throw_type_error(env, "no such function, or not compiled");

  IM3Function function = &runtime->module->functions[index];
  const M3FuncType *type = function->funcType;
  if (count - FIXED != type->numArgs) {
    char text[96];
    snprintf(text, sizeof text, "expected %u argument%s, got %zu", type->numArgs, type->numArgs == 1 ? "" : "s",
             count - FIXED);
    return throw_type_error(env, text);
  }

  Guard guard;
  M3Result result = guard_enter(runtime, &guard);
  if (!result) result = run_start(runtime);
  if (!result && stack_room(runtime) < (size_t)type->numArgs + type->numRets) result = m3Err_trapStackOverflow;
  if (!result) {
    uint64_t *slots = (uint64_t *)runtime->m3->stack + type->numRets;
    for (uint32_t i = 0; i < type->numArgs; i++)
      if (!value_to_slot(env, arguments[FIXED + i], type->types[type->numRets + i], &slots[i])) {
        guard_leave(runtime, &guard);
        return NULL;
      }
    result = run(runtime, function);
  }
  guard_leave(runtime, &guard);
  if (result) return throw_trap(runtime, result);

  const uint64_t *results = (const uint64_t *)runtime->m3->stack;
  if (type->numRets == 0) return NULL;
  if (type->numRets == 1) return slot_to_value(env, type->types[0], results);
  napi_value list;
  napi_create_array_with_length(env, type->numRets, &list);
  for (uint32_t i = 0; i < type->numRets; i++)
    napi_set_element(env, list, i, slot_to_value(env, type->types[i], &results[i]));
  return list;
}

static bool take_exception(Runtime *runtime) {
  napi_env env = runtime->env;
  bool pending = false;
  napi_value error;
  napi_is_exception_pending(env, &pending);
  if (pending && napi_get_and_clear_last_exception(env, &error) == napi_ok) keep_host_error(runtime, error);
  return pending;
}

// Wasm calls JavaScript. No exception ever crosses wasm3's frames: it is kept, and the run ends with a trap.
const void *call_host_function(IM3Runtime m3, IM3ImportContext context, uint64_t *sp, void *memory) {
  (void)m3, (void)memory;
  HostFunction *host = (HostFunction *)context->userdata;
  Runtime *runtime = host->runtime;
  napi_env env = runtime->env;
  const M3FuncType *type = context->function->funcType;
  M3Result trap = trapHost;

  napi_handle_scope scope;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return trapHost;
  napi_value function, receiver, returned, arguments[type->numArgs + 1];
  // the arguments are read before the call: a call back into this runtime uses the same part of the stack
  for (uint32_t i = 0; i < type->numArgs; i++)
    arguments[i] = slot_to_value(env, type->types[type->numRets + i], &sp[type->numRets + i]);

  if (napi_get_reference_value(env, host->function, &function) == napi_ok && function &&
      napi_get_undefined(env, &receiver) == napi_ok &&
      napi_call_function(env, receiver, function, type->numArgs, arguments, &returned) == napi_ok) {
    trap = NULL;
    if (type->numRets == 1) {
      uint64_t slot = 0;
      if (value_to_slot(env, returned, type->types[0], &slot))
        memcpy(sp, &slot, sizeof slot);
      else
        trap = trapHost;
    }
  }
  if (trap) take_exception(runtime);
  napi_close_handle_scope(env, scope);
  return trap;
}

// Wasm calls wasm of another runtime, without JavaScript in between
const void *call_bridge(IM3Runtime m3, IM3ImportContext context, uint64_t *sp, void *memory) {
  (void)m3, (void)memory;
  Bridge *bridge = (Bridge *)context->userdata;
  Runtime *target = bridge->target;
  const M3FuncType *from = context->function->funcType;
  M3Result result;
  if (!target->m3) return trapFreed;
  if (!target->compiled) return trapHost;

  IM3Function function = bridge->function;
  const M3FuncType *to = function->funcType;
  Guard guard;
  result = guard_enter(target, &guard);
  if (!result) result = run_start(target);
  if (!result && stack_room(target) < (size_t)to->numArgs + to->numRets) result = m3Err_trapStackOverflow;
  if (!result) {
    uint64_t *slots = (uint64_t *)target->m3->stack + to->numRets;
    uint32_t given = bridge->leadingCount + from->numArgs;
    memcpy(slots, bridge->leading, bridge->leadingCount * sizeof *slots);
    memcpy(slots + bridge->leadingCount, sp + from->numRets, from->numArgs * sizeof *slots);
    memset(slots + given, 0, (to->numArgs - given) * sizeof *slots);
    result = run(target, function);
  }
  if (!result && to->numRets == 1) {
    const uint64_t *returned = (const uint64_t *)target->m3->stack;
    int32_t code;
    memcpy(&code, returned, sizeof code);
    memcpy(sp, returned, sizeof *sp);
    guard_leave(target, &guard);
    return bridge->trapAbove && code > bridge->trapThreshold ? trapAborted : NULL;
  }
  guard_leave(target, &guard);
  if (!result) return NULL;

  // the target's trap becomes the cause of the caller's
  napi_env env = target->env;
  napi_handle_scope scope;
  if (napi_open_handle_scope(env, &scope) == napi_ok) {
    napi_value trap = create_trap(target, result);
    if (trap)
      keep_host_error(bridge->runtime, trap);
    else
      take_exception(bridge->runtime);
    napi_close_handle_scope(env, scope);
  }
  return trapHost;
}

const napi_property_descriptor callProperties[] = {EXPORT(call)};
const size_t callPropertyCount = sizeof callProperties / sizeof callProperties[0];
