#include "core.h"

#include <stdbool.h>
#include <stddef.h>

#include "../arch/cortex-m.h"
#include "../arch/seal.h"
#include "../hal/board.h"
#include "../hal/watchdog.h"
#include "../root-of-trust/root-of-trust.h"
#include "../seam/inside.h"
#ifdef UPDATES
#include "../update/delivery.h"
#endif
#ifdef PRIVILEGED_ETHERNET
#include "../hal/ethernet.h"
#endif
#include "board-config.h"
#include "crossing.h"
#include "supervisor.h"

extern uint32_t __core_end[], __stack_top[], __stack_limit[], __fault_stack_top[];
extern const uint8_t __boot_record[], __own_start[], __own_end[], __image_start[], __image_end[];

static bool is_within(uint32_t pointer, uint32_t length, const void *start, const void *end) {
  uint32_t offset = pointer - (uint32_t)start, size = (uint32_t)end - (uint32_t)start;
  return offset <= size && length <= size - offset;
}

// Memory of the thread. The other world can not write there, and the thread stands still.
static bool is_own(uint32_t pointer, uint32_t length) {
  return is_within(pointer, length, __own_start, __own_end);
}

// What it may read besides: constants.
static bool is_readable(uint32_t pointer, uint32_t length) {
  return is_own(pointer, length) || is_within(pointer, length, __image_start, __image_end);
}

static uint32_t serve(uint32_t call, uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
  switch (call) {
    case CORE_TOKEN:
      if (!is_own(a, b) || !is_own(c, d)) return CORE_REFUSED;
      return (uint32_t)root_of_trust_token((const uint8_t *)a, b, (uint8_t *)c, d);
    case CORE_RANDOM:
      if (!is_own(a, b)) return CORE_REFUSED;
      return entropy_read((void *)a, b);
    case CORE_TEXT:
      if (!is_readable(a, b)) return CORE_REFUSED;
      console_write((const void *)a, b);
      return 0;
    case CORE_WATCHDOG:
#ifdef UPDATES
      if (!update_may_run(clock_ms())) board_reset();
#endif
      watchdog_feed();
      return 0;
    case CORE_EXIT: board_exit((int)(a & 0xFF));
    case CORE_RESET: board_reset();
#ifdef UPDATES
    case CORE_UPDATE:
      if (!is_own(c, d)) return CORE_REFUSED;
      return update_step(a, b, (const uint8_t *)c, d);
    case CORE_UPDATES:
      if (!is_own(a, sizeof(struct update_state)) || a % 8 != 0) return CORE_REFUSED;
      update_describe((struct update_state *)a);
      return 0;
#endif
#ifdef PRIVILEGED_ETHERNET
    case CORE_FRAME: return ethernet_receive_begin();
    case CORE_FRAME_READ:
      if (!is_own(a, b)) return CORE_REFUSED;
      ethernet_receive((void *)a, b);
      return 0;
    case CORE_FRAME_DONE: ethernet_receive_end(); return 0;
    case CORE_SEND: return ethernet_send_begin(a);
    case CORE_SEND_BYTES:
      if (!is_readable(a, b)) return CORE_REFUSED;
      ethernet_send((const void *)a, b);
      return 0;
    case CORE_SEND_DONE: ethernet_send_end(); return 0;
    case CORE_AWAIT_FRAME: ethernet_arm_interrupt(); return 0;
#endif
    default: return CORE_REFUSED;
  }
}

#ifdef INSIDE
extern uint32_t __data_start[], __data_end[], __data_load[], __stack_chk_guard;
void core_again(void);

enum { LR = 5, LAZY_PENDING = 1, KEPT_WORDS = 10 };
#define FPU_FPCCR REGISTER32(0xE000EF34)

static void clear_floats(void) {
  __asm volatile(
      "movs r0, #0\n"
      ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n vmov s\\n, r0\n .endr\n"
      ".irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31\n vmov s\\n, r0\n .endr\n"
      "vmsr fpscr, r0\n" ::: "r0", "memory");
}

