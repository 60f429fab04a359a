#include "protection.h"
#include "board-config.h"
#include "cortex-m.h"

extern uint32_t __stack_guard[], __stack_limit[];

// What the thread sees: two registers for each region. Regions beyond `used` are off.
enum { REGIONS = 8 };
struct view {
  uint32_t registers[2 * REGIONS];
  uint32_t used;
};

static struct view thread_view;

enum { MPU_ENABLED = 1u << 2 | 1u }; // outside the regions, the default map applies to privileged code

// The registers of four regions at a time, by the aliases that lie behind each other.
static void show(const struct view *view) {
  const uint32_t *from = view->registers;
  volatile uint32_t *aliases = &MPU_RBAR;
  barrier();
  MPU_CTRL = 0;
  MPU_RNR = 0;
  __asm volatile("ldmia %0!, {r4-r11}\n stmia %1, {r4-r11}" : "+r"(from) : "r"(aliases)
                 : "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "memory");
  MPU_RNR = 4;
  __asm volatile("ldmia %0!, {r4-r11}\n stmia %1, {r4-r11}" : "+r"(from) : "r"(aliases)
                 : "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "memory");
  MPU_CTRL = MPU_ENABLED;
  barrier();
}

#if __ARM_ARCH == 8
enum access { CORE_ONLY = 0, ANYBODY = 1, ANYBODY_READS = 3 };
enum { EXECUTE_NEVER = 1 };

static void clear(struct view *view) { *view = (struct view){0}; }

// Armv8-M: regions must not overlap, and the guard is the stack limit register's work.
static void region(struct view *view, uint32_t start, uint32_t end, enum access access, uint32_t never) {
  uint32_t *registers = &view->registers[2 * view->used++];
  registers[0] = start | (uint32_t)access << 1 | never;
  registers[1] = (end - 32) | 1u;
}

#if defined(INSIDE) && defined(CORE)
extern uint32_t __core_start[], __core_end[];
extern const uint8_t __boot_record[];

// The thread has no privilege: it may execute flash, and read and write its own memory and the other world's.
static void regions(struct view *view) {
  uint32_t core = (uint32_t)__core_start, own = (uint32_t)__core_end, record = (uint32_t)__boot_record;
  __asm volatile("msr msplim, %0" ::"r"(__core_start));
  region(view, BOARD_INSIDE_FLASH_START, BOARD_INSIDE_FLASH_START + BOARD_INSIDE_FLASH_SIZE, ANYBODY_READS, 0);
  region(view, core, own, CORE_ONLY, EXECUTE_NEVER);
  region(view, own, record, ANYBODY, EXECUTE_NEVER);
  region(view, record, BOARD_RAM_START + BOARD_RAM_SIZE, CORE_ONLY, EXECUTE_NEVER);
  region(view, BOARD_OUTSIDE_RAM_START, BOARD_OUTSIDE_RAM_START + BOARD_OUTSIDE_RAM_SIZE, ANYBODY, EXECUTE_NEVER);
#ifdef TRACE
  region(view, BOARD_TIMER0, BOARD_TIMER0 + 0x1000, ANYBODY_READS, EXECUTE_NEVER);
#endif
}
#else
static void regions(struct view *view) {
  __asm volatile("msr msplim, %0" ::"r"(__stack_limit));
  region(view, BOARD_RAM_START, BOARD_RAM_START + BOARD_RAM_SIZE, ANYBODY, EXECUTE_NEVER);
#ifdef INSIDE
  region(view, BOARD_OUTSIDE_RAM_START, BOARD_OUTSIDE_RAM_START + BOARD_OUTSIDE_RAM_SIZE, ANYBODY, EXECUTE_NEVER);
#endif
}
#endif

#ifdef PROGRAM_JIT
uint32_t protection_slot(uint32_t bytes, uint32_t slots) {
  (void)bytes, (void)slots;
  return 32;
}

static bool cover(struct view *view, uint32_t start, uint32_t end, uint32_t slot, bool executes) {
  (void)slot;
  region(view, start, end, executes ? ANYBODY_READS : ANYBODY, executes ? 0 : EXECUTE_NEVER);
  return true;
}
#endif

void protection_init(void) {
  if (MPU_TYPE == 0) return;
  MPU_MAIR0 = 0xFF; // attribute 0: normal memory, write-back
  clear(&thread_view);
  regions(&thread_view);
  show(&thread_view);
}
#else
enum access { NOBODY = 0, CORE_ONLY = 1, ANYBODY = 3, ANYBODY_READS = 6 };
enum memory { EXECUTE_NEVER = 1u << 28, NORMAL = 0xBu << 16, DEVICE = 0x5u << 16 };

enum { ADDRESS_NAMES_REGION = 1u << 4 };

static void clear(struct view *view) {
  view->used = 0;
  for (uint32_t i = 0; i < REGIONS; i++) {
    view->registers[2 * i] = ADDRESS_NAMES_REGION | i;
    view->registers[2 * i + 1] = 0;
  }
}

// The base is a multiple of the size, 2^log2size; `without` are eighths of it that are none of the region. A higher
// region wins over a lower one.
static void region(struct view *view, uint32_t base, uint32_t log2size, enum access access, uint32_t memory,
                   uint32_t without) {
  uint32_t number = view->used++;
  view->registers[2 * number] = base | ADDRESS_NAMES_REGION | number;
  view->registers[2 * number + 1] = memory | (uint32_t)access << 24 | without << 8 | (log2size - 1) << 1 | 1u;
}

#ifdef CORE
extern uint32_t __core_start[], __core_end[], __dma_start[], __dma_end[];
extern const uint8_t __boot_record[];

// The first eighths of a region of 2^log2size bytes, up to `end`: the core's.
static void core_region(struct view *view, const void *start, const void *end, uint32_t log2size) {
  uint32_t eighths = ((uint32_t)end - (uint32_t)start) >> (log2size - 3);
  region(view, (uint32_t)start, log2size, CORE_ONLY, NORMAL | EXECUTE_NEVER, 0xFFu << eighths & 0xFF);
}

// The thread has no privilege: it may execute flash, and read and write its own memory and the links' registers.
static void regions(struct view *view) {
  static const struct {
    uint32_t start, log2size;
  } devices[] = {BOARD_THREAD_DEVICES};
  region(view, BOARD_FLASH_START, BOARD_FLASH_LOG2, ANYBODY_READS, NORMAL, 0);
  region(view, BOARD_RAM_START, BOARD_RAM_LOG2, ANYBODY, NORMAL | EXECUTE_NEVER, 0);
#ifdef BOARD_CORE_RAM_START
  region(view, BOARD_CORE_RAM_START, BOARD_CORE_RAM_LOG2, CORE_ONLY, NORMAL | EXECUTE_NEVER, 0);
  core_region(view, __dma_start, __dma_end, 14);
#else
  core_region(view, __core_start, __core_end, 15);
  region(view, (uint32_t)__boot_record, 10, CORE_ONLY, NORMAL | EXECUTE_NEVER, 0);
#endif
  for (uint32_t i = 0; i < sizeof devices / sizeof devices[0]; i++)
    region(view, devices[i].start, devices[i].log2size, ANYBODY, DEVICE | EXECUTE_NEVER, 0);
#ifdef TRACE
  region(view, BOARD_TIMER0, 12, ANYBODY_READS, DEVICE | EXECUTE_NEVER, 0);
#endif
}
#else
static void regions(struct view *view) {
  region(view, BOARD_RAM_START, BOARD_RAM_LOG2, ANYBODY, NORMAL | EXECUTE_NEVER, 0);
#ifdef BOARD_CORE_RAM_START
  region(view, BOARD_CORE_RAM_START, BOARD_CORE_RAM_LOG2, ANYBODY, NORMAL | EXECUTE_NEVER, 0);
#endif
}
#endif

#ifdef PROGRAM_JIT
// The least is an eighth of the smallest region that has eighths.
uint32_t protection_slot(uint32_t bytes, uint32_t slots) {
  uint32_t slot = 32;
  while (slot < 1u << 28 && bytes > slot * slots) slot <<= 1;
  return slot;
}

// Regions of eight slots each.
static bool cover(struct view *view, uint32_t start, uint32_t end, uint32_t slot, bool executes) {
  uint32_t span = 8 * slot, log2 = 31 - (uint32_t)__builtin_clz(span);
  for (uint32_t base = start & ~(span - 1); base < end; base += span) {
    uint32_t without = 0;
    for (uint32_t i = 0; i < 8; i++)
      if (base + i * slot < start || base + i * slot >= end) without |= 1u << i;
    if (view->used == REGIONS) return false;
    region(view, base, log2, executes ? ANYBODY_READS : ANYBODY, executes ? NORMAL : NORMAL | EXECUTE_NEVER, without);
  }
  return true;
}
#endif

// The guard is cut out of RAM.
void protection_init(void) {
  if (MPU_TYPE == 0) return;
  clear(&thread_view);
  regions(&thread_view);
  region(&thread_view, (uint32_t)__stack_guard, 8, NOBODY, NORMAL | EXECUTE_NEVER, 0);
  show(&thread_view);
}
#endif

#ifdef PROGRAM_JIT
extern const uint8_t __helpers_start[], __helpers_end[];

static struct view program_view;

static bool allow(uint32_t start, uint32_t end, uint32_t slots, bool executes) {
  uint32_t slot = protection_slot(end - start, slots);
  return start < end && ((start | end) & (slot - 1)) == 0 && cover(&program_view, start, end, slot, executes);
}

bool protection_set_program(uint32_t code, uint32_t code_end, uint32_t data, uint32_t data_end) {
  clear(&program_view);
  return MPU_TYPE != 0 &&
         allow((uint32_t)__helpers_start, (uint32_t)__helpers_end, PROGRAM_CODE_SLOTS, true) &&
         allow(code, code_end, PROGRAM_CODE_SLOTS, true) && allow(data, data_end, PROGRAM_DATA_SLOTS, false);
}

void protection_show_program(bool program) { show(program ? &program_view : &thread_view); }
#endif
