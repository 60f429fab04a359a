#include "load.h"

#include "../../update/boot.h"
#include "../../update/owner.h"
#include "../../hal/watchdog.h"
#include "board-config.h"

extern uint8_t __main_start[];
#ifdef TWO_WORLDS
extern uint8_t __outside_start[];
#endif

bool load_images(void) {
  static const struct boot_target targets[] = {
      {__main_start, BOARD_SLOT_MAIN},
#ifdef TWO_WORLDS
      {__outside_start, BOARD_SLOT_OUTSIDE},
#endif
  };
  struct owner owner;
  if (!owner_read(&owner)) return true;
  // What is started may hang before it does anything: its attempts come to an end nevertheless.
  watchdog_start();
  return boot_load(&owner, sizeof targets / sizeof targets[0], targets);
}
