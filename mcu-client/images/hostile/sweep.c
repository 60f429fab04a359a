#include "hostile.h"

#include "../../arch/console.h"

// After a fault the harness goes on behind the instruction, with this in r12.
enum { FAULTED = 0xFA17 };
enum { PAGE = 4096 };

extern uint8_t __image_start[], __image_end[], __heap_start[];

__attribute__((naked, noinline)) static bool reads(uint32_t address __attribute__((unused))) {
  __asm volatile(
      "mov r12, #0\n"
      "ldr.w r1, [r0]\n"
      "movw r2, #0xFA17\n"
      "cmp r12, r2\n"
      "ite eq\n"
      "moveq r0, #0\n"
      "movne r0, #1\n"
      "bx lr\n");
}

__attribute__((naked, noinline)) static bool store(uint32_t address __attribute__((unused)),
                                                   uint32_t value __attribute__((unused))) {
  __asm volatile(
      "mov r12, #0\n"
      "str.w r1, [r0]\n"
      "dsb\n"
      "movw r2, #0xFA17\n"
      "cmp r12, r2\n"
      "ite eq\n"
      "moveq r0, #0\n"
      "movne r0, #1\n"
      "bx lr\n");
}

static bool writes(uint32_t address) { return store(address, 0); }

static bool is_own(uint32_t address) {
  return (address >= (uint32_t)__image_start && address < (uint32_t)__image_end) ||
         (address >= 0x28200000u && address < (uint32_t)__heap_start);
}

static void sweep(const char *what, bool (*access)(uint32_t), bool spare) {
  uint32_t page = 0, since = 0;
  bool inside = false;
  do {
    if (page % (256 * PAGE) == 0) keep_awake(); // or the watchdog ends it
    // A write into what this image consists of, or to what masks its own interrupts, would end the sweep.
    bool skipped = spare && (is_own(page & ~(PAGE - 1u)) || page >= 0xE0000000u);
    // Not always the same word of a page.
    uint32_t address = page + (next_random() & (PAGE - 4));
    bool open = !skipped && access(address);
    if (open && !inside) since = page;
    if (!open && inside) console_print("%s %x-%x\n", what, since, page);
    inside = open;
    page += PAGE;
  } while (page != 0);
  if (inside) console_print("%s %x-%x\n", what, since, 0);
}

// All ones into every word of what protects the worlds, through this world's aliases; then the sweep again.
void sweep_unlocked(void) {
  static const uint32_t controllers[] = {
      0x40080000, 0x40081000, 0x48007000, 0x48008000, 0x48009000, 0x50080000, 0x58007000, 0x58008000, 0x58009000,
  };
  for (uint32_t i = 0; i < sizeof controllers / sizeof controllers[0]; i++)
    for (uint32_t at = 0; at < PAGE; at += 4) store(controllers[i] + at, UINT32_MAX);
  for (uint32_t at = 0xE000EDD0; at < 0xE000EDF0; at += 4) store(at, UINT32_MAX); // the attribution unit
  for (uint32_t at = 0xE000E380; at < 0xE000E3C0; at += 4) store(at, UINT32_MAX); // whose interrupts are whose
  sweep("reads", reads, false);
}

void sweep_read(void) { sweep("reads", reads, false); }
void sweep_write(void) { sweep("writes", writes, true); }
