// The registers of the Armv7-M and Armv8-M system control space that this firmware uses.
// Names as in the Arm architecture reference manuals (DDI 0403, DDI 0553).
#ifndef ARCH_CORTEX_M_H
#define ARCH_CORTEX_M_H

#include <stdint.h>

#define REGISTER32(address) (*(volatile uint32_t *)(address))

#define SYST_CSR REGISTER32(0xE000E010)
#define SYST_RVR REGISTER32(0xE000E014)
#define SYST_CVR REGISTER32(0xE000E018)
#define NVIC_ISER(n) REGISTER32(0xE000E100 + 4 * (n))
#define NVIC_ICER(n) REGISTER32(0xE000E180 + 4 * (n))
#define NVIC_ICPR(n) REGISTER32(0xE000E280 + 4 * (n))
#define NVIC_IPR(n) (*(volatile uint8_t *)(0xE000E400 + (n)))
#define SCB_ICSR REGISTER32(0xE000ED04)
#define SCB_VTOR REGISTER32(0xE000ED08)
#define SCB_AIRCR REGISTER32(0xE000ED0C)
#define SCB_CCR REGISTER32(0xE000ED14)
#define SCB_SHPR(n) (*(volatile uint8_t *)(0xE000ED14 + (n))) // of exception n, from 4 on
#define SCB_SHCSR REGISTER32(0xE000ED24)
#define SCB_CFSR REGISTER32(0xE000ED28)
#define SCB_HFSR REGISTER32(0xE000ED2C)
#define SCB_MMFAR REGISTER32(0xE000ED34)
#define SCB_BFAR REGISTER32(0xE000ED38)
#define SCB_CPACR REGISTER32(0xE000ED88)
#define MPU_TYPE REGISTER32(0xE000ED90)
#define MPU_CTRL REGISTER32(0xE000ED94)
#define MPU_RNR REGISTER32(0xE000ED98)
#define MPU_RBAR REGISTER32(0xE000ED9C)
#define MPU_RASR REGISTER32(0xE000EDA0)
#define MPU_RLAR REGISTER32(0xE000EDA0)
#define MPU_MAIR0 REGISTER32(0xE000EDC0)

#define SAU_SFSR REGISTER32(0xE000EDE4)
#define SAU_SFAR REGISTER32(0xE000EDE8)
#define SFSR_SFARVALID (1u << 6)
#define SCB_CFSR_NS REGISTER32(0xE002ED28)

#define ICSR_PENDSVSET (1u << 28)
#define ICSR_PENDSTCLR (1u << 25)
#define AIRCR_SYSRESETREQ 0x05FA0004u
#define CFSR_MMARVALID (1u << 7)
#define CFSR_BFARVALID (1u << 15)
#define CFSR_STKOF (1u << 20)
#define CFSR_DIVBYZERO (1u << 25)
#define CFSR_MSTKERR (1u << 4)
#define CFSR_STKERR (1u << 12)

static inline void barrier(void) { __asm volatile("dsb\n isb" ::: "memory"); }
static inline void interrupts_disable(void) { __asm volatile("cpsid i" ::: "memory"); }
static inline void interrupts_enable(void) { __asm volatile("cpsie i" ::: "memory"); }
static inline void basepri_set(uint32_t value) {
  __asm volatile("msr basepri, %0\n isb" ::"r"(value) : "memory");
}
static inline uint32_t basepri_get(void) {
  uint32_t value;
  __asm volatile("mrs %0, basepri" : "=r"(value));
  return value;
}
/// 0 in thread mode, else the exception that is being handled.
static inline uint32_t exception_number(void) {
  uint32_t value;
  __asm volatile("mrs %0, ipsr" : "=r"(value));
  return value;
}
static inline void wait_for_interrupt(void) { __asm volatile("dsb\n wfi" ::: "memory"); }

#endif
