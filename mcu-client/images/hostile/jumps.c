#include "hostile.h"

#include "../../arch/console.h"
#include "../../arch/cortex-m.h"
#ifdef CLIENT
#include "../../seam/device.h"
#define GATEWAY device_step
#else
#include "../../seam/isolate.h"
#define GATEWAY isolate_tick
#endif

// A gateway's address without the Thumb bit.
static uint32_t gateway(void) { return (uint32_t)GATEWAY & ~1u; }

static void go(uint32_t address) { __asm volatile("bx %0" ::"r"(address) : "memory"); }

static void return_with(uint32_t value) {
  __asm volatile("mov lr, %0\n bx lr" ::"r"(value) : "memory");
}

static void use_stack(uint32_t top) {
  __asm volatile(
      "msr msplim, %1\n"
      "mov sp, %0\n"
      "push {r0-r3}\n" ::"r"(top),
      "r"(0)
      : "memory");
}

// A thread of this world left behind while its call is under way.
static void leave_thread(void) {
  __asm volatile(
      "movw r0, #0xFFF9\n"
      "movt r0, #0xFFFF\n"
      "mov lr, r0\n"
      "bx lr\n");
}

// Writes a text to the host's console, if there is semihosting (Arm IHI 0100): SYS_WRITE0.
static void semihosting(void) {
  register uint32_t r0 __asm("r0") = 4;
  register const char *r1 __asm("r1") = "the host was called\n";
  __asm volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
}

void jump(uint32_t which) {
  uint32_t past = gateway() + 4;
  switch (which) {
    case 0: go(past | 1); break;                     // behind a gateway's first instruction
    case 1: go(0x10009000 | 1); break;               // into secure code
    case 2: go(0x10008000 | 1); break;               // into its vectors
    case 3: go(0x38000100 | 1); break;               // into secure RAM
    case 4: return_with(0xFEFFFFFF); break;          // the return from a call that nobody made
    case 5: return_with(0xFFFFFFFD); break;          // the return from an exception, in a thread
    case 6: use_stack(0x38001000); break;            // a stack in secure RAM
    case 7:                                          // vectors in secure RAM
      SCB_VTOR = 0x38000000;
      SCB_ICSR = ICSR_PENDSVSET;
      barrier();
      break;
    case 8:                                          // another thread while a call is under way
      every(997, leave_thread);
      for (;;) GATEWAY();
    case 9:                                          // interrupts masked
      __asm volatile("cpsid i\n cpsid f" ::: "memory");
      for (int i = 0; i < 1000; i++) GATEWAY();
      __asm volatile("cpsie i\n cpsie f" ::: "memory");
      break;
    case 10:                                         // reset the chip
      SCB_AIRCR = AIRCR_SYSRESETREQ;
      barrier();
      break;
    case 11:                                         // the attribution unit, through a gateway
#ifdef CLIENT
      device_wish((struct device_wish *)0xE000EDD0);
#else
      isolate_info((struct isolate_info *)0xE000EDD0);
#endif
      break;
    case 12: semihosting(); break; // a call of the emulator's host
    default: console_print("no such attack\n"); break;
  }
}
