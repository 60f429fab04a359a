// Modules that were translated to native code (host/translated-module): wasm3 parses the module, holds its memory and
// links its imports; the code that runs is the shared object's. Fuel and deadlines do not bound it, its stack and
// memory are checked as wasm3's are.
#include <dlfcn.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "../../translated-module/translation.h"
#include "addon.h"

typedef void (*Code)(void *instance, uint64_t *slots);

struct Translated {
  TranslationHome home;  // first: the module knows no more than its address
  Runtime *runtime;
  const Translation *translation;
  void *instance;
  TranslationMemory *memory;
  M3ImportContext *imports;  // by the translation's numbers
  M3RawCall *importCalls;
  Code *code;  // by function index; NULL: not exported
  jmp_buf *entry;  // of the innermost call
  M3Result trap;
};

static Translated *translated_of(TranslationHome *home) { return (Translated *)home; }

static void refresh_memory(Translated *translated) {
  M3MemoryHeader *header = translated->runtime->m3->memory.mallocated;
  translated->memory->data = header ? m3MemData(header) : NULL;
  translated->memory->size = header ? header->length : 0;
  translated->memory->pages = translated->runtime->m3->memory.numPages;
}

static _Noreturn void end_call(Translated *translated, M3Result trap) {
  translated->trap = trap;
  longjmp(*translated->entry, 1);
}

static _Noreturn void trap(TranslationHome *home, TranslationTrap kind) {
  M3Result result = m3Err_trapUnreachable;
  switch (kind) {
    case TRANSLATION_TRAP_OUT_OF_BOUNDS: result = m3Err_trapOutOfBoundsMemoryAccess; break;
    case TRANSLATION_TRAP_INTEGER_OVERFLOW: result = m3Err_trapIntegerOverflow; break;
    case TRANSLATION_TRAP_DIVISION_BY_ZERO: result = m3Err_trapDivisionByZero; break;
    case TRANSLATION_TRAP_INVALID_CONVERSION: result = m3Err_trapIntegerConversion; break;
    case TRANSLATION_TRAP_UNREACHABLE: break;
    case TRANSLATION_TRAP_INDIRECT_CALL: result = m3Err_trapIndirectCallTypeMismatch; break;
    case TRANSLATION_TRAP_STACK_OVERFLOW: result = m3Err_trapStackOverflow; break;
  }
  end_call(translated_of(home), result);
}

static void call_import(TranslationHome *home, uint32_t number, uint64_t *slots) {
  Translated *translated = translated_of(home);
  IM3Runtime m3 = translated->runtime->m3;
  M3Result result = (M3Result)translated->importCalls[number](m3, &translated->imports[number], slots, NULL);
  if (result) end_call(translated, result);
}

static uint32_t grow(TranslationHome *home, uint32_t pages) {
  Translated *translated = translated_of(home);
  IM3Runtime m3 = translated->runtime->m3;
  M3Memory *memory = &m3->memory;
  uint32_t before = memory->numPages;
  if (pages == 0) return before;
  // compared before it is added, so that the sum cannot wrap
  if (before > memory->maxPages || pages > memory->maxPages - before) return UINT32_MAX;
  if (ResizeMemory(m3, before + pages)) return UINT32_MAX;
  refresh_memory(translated);
  return before;
}

// Calls native code; slots are wasm3's, at the start of its stack
static M3Result enter(Translated *translated, Code code, uint64_t *slots) {
  jmp_buf here, *const outer = translated->entry;
  M3Result result = NULL;
  translated->entry = &here;
  translated->memory->stackLimit = (uintptr_t)translated->runtime->m3->nativeStackLimit;
  if (setjmp(here) == 0)
    code(translated->instance, slots);
  else
    result = translated->trap;
  translated->entry = outer;
  return result;
}

M3Result run_translated(Runtime *runtime, IM3Function function) {
  Translated *translated = runtime->translated;
  Code code = translated->code[function - runtime->module->functions];
  if (!code) return "not an exported function";
  return enter(translated, code, (uint64_t *)runtime->m3->stack);
}

// As code that is entered: what it is given is not slots
static void instantiate(void *instance, uint64_t *translated) {
  ((const Translated *)translated)->translation->instantiate(instance);
}

// In place of wasm3's compilation
M3Result start_translated(Runtime *runtime) {
  Translated *translated = runtime->translated;
  for (uint32_t i = 0; i < translated->translation->importCount; i++)
    if (!translated->importCalls[i]) return "an import is not linked";
  refresh_memory(translated);
  return enter(translated, instantiate, (uint64_t *)translated);
}

