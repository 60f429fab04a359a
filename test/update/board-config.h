// A board of tests: its flash is small, so that the power can go at each write.
#ifndef BOARD_CONFIG_H
#define BOARD_CONFIG_H

#include <stdint.h>

#define BOARD_SLOT_SECTOR 1024
#define BOARD_SLOT_MAIN 2048
#define BOARD_SLOT_OUTSIDE 1024

extern uint8_t owner_page[];
#define BOARD_OWNER_PAGE owner_page

#endif
