// What the firmware answers itself: the one request about its own health, also while a program runs,
// and requests that there is no memory for.
#ifndef ISOLATE_HEALTH_H
#define ISOLATE_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Learns from the inside what there is to say. Before anything else here.
void health_start(void);

/// Answers `message` when it is a health request: whether it was.
bool health_answer(const uint8_t *message, size_t length, bool running);

/// Refuses the request that begins with these bytes (8 at least), as the runtime would.
void health_refuse(const uint8_t *start, const char *text);

#endif
