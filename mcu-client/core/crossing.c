#include "crossing.h"

#include "../arch/cortex-m.h"
#include "../arch/protection.h"
#include "supervisor.h"

extern const uint8_t __own_start[], __own_end[];

enum { FUEL = 10 - 4, MEMORY = 11 - 4, REGISTERS = 8, HIGH_FLOATS = 16, CALLED = 4 };

// While the program runs: how the thread goes on. While the thread runs: how the program would.
static struct {
  bool exists, runs;
  struct call program, thread;
  uint32_t data, thread_control;
#if __ARM_ARCH == 8
  uint32_t thread_limit;
#endif
#ifdef __ARM_FP
  uint32_t floats[HIGH_FLOATS];
#endif
} crossing;

static bool is_own(uint32_t pointer, uint32_t end) {
  return pointer >= (uint32_t)__own_start && end <= (uint32_t)__own_end && pointer <= end;
}

static void set_control(uint32_t unprivileged) {
  uint32_t control;
  __asm volatile("mrs %0, control" : "=r"(control));
  control = (control & ~(uint32_t)CONTROL_UNPRIVILEGED) | unprivileged;
  __asm volatile("msr control, %0\n isb" ::"r"(control) : "memory");
}

#ifdef __ARM_FP
// Registers that hardware has made room for on the stack, but not saved yet, would be saved in the other view.
static void save_floats(uint32_t back) {
  if (!(back & RETURN_WITHOUT_FLOATS)) __asm volatile("vmov.f32 s0, s0" ::: "memory");
}

static void clear_floats(void) {
  static const uint32_t zeros[16];
  __asm volatile("vldmia %0, {s0-s15}" ::"r"(zeros) : "memory");
}
#endif

static bool begin(const struct crossing_start *start) {
  if (!is_own((uint32_t)start, (uint32_t)(start + 1)) || ((uint32_t)start & 3) != 0) return false;
  struct crossing_start at = *start;
  if (!is_own(at.code, at.code_end) || !is_own(at.data, at.data_end) ||
      !protection_set_program(at.code, at.code_end, at.data, at.data_end)) return false;
  if ((at.frame & 7) != 0 || at.frame < at.data || at.frame > at.data_end - 4 * FRAME_WORDS) return false;
  crossing.program = (struct call){.stack = at.frame, .frame = (uint32_t *)at.frame};
  crossing.program.kept[MEMORY] = at.memory;
  crossing.data = at.data;
#ifdef __ARM_FP
  for (int i = 0; i < HIGH_FLOATS; i++) crossing.floats[i] = 0;
#endif
  crossing.exists = true;
  return true;
}

// From the thread to the program.
static void cross(struct call *call, const struct crossing_start *start) {
  if (start && !begin(start)) crossing.exists = false;
  if (!crossing.exists) {
    call->frame[0] = CROSSING_REFUSED;
    return;
  }
  uint32_t fuel = call->frame[1];
  if (start) crossing.program.back = call->back | RETURN_TO_PROCESS_STACK | RETURN_WITHOUT_FLOATS;
#ifdef __ARM_FP
  save_floats(call->back);
  clear_floats();
  __asm volatile("vldmia %0, {s16-s31}" ::"r"(crossing.floats) : "memory");
#endif
#if __ARM_ARCH == 8
  __asm volatile("mrs %0, psplim" : "=r"(crossing.thread_limit));
  __asm volatile("msr psplim, %0" ::"r"(crossing.data));
#endif
  __asm volatile("mrs %0, control" : "=r"(crossing.thread_control));
  set_control(CONTROL_UNPRIVILEGED);
  crossing.thread = *call;
  *call = crossing.program;
  call->kept[FUEL] = fuel;
  crossing.runs = true;
  protection_show_program(true);
}

// From the program to the thread.
static void cross_back(struct call *call, bool ticked) {
#ifdef __ARM_FP
  save_floats(call->back);
  __asm volatile("vstmia %0, {s16-s31}" ::"r"(crossing.floats) : "memory");
#endif
  crossing.runs = false;
  crossing.program = *call;
  *call = crossing.thread;
  set_control(crossing.thread_control & CONTROL_UNPRIVILEGED);
#if __ARM_ARCH == 8
  __asm volatile("msr psplim, %0" ::"r"(crossing.thread_limit));
#endif
  protection_show_program(false);
  call->frame[0] = (uint32_t)crossing.program.frame;
  call->frame[1] = crossing.program.kept[FUEL];
  call->frame[2] = ticked;
}

bool crossing_answers(struct call *call) {
  if (crossing.runs) {
    cross_back(call, false);
    return true;
  }
  if (call->frame[CALLED] != CROSSING_CALL) return false;
  cross(call, (const struct crossing_start *)call->frame[0]);
  return true;
}

void crossing_interrupts(struct call *call) {
  if (crossing.runs && (call->back & RETURN_SECURE)) cross_back(call, true);
}

void crossing_tick(void) {
  if (crossing.runs) SCB_ICSR = ICSR_PENDSVSET;
}

void crossing_forget(void) { crossing.exists = crossing.runs = false; }

void crossing_init(void) {
  enum { PENDSV = 14, LOWEST = 0xE0 };
  SCB_SHPR(PENDSV) = LOWEST;
}
