// From wasm3's results to JavaScript errors.
#include <stdio.h>
#include <string.h>

#include "addon.h"

const M3Result trapDeadline = "[trap] deadline exceeded";
const M3Result trapCancelled = "[trap] cancelled";
const M3Result trapHost = "[trap] host function failed";
const M3Result trapFreed = "[trap] the runtime behind the bridge has been freed";
const M3Result trapAborted = "[trap] aborted by the host";

static napi_value throw_with(napi_env env, const char *message, bool typeError) {
  bool pending;
  // what is already thrown tells more
  if (napi_is_exception_pending(env, &pending) == napi_ok && pending) return NULL;
  if (typeError)
    napi_throw_type_error(env, NULL, message);
  else
    napi_throw_error(env, NULL, message);
  return NULL;
}

napi_value throw_type_error(napi_env env, const char *message) {
  return throw_with(env, message, true);
}

napi_value throw_error(napi_env env, const char *message) {
  return throw_with(env, message, false);
}

static napi_value throw_instance(napi_env env, napi_ref class, size_t count, const napi_value *arguments) {
  napi_value constructor, error;
  if (napi_get_reference_value(env, class, &constructor) == napi_ok &&
      napi_new_instance(env, constructor, count, arguments, &error) == napi_ok)
    napi_throw(env, error);
  return NULL;
}

// wasm3's own text and, where it has one, its detail
static napi_value describe(Runtime *runtime, M3Result result) {
  M3ErrorInfo info;
  char text[512];
  m3_GetErrorInfo(runtime->m3, &info);
  if (info.result == result && info.message && info.message[0])
    snprintf(text, sizeof text, "%s: %s", result, info.message);
  else
    snprintf(text, sizeof text, "%s", result);
  napi_value value = NULL;
  napi_create_string_utf8(runtime->env, text, NAPI_AUTO_LENGTH, &value);
  return value;
}

// The clock and the wish to cancel end a load or a compilation as they end a call
static bool interrupted(M3Result result) { return result == trapDeadline || result == trapCancelled; }

napi_value throw_load_error(Runtime *runtime, const char *message) {
  if (interrupted(message)) return throw_trap(runtime, message);
  napi_value text = describe(runtime, message);
  return throw_instance(runtime->env, runtime->instance->loadErrorClass, 1, &text);
}

napi_value throw_compile_error(Runtime *runtime, M3Result result) {
  if (interrupted(result)) return throw_trap(runtime, result);
  napi_value text = describe(runtime, result);
  return throw_instance(runtime->env, runtime->instance->compileErrorClass, 1, &text);
}

static const char *trap_code(M3Result result) {
  static const struct {
    const M3Result *result;
    const char *code;
  } codes[] = {
      {&m3Err_trapUnreachable, "unreachable"},
      {&m3Err_trapOutOfBoundsMemoryAccess, "out-of-bounds-memory"},
      {&m3Err_trapDivisionByZero, "division-by-zero"},
      {&m3Err_trapIntegerOverflow, "integer-overflow"},
      {&m3Err_trapIntegerConversion, "invalid-conversion"},
      {&m3Err_trapIndirectCallTypeMismatch, "indirect-call-type-mismatch"},
      {&m3Err_trapTableIndexOutOfRange, "undefined-element"},
      {&m3Err_trapTableElementIsNull, "uninitialized-element"},
      {&m3Err_trapStackOverflow, "stack-overflow"},
      {&m3Err_trapOutOfFuel, "out-of-fuel"},
      {&trapDeadline, "deadline"},
      {&trapCancelled, "cancelled"},
      {&trapHost, "host"},
      {&trapFreed, "host"},
      {&trapAborted, "aborted"},
  };
  for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
    if (*codes[i].result == result) return codes[i].code;
  return "other";
}

// [[function name, function index, offset in the module or undefined], …], innermost first
static napi_value backtrace(Runtime *runtime) {
  napi_env env = runtime->env;
  napi_value frames;
  napi_create_array(env, &frames);
  IM3BacktraceInfo info = m3_GetBacktrace(runtime->m3);
  if (!info) return frames;
  uint32_t count = 0;
  for (IM3BacktraceFrame frame = info->frames; frame; frame = frame->next) {
    IM3Function function = frame->function;
    if (!function) continue;
    napi_value entry, name, index, offset;
    napi_create_array_with_length(env, 3, &entry);
    napi_create_string_utf8(env, m3_GetFunctionName(function), NAPI_AUTO_LENGTH, &name);
    napi_create_uint32(env, (uint32_t)(function - runtime->module->functions), &index);
    napi_set_element(env, entry, 0, name);
    napi_set_element(env, entry, 1, index);
    if (function->wasm) {
      napi_create_uint32(env, frame->moduleOffset, &offset);
      napi_set_element(env, entry, 2, offset);
    }
    napi_set_element(env, frames, count++, entry);
  }
  return frames;
}

napi_value create_trap(Runtime *runtime, M3Result result) {
  napi_env env = runtime->env;
  napi_value arguments[5], constructor, trap = NULL;
  const char *text = strncmp(result, "[trap] ", 7) == 0 ? result + 7 : result;
  napi_create_string_utf8(env, trap_code(result), NAPI_AUTO_LENGTH, &arguments[0]);
  napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &arguments[1]);
  arguments[2] = backtrace(runtime);
  napi_get_boolean(env, runtime->hostError != NULL, &arguments[3]);
  napi_get_undefined(env, &arguments[4]);
  if (runtime->hostError) {
    napi_value holder;
    napi_get_reference_value(env, runtime->hostError, &holder);
    napi_get_element(env, holder, 0, &arguments[4]);
    napi_delete_reference(env, runtime->hostError);
    runtime->hostError = NULL;
  }
  if (napi_get_reference_value(env, runtime->instance->trapClass, &constructor) != napi_ok ||
      napi_new_instance(env, constructor, 5, arguments, &trap) != napi_ok)
    return NULL;
  return trap;
}

napi_value throw_trap(Runtime *runtime, M3Result result) {
  napi_value trap = create_trap(runtime, result);
  if (trap) napi_throw(runtime->env, trap);
  return NULL;
}

// An array around it: what is thrown may be a primitive, which a reference cannot hold
void keep_host_error(Runtime *runtime, napi_value error) {
  napi_env env = runtime->env;
  napi_value holder;
  if (runtime->hostError) napi_delete_reference(env, runtime->hostError);
  runtime->hostError = NULL;
  if (napi_create_array_with_length(env, 1, &holder) == napi_ok &&
      napi_set_element(env, holder, 0, error) == napi_ok)
    napi_create_reference(env, holder, 1, &runtime->hostError);
}
