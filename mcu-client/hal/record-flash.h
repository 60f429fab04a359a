// The part of a board's flash in which a client keeps its record, for a store of the library.
#ifndef HAL_RECORD_FLASH_H
#define HAL_RECORD_FLASH_H

#include <stdbool.h>

#include "flash-store.h"

/// Describes it. False: the board has none, and the record stays in RAM.
bool board_record_flash(struct vc_flash *flash);

#endif
