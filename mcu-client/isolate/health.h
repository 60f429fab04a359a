// The one request of the server that the firmware answers itself, also while a program runs.
#ifndef ISOLATE_HEALTH_H
#define ISOLATE_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Answers `message` when it is a health request: whether it was.
bool health_answer(const uint8_t *message, size_t length, bool running);

#endif
