// Linear memory: where it lives, copies in and out, views.
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "addon.h"

static void detach_view(Runtime *runtime) {
  if (!runtime->view) return;
  napi_env env = runtime->env;
  napi_handle_scope scope;
  napi_value buffer = NULL;
  napi_open_handle_scope(env, &scope);
  if (napi_get_reference_value(env, runtime->view, &buffer) == napi_ok && buffer)
    napi_detach_arraybuffer(env, buffer);
  napi_delete_reference(env, runtime->view);
  runtime->view = NULL;
  napi_close_handle_scope(env, scope);
}

// Address space for all that the memory may become is reserved once: growth copies nothing and leaves no stale copy of
// secrets, and freed memory goes back to the system, which clears it.
void *allocate_memory(IM3Runtime m3, void *old, size_t newSize, size_t oldSize) {
  Runtime *runtime = (Runtime *)m3_GetUserData(m3);
  detach_view(runtime);
  if (newSize == 0) {
    munmap(old, runtime->reservedBytes);
    runtime->reservedBytes = 0;
    account(runtime, -(int64_t)oldSize);
    return NULL;
  }
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  if (!old) {
    uint64_t pages = m3->memory.maxPages < d_m3MaxLinearMemoryPages ? m3->memory.maxPages : d_m3MaxLinearMemoryPages;
    uint64_t bytes = pages * d_m3MemPageSize;
    if (m3->memoryLimit && bytes > m3->memoryLimit) bytes = m3->memoryLimit;
    bytes = (bytes + sizeof(M3MemoryHeader) + page - 1) & ~(uint64_t)(page - 1);
    old = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (old == MAP_FAILED) return NULL;
    runtime->reservedBytes = bytes;
    if (mprotect(old, (newSize + page - 1) & ~(page - 1), PROT_READ | PROT_WRITE) != 0) {
      munmap(old, bytes);
      runtime->reservedBytes = 0;
      return NULL;
    }
    account(runtime, (int64_t)newSize);
    return old;
  }
  if (newSize > runtime->reservedBytes) return NULL;
  if (mprotect(old, (newSize + page - 1) & ~(page - 1), PROT_READ | PROT_WRITE) != 0) return NULL;
  account(runtime, (int64_t)newSize - (int64_t)oldSize);
  return old;
}

static size_t memory_length(const Runtime *runtime) {
  return runtime->m3->memory.mallocated ? runtime->m3->memory.mallocated->length : 0;
}

static uint8_t *memory_base(const Runtime *runtime) { return m3MemData(runtime->m3->memory.mallocated); }

// A whole number from 0 to 2^53, else a TypeError that names the argument
static bool size_argument(napi_env env, napi_value value, const char *what, double *result) {
  double number;
  if (napi_get_value_double(env, value, &number) != napi_ok || !(number >= 0) || number > 9007199254740991.0 ||
      number != (double)(uint64_t)number) {
    throw_type_error(env, what);
    return false;
  }
  *result = number;
  return true;
}

static bool in_bounds(const Runtime *runtime, double address, double length) {
  return address + length <= (double)memory_length(runtime);
}

static napi_value throw_range(napi_env env, const Runtime *runtime, double address, double length) {
  char text[160];
  snprintf(text, sizeof text, "the range of %.0f bytes at address %.0f lies outside the memory of %zu bytes", length,
           address, memory_length(runtime));
  napi_throw_range_error(env, NULL, text);
  return NULL;
}

static bool bytes_argument(napi_env env, napi_value value, uint8_t **data, size_t *length) {
  napi_typedarray_type type;
  bool is = false;
  if (napi_is_typedarray(env, value, &is) != napi_ok || !is ||
      napi_get_typedarray_info(env, value, &type, length, (void **)data, NULL, NULL) != napi_ok ||
      type != napi_uint8_array) {
    throw_type_error(env, "bytes must be a Uint8Array");
    return false;
  }
  return true;
}

static napi_value memoryLength(napi_env env, napi_callback_info info) {
  RUNTIME_AND(0)
  napi_value result;
  napi_create_double(env, (double)memory_length(runtime), &result);
  return result;
}

static napi_value memoryCheck(napi_env env, napi_callback_info info) {
  RUNTIME_AND(2)
  double address, length;
  if (!size_argument(env, arguments[1], "address must be a whole number of bytes", &address) ||
      !size_argument(env, arguments[2], "length must be a whole number of bytes", &length))
    return NULL;
  napi_value result;
  napi_get_boolean(env, in_bounds(runtime, address, length), &result);
  return result;
}

