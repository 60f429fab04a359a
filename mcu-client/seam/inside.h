// The inside of the seam (isolate.h has the contracts). Pointers are those of memory that the caller may use:
// seam/gateway.c has seen to that where callers are not trusted. The order of calls is checked here.
#ifndef SEAM_INSIDE_H
#define SEAM_INSIDE_H

#include "isolate.h"

/// Starts clock, watchdog and root of trust: with privilege. Does not return where one of them fails.
void inside_prepare(void);
/// Starts the runtime: without. Does not return where it fails.
void inside_start(void);
/// With privilege: says again what was measured, where the thread's memory was cleared.
void inside_describe(void);

bool inside_begin(uint32_t length);
bool inside_part(const void *bytes, uint32_t length);
bool inside_handle(void);
uint32_t inside_next(void);
bool inside_take(void *out, uint32_t length);
bool inside_tick(void);
void inside_info(struct isolate_info *out);
bool inside_random(void *out, uint32_t length);
bool inside_is_running(void);

#endif
