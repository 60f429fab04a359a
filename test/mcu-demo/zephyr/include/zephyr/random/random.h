// A stand-in for what Zephyr documents of its random numbers, over POSIX.
#ifndef STAND_IN_ZEPHYR_RANDOM_RANDOM_H
#define STAND_IN_ZEPHYR_RANDOM_RANDOM_H

#include <stddef.h>
#include <unistd.h>

static inline int sys_csrand_get(void *out, size_t length) { return getentropy(out, length); }

#endif