// Clears all that the thread could write, and has it go on in `core_again`. What it kept are the other world's r4 to
// r11. The guard of stacks lies there, too: no function under way may look at it.
__attribute__((noinline, no_stack_protector)) static void start_thread_anew(struct call *call) {
  uint32_t back = call->frame[LR];
  // Registers that would be saved into the thread's memory only now.
  FPU_FPCCR &= ~(uint32_t)LAZY_PENDING;
#ifdef PROGRAM_JIT
  crossing_forget();
#endif
  for (uint32_t *to = __core_end; to < (uint32_t *)__boot_record; to++) *(volatile uint32_t *)to = 0;
  for (uint32_t *to = __data_start, *from = __data_load; to < __data_end; to++, from++)
    *(volatile uint32_t *)to = *from;
  root_of_trust_runtime_starts();
  inside_describe();
  uint32_t *top = (uint32_t *)sealed((uint32_t)__stack_top) - KEPT_WORDS;
  for (int i = 0; i < 8; i++) top[i] = call->kept[i];
  top[8] = back;
  uint32_t *next = top - FRAME_WORDS;
  for (int i = 0; i < FRAME_WORDS; i++) next[i] = 0;
  next[6] = (uint32_t)core_again & ~1u;
  next[7] = FRAME_THUMB;
  call->stack = (uint32_t)next;
  call->back |= RETURN_WITHOUT_FLOATS;
  clear_floats();
}
#endif

__attribute__((no_stack_protector)) void core_answer(struct call *call) {
  uint32_t *frame = call->frame;
#ifdef INSIDE
  if (frame[4] == CORE_STARTS) {
    start_thread_anew(call);
    return;
  }
#endif
  frame[0] = serve(frame[4], frame[0], frame[1], frame[2], frame[3]);
}

#ifdef INSIDE
// The guard changes while no function is under way that has put it on its stack.
__attribute__((used, no_stack_protector)) static void begin_again(void) {
  uint32_t guard;
  if (!entropy_read(&guard, sizeof guard)) board_reset();
  __stack_chk_guard = guard;
  core_thread_again();
}

// On a stack that holds the other world's registers and where it goes on; that is never an address of this one.
__attribute__((naked)) void core_again(void) {
  __asm volatile(
      "bl %c0\n"
      "pop {r4-r11, lr}\n"
      "add sp, sp, #4\n"
      "bic lr, lr, #1\n"
      "movs r0, #0\n"
      "movs r1, #0\n"
      "movs r2, #0\n"
      "movs r3, #0\n"
      "mov r12, r0\n"
      ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n vmov s\\n, r0\n .endr\n"
      ".irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31\n vmov s\\n, r0\n .endr\n"
      "vmsr fpscr, r0\n"
      "msr apsr_nzcvqg, r0\n"
      "movs r0, #1\n"
      "bxns lr\n" ::"i"(begin_again));
}
#endif

uint32_t core_call(uint32_t call, uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
  register uint32_t r0 __asm("r0") = a;
  register uint32_t r1 __asm("r1") = b;
  register uint32_t r2 __asm("r2") = c;
  register uint32_t r3 __asm("r3") = d;
  register uint32_t r12 __asm("r12") = call;
  __asm volatile("svc 0" : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3), "+r"(r12)::"memory");
  return r0;
}

// Above what the other world can raise its own priority to (PRIS): it cannot hold calls back.
enum { PRIORITY_CALL = 0x40 };

_Noreturn void core_start_thread(void (*thread)(void)) {
  SCB_SHPR(11) = PRIORITY_CALL;
#ifdef PROGRAM_JIT
  crossing_init();
#endif
  __asm volatile(
      "msr psp, %[thread_stack]\n"
#if __ARM_ARCH == 8
      "msr psplim, %[thread_limit]\n"
#endif
      "msr msp, %[handler_stack]\n"
      "mrs r0, control\n"
      "orr r0, r0, #3\n"
      "msr control, r0\n"
      "isb\n"
      "bx %[thread]\n"
      :
      : [thread_stack] "r"(sealed((uint32_t)__stack_top)), [thread_limit] "r"(__stack_limit),
        [handler_stack] "r"(sealed((uint32_t)__fault_stack_top)), [thread] "r"(thread)
      : "r0", "memory");
  __builtin_unreachable();
}
