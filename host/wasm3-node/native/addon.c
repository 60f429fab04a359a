// The addon's entry point.
#include <stdlib.h>

#include "addon.h"

static void finalize_instance(napi_env env, void *data, void *hint) {
  (void)env, (void)hint;
  free(data);
}

// (Trap factory, LoadError, CompileError): the classes that errors are made of
static napi_value setErrorClasses(napi_env env, napi_callback_info info) {
  napi_value arguments[3];
  size_t count = 3;
  napi_get_cb_info(env, info, &count, arguments, NULL, NULL);
  Instance *instance;
  napi_get_instance_data(env, (void **)&instance);
  napi_ref *references[] = {&instance->trapClass, &instance->loadErrorClass, &instance->compileErrorClass};
  for (int i = 0; i < 3; i++) {
    if (*references[i]) napi_delete_reference(env, *references[i]);
    napi_create_reference(env, arguments[i], 1, references[i]);
  }
  return NULL;
}

NAPI_MODULE_INIT() {
  Instance *instance = (Instance *)calloc(1, sizeof *instance);
  if (!instance) return throw_error(env, "not enough memory");
  instance->env = env;
  uintptr_t low = thread_stack_low();
  instance->stackLow = low ? low + NATIVE_STACK_RESERVE : 0;
  napi_set_instance_data(env, instance, finalize_instance, NULL);

  const napi_property_descriptor own[] = {EXPORT(setErrorClasses)};
  napi_define_properties(env, exports, 1, own);
  napi_define_properties(env, exports, runtimePropertyCount, runtimeProperties);
  napi_define_properties(env, exports, modulePropertyCount, moduleProperties);
  napi_define_properties(env, exports, callPropertyCount, callProperties);
  napi_define_properties(env, exports, memoryPropertyCount, memoryProperties);
  napi_define_properties(env, exports, translationPropertyCount, translationProperties);
  return exports;
}
