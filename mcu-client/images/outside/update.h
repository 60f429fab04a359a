// Updates of the images, as the link brings them.
#ifndef OUTSIDE_UPDATE_H
#define OUTSIDE_UPDATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Has the step done that this message asks for, and answers: whether it is one.
bool update_answer(const uint8_t *message, size_t length);

#endif
