// A stand-in for what Zephyr documents of its kernel, over POSIX: for tests of the library's parts for Zephyr.
#ifndef STAND_IN_ZEPHYR_KERNEL_H
#define STAND_IN_ZEPHYR_KERNEL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct k_mutex {
  pthread_mutex_t mutex;
};
#define K_MUTEX_DEFINE(name) struct k_mutex name = {PTHREAD_MUTEX_INITIALIZER}
#define K_FOREVER (-1)

static inline int k_mutex_lock(struct k_mutex *mutex, int timeout) {
  (void)timeout;
  return pthread_mutex_lock(&mutex->mutex);
}

static inline int k_mutex_unlock(struct k_mutex *mutex) { return pthread_mutex_unlock(&mutex->mutex); }

static inline int32_t k_msleep(int32_t milliseconds) {
  struct timespec time = {milliseconds / 1000, (long)(milliseconds % 1000) * 1000000};
  nanosleep(&time, NULL);
  return 0;
}

static inline uint32_t k_uptime_get_32(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint32_t)((uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000);
}

#endif
