#include <stddef.h>

#include "../../arch/console.h"
#include "../../arch/cortex-m.h"
#include "../../common/boot-record.h"
#include "../../hal/board.h"
#include "../../seam/isolate.h"
#include "../outside/outside.h"
#include "hostile.h"

extern const uint8_t __image_size[];

// The header, and after it the number of the attack, which a test writes into the image.
__attribute__((section(".image_header"), used)) static const volatile struct {
  struct image_header header;
  uint32_t attack;
} header = {{IMAGE_HEADER_MAGIC, (uint32_t)__image_size, ISOLATE_VERSION}, 0};

// Interrupts that the drivers in this image would use.
void outside_serve(void) {}

void keep_awake(void) { isolate_tick(); }

enum { FIRST_JUMP = 16 };

int main(void) {
  static void (*const attacks[])(void) = {
      sweep_read, sweep_write, calls_wild, calls_from_handler, calls_out_of_order, calls_changing,
      sweep_unlocked,
  };
  uint32_t attack = header.attack;
  console_print("hostile image, attack %u\n", attack);
  if (attack < sizeof attacks / sizeof attacks[0])
    attacks[attack]();
  else
    jump(attack - FIRST_JUMP);
  every(1, NULL);
  console_print("in order: %s\n", calls_in_order() ? "right" : "WRONG");
  console_print("survived\n");
  for (;;) wait_for_interrupt();
}
