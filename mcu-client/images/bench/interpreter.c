#include "interpreter.h"

#include <string.h>

#include "hcall-definitions.h"
#include "hcalls.h"
#include "module.h"

enum { STACK_BYTES = 64 * 1024 };

static IM3Environment environment;
static IM3Runtime runtime;

m3ApiRawFunction(platform_random) {
  m3ApiReturnType(int32_t);
  m3ApiGetArgMem(uint8_t *, out);
  m3ApiGetArg(uint32_t, length);
  m3ApiCheckMem(out, length);
  bench_random(out, length);
  m3ApiReturn(0);
}

m3ApiRawFunction(platform_debug) {
  m3ApiGetArgMem(const uint8_t *, text);
  m3ApiGetArg(uint32_t, length);
  m3ApiCheckMem(text, length);
  bench_debug(text, length);
  m3ApiSuccess();
}

m3ApiRawFunction(not_offered) { m3ApiTrap("import is not offered by the bench"); }

static M3Result link(IM3Module module, const char *from, const char *name, const char *signature,
                     M3RawCall function) {
  M3Result result = m3_LinkRawFunction(module, from, name, signature, function);
  return result == m3Err_functionLookupFailed ? m3Err_none : result;
}

const char *interpreter_load(void) {
  IM3Module module;
  environment = m3_NewEnvironment();
  runtime = environment ? m3_NewRuntime(environment, STACK_BYTES, NULL) : NULL;
  if (!runtime) return m3Err_mallocFailed;
  M3Result result =
      m3_ParseModule(environment, &module, bench_wasm, (uint32_t)(bench_wasm_end - bench_wasm));
  if (!result) result = m3_LoadModule(runtime, module);
  if (!result) result = link(module, "platform", "random", "i(*i)", platform_random);
  if (!result) result = link(module, "platform", "debug", "v(*i)", platform_debug);
  if (!result) result = hcalls_link(module);
  for (size_t i = 0; !result && i < bench_import_count; i++)
    if (strncmp(bench_imports[i].name, HCALL_PREFIX, sizeof HCALL_PREFIX - 1) != 0)
      result = link(module, bench_imports[i].module, bench_imports[i].name, NULL, not_offered);
  if (!result) result = m3_CompileModule(module);
  if (!result) result = m3_RunStart(module);
  return result;
}

IM3Function interpreter_find(const char *name) {
  IM3Function function = NULL;
  return m3_FindFunction(&function, runtime, name) ? NULL : function;
}

IM3Function interpreter_nothing(void) {
  // (module (func (export "n")))
  static const uint8_t wasm[] = {0, 'a', 's', 'm', 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 3,    2, 1,
                                 0, 7,   5,   1,   1, 'n', 0, 0, 10, 4, 1, 2,    0, 0x0b};
  IM3Module module;
  IM3Function function = NULL;
  IM3Runtime own = m3_NewRuntime(environment, 1024, NULL);
  if (!own || m3_ParseModule(environment, &module, wasm, sizeof wasm) ||
      m3_LoadModule(own, module))
    return NULL;
  return m3_FindFunction(&function, own, "n") ? NULL : function;
}

const char *interpreter_call(IM3Function function, const uint64_t *arguments, uint64_t *result) {
  const void *pointers[16];
  uint32_t count = m3_GetArgCount(function);
  for (uint32_t i = 0; i < count; i++) pointers[i] = &arguments[i];
  M3Result trap = m3_Call(function, count, pointers);
  if (!trap && m3_GetRetCount(function) > 0) {
    const void *out[] = {result};
    trap = m3_GetResults(function, 1, out);
  }
  return trap;
}
