// Clocks, entropy and console of a POSIX system.
#define _DEFAULT_SOURCE

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "posix-transport.h"

static uint32_t milliseconds(void *context) {
  (void)context;
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint32_t)((uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000);
}

static bool seconds(void *context, uint64_t *out) {
  (void)context;
  struct timespec now;
  if (clock_gettime(CLOCK_REALTIME, &now) != 0) return false;
  *out = (uint64_t)now.tv_sec;
  return true;
}

static bool read_entropy(void *context, void *out, size_t length) {
  (void)context;
  enum { MOST = 256 }; // that getentropy gives at once
  for (uint8_t *at = out; length > 0;) {
    size_t part = length < MOST ? length : MOST;
    if (getentropy(at, part) != 0) return false;
    at += part;
    length -= part;
  }
  return true;
}

static void print(void *context, const char *format, va_list arguments) {
  (void)context;
  vprintf(format, arguments);
  fflush(stdout);
}

const struct vc_time vc_posix_time = {milliseconds, seconds, NULL};
const struct vc_entropy vc_posix_entropy = {read_entropy, NULL};
const struct vc_log vc_posix_log = {print, NULL};
