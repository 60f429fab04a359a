// The time of day, where a board can tell it.
#ifndef CLIENT_BOARD_TIME_H
#define CLIENT_BOARD_TIME_H

#include <stdbool.h>
#include <stdint.h>

/// Seconds since 1970. False: this board does not know.
bool board_time(uint64_t *seconds);

#endif