// (runtime, address, target): copies target.length bytes
static napi_value memoryRead(napi_env env, napi_callback_info info) {
  RUNTIME_AND(2)
  double address;
  uint8_t *target;
  size_t length;
  if (!size_argument(env, arguments[1], "address must be a whole number of bytes", &address) ||
      !bytes_argument(env, arguments[2], &target, &length))
    return NULL;
  if (!in_bounds(runtime, address, (double)length)) return throw_range(env, runtime, address, (double)length);
  if (length) memmove(target, memory_base(runtime) + (size_t)address, length);
  return NULL;
}

static napi_value memoryWrite(napi_env env, napi_callback_info info) {
  RUNTIME_AND(2)
  double address;
  uint8_t *source;
  size_t length;
  if (!size_argument(env, arguments[1], "address must be a whole number of bytes", &address) ||
      !bytes_argument(env, arguments[2], &source, &length))
    return NULL;
  if (!in_bounds(runtime, address, (double)length)) return throw_range(env, runtime, address, (double)length);
  if (length) memmove(memory_base(runtime) + (size_t)address, source, length);
  return NULL;
}

static napi_value memoryFill(napi_env env, napi_callback_info info) {
  RUNTIME_AND(3)
  double address, length, byte;
  if (!size_argument(env, arguments[1], "address must be a whole number of bytes", &address) ||
      !size_argument(env, arguments[2], "length must be a whole number of bytes", &length) ||
      !size_argument(env, arguments[3], "the byte must be a whole number from 0 to 255", &byte))
    return NULL;
  if (byte > 255) return throw_type_error(env, "the byte must be a whole number from 0 to 255");
  if (!in_bounds(runtime, address, length)) return throw_range(env, runtime, address, length);
  if (length > 0) memset(memory_base(runtime) + (size_t)address, (int)byte, (size_t)length);
  return NULL;
}

// A host function that copies for the wasm that called it does work that the wasm is to pay for, as for memory.copy
static M3Result charge(Runtime *runtime, double length) {
  return runtime->depth > 0 ? ChargeFuel(runtime->m3, (uint32_t)((uint64_t)length >> 8)) : NULL;
}

// (from, address, to, address, length): whether it was copied; false: a range lies outside
static napi_value memoryCopy(napi_env env, napi_callback_info info) {
  RUNTIME_AND(4)
  Runtime *to = runtime_argument(env, arguments[2], true);
  if (!to) return NULL;
  double source, target, length;
  if (!size_argument(env, arguments[1], "address must be a whole number of bytes", &source) ||
      !size_argument(env, arguments[3], "address must be a whole number of bytes", &target) ||
      !size_argument(env, arguments[4], "length must be a whole number of bytes", &length))
    return NULL;
  bool inside = in_bounds(runtime, source, length) && in_bounds(to, target, length);
  if (inside && length > 0) {
    M3Result result = charge(runtime, length);
    if (result) return throw_trap(runtime, result);
    if (to != runtime && (result = charge(to, length)) != NULL) return throw_trap(to, result);
    memmove(memory_base(to) + (size_t)target, memory_base(runtime) + (size_t)source, (size_t)length);
  }
  napi_value result;
  napi_get_boolean(env, inside, &result);
  return result;
}

static napi_value memoryBuffer(napi_env env, napi_callback_info info) {
  RUNTIME_AND(0)
  napi_value buffer = NULL;
  if (runtime->view && napi_get_reference_value(env, runtime->view, &buffer) == napi_ok && buffer) return buffer;
  if (runtime->view) napi_delete_reference(env, runtime->view);
  runtime->view = NULL;
  size_t length = memory_length(runtime);
  if (length == 0) {
    void *data;
    napi_create_arraybuffer(env, 0, &data, &buffer);
    return buffer;
  }
  if (napi_create_external_arraybuffer(env, memory_base(runtime), length, NULL, NULL, &buffer) != napi_ok)
    return throw_error(env, "this build of Node does not allow views of foreign memory; use read and write");
  napi_create_reference(env, buffer, 0, &runtime->view);
  return buffer;
}

const napi_property_descriptor memoryProperties[] = {
    EXPORT(memoryLength), EXPORT(memoryCheck), EXPORT(memoryRead), EXPORT(memoryWrite),
    EXPORT(memoryFill),   EXPORT(memoryCopy),  EXPORT(memoryBuffer),
};
const size_t memoryPropertyCount = sizeof memoryProperties / sizeof memoryProperties[0];
