// The two worlds of the AN505: SAU (Arm v8-M Architecture Reference Manual, DDI 0553), memory and peripheral
// protection controllers (Arm SSE-200, DDI 0571; AN505, DAI 0505).
#include "../../hal/worlds.h"

#include <stdint.h>

#include "../../arch/cortex-m.h"
#include "board-config.h"

extern const uint8_t __gateway_start[], __gateway_end[];
extern uint32_t __stack_top[];

// Regions of the security attribution unit: what lies in none of them is secure.
#define SAU_CTRL REGISTER32(0xE000EDD0)
#define SAU_RNR REGISTER32(0xE000EDD8)
#define SAU_RBAR REGISTER32(0xE000EDDC)
#define SAU_RLAR REGISTER32(0xE000EDE0)
enum { SAU_NONSECURE = 1, SAU_GATEWAY = 3 };

#define NVIC_ITNS(n) REGISTER32(0xE000E380 + 4 * (n))
#define SCB_SCR REGISTER32(0xE000ED10)
#define SCB_NSACR REGISTER32(0xE000ED8C)
#define FPU_FPCCR REGISTER32(0xE000EF34)
#define SCB_VTOR_NS REGISTER32(0xE002ED08)

#define SPCTRL_NSCCFG REGISTER32(0x50080014)
#define PPC_NONSECURE_ETHERNET REGISTER32(0x50080060)
#define PPC_UNPRIVILEGED_TIMERS REGISTER32(0x500800B0)
#define PPC_NONSECURE_UARTS REGISTER32(0x50080084)

struct memory_protection {
  volatile uint32_t control, unused[3], block_max, block_config, block_index, block_table;
};
#define MPC_FLASH ((struct memory_protection *)0x58007000)
#define MPC_RAM ((struct memory_protection *)0x58008000)
#define MPC_OUTSIDE_RAM ((struct memory_protection *)0x58009000)
// Locked until reset; the index goes on by itself; what is refused is a bus error.
enum { MPC_CONTROL = 1u << 31 | 1u << 8 | 1u << 4 };

// Where the other world begins: with its address without the Thumb bit, BXNS goes there.
static uint32_t outside_entry;

static void sau_region(uint32_t number, uint32_t start, uint32_t end, uint32_t kind) {
  SAU_RNR = number;
  SAU_RBAR = start;
  SAU_RLAR = ((end - 1) & ~31u) | kind;
}

// Gives the other world the words of a controller's table from `first` on; each bit is a block.
static void mpc_give(struct memory_protection *controller, uint32_t first) {
  uint32_t words = controller->block_max + 1;
  controller->block_index = 0;
  controller->control = MPC_CONTROL & ~(1u << 31);
  for (uint32_t word = 0; word < words; word++)
    controller->block_table = word < first ? 0 : UINT32_MAX;
  controller->control = MPC_CONTROL;
}

void worlds_split(void) {
  uint32_t half = (MPC_FLASH->block_max + 1) / 2;
  mpc_give(MPC_FLASH, half);
  mpc_give(MPC_RAM, UINT32_MAX);
  mpc_give(MPC_OUTSIDE_RAM, 0);
  PPC_NONSECURE_ETHERNET = 1u << 5;
  PPC_NONSECURE_UARTS = 1u << 5 | 1u << 6;
  NVIC_ITNS(BOARD_ETHERNET_INTERRUPT / 32) |= 1u << BOARD_ETHERNET_INTERRUPT % 32;
  NVIC_ITNS(BOARD_UART1_INTERRUPT / 32) |= 1u << BOARD_UART1_INTERRUPT % 32;

  SPCTRL_NSCCFG = 1; // gateways may lie in code memory
  sau_region(0, 0x00200000, 0x00400000, SAU_NONSECURE);
  sau_region(1, BOARD_OUTSIDE_RAM_START, BOARD_OUTSIDE_RAM_START + BOARD_OUTSIDE_RAM_SIZE, SAU_NONSECURE);
  sau_region(2, 0x40000000, 0x50000000, SAU_NONSECURE);
  sau_region(3, (uint32_t)__gateway_start, (uint32_t)__gateway_end, SAU_GATEWAY);
  SAU_CTRL = 1;

  // This world's exceptions come first (PRIS), only it can reset the chip (SYSRESETREQS), and it takes the
  // other's hard faults (BFHFNMINS is 0).
  SCB_AIRCR = 0x05FA0000u | 1u << 14 | 1u << 3;
  SCB_SCR |= 1u << 3; // deep sleep is this world's
  SCB_SHCSR |= 0xFu << 16;
  // Both worlds use the floating-point unit; its registers are saved and cleared for the other one.
  SCB_NSACR |= 3u << 10;
  FPU_FPCCR |= 7u << 26;

  const uint32_t *vectors = (const uint32_t *)BOARD_OUTSIDE_START;
  SCB_VTOR_NS = BOARD_OUTSIDE_START;
  __asm volatile("msr msp_ns, %0" ::"r"(vectors[0]));
  outside_entry = vectors[1] & ~1u;
#ifdef TRACE
  PPC_UNPRIVILEGED_TIMERS |= 1; // the thread reads the instruction counter
#endif
  barrier();
}

// Without privilege. The thread's stack is empty but for its seal (core/core.c).
_Noreturn void worlds_start_outside(void) {
  __asm volatile(
      "mov sp, %[stack]\n"
      "mov r0, %[entry]\n"
      "movs r1, #0\n"
      ".irp n, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14\n mov r\\n, r1\n .endr\n"
      ".irp n, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30\n vmov s\\n, r1\n .endr\n"
      ".irp n, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31\n vmov s\\n, r1\n .endr\n"
      "vmsr fpscr, r1\n"
      "msr apsr_nzcvqg, r1\n"
      "bxns r0\n"
      :
      : [stack] "r"((uint32_t)__stack_top - 8), [entry] "r"(outside_entry)
      : "r0", "memory");
  __builtin_unreachable();
}
