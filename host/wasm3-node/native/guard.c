// What bounds a call: the native stack, the clock, the cancellation flag.
#define _GNU_SOURCE
#include <pthread.h>
#include <time.h>

#include "addon.h"

static uint64_t monotonic_nanoseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

// Lowest address of the calling thread's stack, 0 where the system does not tell
uintptr_t thread_stack_low(void) {
#if defined(__APPLE__)
  return (uintptr_t)pthread_get_stackaddr_np(pthread_self()) - pthread_get_stacksize_np(pthread_self());
#elif defined(__linux__)
  pthread_attr_t attributes;
  void *low = NULL;
  size_t size = 0;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) return 0;
  if (pthread_attr_getstack(&attributes, &low, &size) != 0) low = NULL;
  pthread_attr_destroy(&attributes);
  return (uintptr_t)low;
#else
  return 0;
#endif
}

static M3Result interruption(Runtime *runtime) {
  if (runtime->cancelRequested) return trapCancelled;
  if (runtime->cancellation && __atomic_load_n(runtime->cancellation, __ATOMIC_RELAXED) != 0)
    return trapCancelled;
  if (runtime->deadline && monotonic_nanoseconds() >= runtime->deadline) return trapDeadline;
  return NULL;
}

M3Result on_fuel_slice(IM3Runtime m3) { return interruption((Runtime *)m3_GetUserData(m3)); }

// Each outermost call gets its deadline and its share of the native stack; a call inside it lives within those.
M3Result guard_enter(Runtime *runtime, Guard *guard) {
  guard->nativeStackLimit = runtime->m3->nativeStackLimit;
  if (runtime->depth++ > 0) return NULL;

  uintptr_t here = (uintptr_t)NativeStackPointer(), limit = 0;
  if (here > runtime->nativeStackBudget) limit = here - runtime->nativeStackBudget;
  if (limit < runtime->instance->stackLow) limit = runtime->instance->stackLow;
  m3_SetNativeStackLimit(runtime->m3, (void *)limit);

  runtime->cancelRequested = false;
  runtime->deadline = runtime->deadlineBudget ? monotonic_nanoseconds() + runtime->deadlineBudget : 0;
  if (runtime->cancellation && __atomic_load_n(runtime->cancellation, __ATOMIC_RELAXED) != 0)
    return trapCancelled;
  return NULL;
}

void guard_leave(Runtime *runtime, const Guard *guard) {
  runtime->depth--;
  m3_SetNativeStackLimit(runtime->m3, guard->nativeStackLimit);
}
