// A non-secure image that does its work, and floods the isolate with interrupts meanwhile, for tests: the clock comes 500
// times as often as it should, in the middle of handshakes and of programs. Each time it fills all registers, calls the
// gateways, and pends other interrupts, which nest.
#include <stdbool.h>
#include <string.h>

#include "../../arch/cortex-m.h"
#include "../../seam/isolate.h"
#include "board-config.h"

enum { FACTOR = 500, CYCLES = BOARD_CLOCK_HZ / 1000 / FACTOR };

#define NVIC_ISPR(n) REGISTER32(0xE000E200 + 4 * (n))

/// How often it came, and how often a gateway let it in. A test reads them.
volatile uint32_t flood_count, flood_let_in;

void __real_systick_handler(void);
void __real_clock_start(void);
void __wrap_systick_handler(void);
void __wrap_clock_start(void);

// What an interrupted call would go on with if hardware had not put its registers away.
__attribute__((noinline)) static void fill_registers(void) {
  __asm volatile(
      "push {r4-r11}\n"
      "vpush {s16-s31}\n"
      "movw r0, #0xDEAD\n"
      "movt r0, #0xDEAD\n"
      ".irp n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12\n mov r\\n, r0\n .endr\n"
      ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n vmov s\\n, r0\n .endr\n"
      ".irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31\n vmov s\\n, r0\n .endr\n"
      "vpop {s16-s31}\n"
      "pop {r4-r11}\n" ::
          : "r0", "r1", "r2", "r3", "r12", "memory");
}

static void call_gateways(void) {
  uint8_t bytes[sizeof(struct isolate_info)] = {0};
  uint32_t let_in = isolate_begin(16);
  let_in += isolate_part(bytes, 1);
  let_in += isolate_handle();
  let_in += isolate_next() != 0;
  let_in += isolate_take(bytes, 1);
  let_in += isolate_tick();
  let_in += isolate_random(bytes, 16);
  isolate_info((struct isolate_info *)bytes);
  for (uint32_t i = 0; i < sizeof bytes; i++) let_in += bytes[i] != 0;
  flood_let_in += let_in;
}

void __wrap_systick_handler(void) {
  uint32_t count = ++flood_count;
  fill_registers();
  NVIC_ISPR(BOARD_UART1_INTERRUPT / 32) = 1u << BOARD_UART1_INTERRUPT % 32;
  if (count % 8 == 0) call_gateways();
  if (count % 16 == 0) SCB_ICSR = ICSR_PENDSVSET;
  if (count % FACTOR == 0) __real_systick_handler();
}

void __wrap_clock_start(void) {
  __real_clock_start();
  SYST_RVR = CYCLES - 1;
  SYST_CVR = 0;
}