// An import was linked: native code calls it without a detour through wasm3's
void link_translated(Runtime *runtime, IM3Function function, M3RawCall call, void *userdata) {
  Translated *translated = runtime->translated;
  if (!translated) return;
  for (uint32_t i = 0; i < translated->translation->importCount; i++)
    if (translated->imports[i].function == function) {
      translated->imports[i].userdata = userdata;
      translated->importCalls[i] = call;
    }
}

void free_translated(Runtime *runtime) {
  Translated *translated = runtime->translated;
  runtime->translated = NULL;
  if (!translated) return;
  if (translated->instance) {
    translated->translation->release(translated->instance);
    // its globals, which may hold what the module computed with
    explicit_bzero(translated->instance, translated->translation->instanceBytes);
    free(translated->instance);
  }
  free(translated->imports);
  free(translated->importCalls);
  free(translated->code);
  free(translated);
}

// The function index that `indices` has under that name; false: none
static bool index_of(Runtime *runtime, napi_value indices, const char *name, uint32_t *index) {
  napi_value value;
  return napi_get_named_property(runtime->env, indices, name, &value) == napi_ok &&
         napi_get_value_uint32(runtime->env, value, index) == napi_ok && *index < runtime->module->numFunctions;
}

static const char *place(Runtime *runtime, Translated *translated, napi_value imports, napi_value exports) {
  const Translation *translation = translated->translation;
  uint32_t index;
  for (uint32_t i = 0; i < translation->importCount; i++) {
    char name[256];
    snprintf(name, sizeof name, "%s.%s", translation->imports[i].module, translation->imports[i].name);
    if (!index_of(runtime, imports, name, &index)) return "the translation imports what the module does not";
    translated->imports[i].function = &runtime->module->functions[index];
  }
  for (uint32_t i = 0; i < translation->exportCount; i++) {
    if (!index_of(runtime, exports, translation->exports[i].name, &index))
      return "the translation exports what the module does not";
    translated->code[index] = translation->exports[i].call;
  }
  translated->memory = translation->memory(translated->instance);
  translated->memory->home = &translated->home;
  return NULL;
}

// (runtime, path, SHA-256 of the module in hexadecimal, {"module.name": index}, {name: index}): after load, before link
static napi_value useTranslation(napi_env env, napi_callback_info info) {
  RUNTIME_AND(4)
  char path[4096], sha256[65];
  size_t length;
  if (napi_get_value_string_utf8(env, arguments[1], path, sizeof path, &length) != napi_ok ||
      napi_get_value_string_utf8(env, arguments[2], sha256, sizeof sha256, &length) != napi_ok)
    return throw_type_error(env, "a path and a hash must be strings");
  if (!runtime->module || runtime->compiled || runtime->translated)
    return throw_error(env, "a translation is used once, between load and compile");

  // Never closed: other runtimes may use it, and code that could still run must stay.
  void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!object) return throw_load_error(runtime, dlerror());
  const Translation *translation = (const Translation *)dlsym(object, "translation");
  if (!translation || translation->version != TRANSLATION_VERSION)
    return throw_load_error(runtime, "the translation is of another version");
  if (strncmp(translation->sha256, sha256, sizeof sha256) != 0)
    return throw_load_error(runtime, "the translation is another module's");

  Translated *translated = (Translated *)calloc(1, sizeof *translated);
  if (!translated) return throw_load_error(runtime, m3Err_mallocFailed);
  runtime->translated = translated;
  *translated = (Translated){
      .home = {.trap = trap, .import = call_import, .grow = grow},
      .runtime = runtime,
      .translation = translation,
      .instance = calloc(1, translation->instanceBytes),
      .imports = (M3ImportContext *)calloc(translation->importCount + 1, sizeof(M3ImportContext)),
      .importCalls = (M3RawCall *)calloc(translation->importCount + 1, sizeof(M3RawCall)),
      .code = (Code *)calloc(runtime->module->numFunctions + 1, sizeof(Code)),
  };
  const char *problem = m3Err_mallocFailed;
  if (translated->instance && translated->imports && translated->importCalls && translated->code)
    problem = place(runtime, translated, arguments[3], arguments[4]);
  if (!problem) return NULL;
  free_translated(runtime);
  return throw_load_error(runtime, problem);
}

const napi_property_descriptor translationProperties[] = {EXPORT(useTranslation)};
const size_t translationPropertyCount = sizeof translationProperties / sizeof translationProperties[0];
