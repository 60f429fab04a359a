// Clocks, console, entropy and reset of the NUCLEO-H753ZI.
//
// Development grade so far: nothing here hides the device secret from the image that the first stage
// starts (that takes the secure user area), so the lifecycle is never "secured".
#include "../../hal/board.h"

#include "board-config.h"
#include "stm32h7.h"

const char board_name[] = BOARD_NAME;
const bool board_is_development = true;

static volatile uint32_t milliseconds;

// 400 MHz from the 64 MHz internal oscillator; the buses at 200 and 100 MHz (RM0433 section 8.5).
static void clock_init(void) {
  enum { CR_HSI48ON = 1u << 12, CR_HSI48RDY = 1u << 13, CR_PLL1ON = 1u << 24, CR_PLL1RDY = 1u << 25 };
  // The first stage has done all this when the image it starts comes here.
  if ((RCC_CFGR >> 3 & 7) == 3) return;
  PWR_CR3 = (PWR_CR3 & ~(1u << 2)) | 1u << 1; // supply: LDO; may be written once only
  while (!(PWR_CSR1 & 1u << 13)) {
  }
  PWR_D3CR |= 3u << 14; // voltage scale 1
  while (!(PWR_D3CR & 1u << 13)) {
  }
  RCC_CR |= CR_HSI48ON; // the random number generator's clock
  while (!(RCC_CR & CR_HSI48RDY)) {
  }
  RCC_PLLCKSELR = (RCC_PLLCKSELR & ~(0x3Fu << 4 | 3u)) | 4u << 4; // 64 MHz / 4
  RCC_PLLCFGR = (RCC_PLLCFGR & ~0xFu) | 3u << 2 | 1u << 16;       // 8 to 16 MHz in, wide VCO, output P
  RCC_PLL1DIVR = 1u << 24 | 1u << 16 | (2u - 1) << 9 | (50u - 1); // × 50, / 2
  RCC_CR |= CR_PLL1ON;
  while (!(RCC_CR & CR_PLL1RDY)) {
  }
  FLASH_ACR = 2u << 4 | 2u; // wait states for 200 MHz
  while ((FLASH_ACR & 0xF) != 2) {
  }
  RCC_D1CFGR = 4u << 4 | 8u;
  RCC_D2CFGR = 4u << 8 | 4u << 4;
  RCC_D3CFGR = 4u << 4;
  RCC_CFGR = (RCC_CFGR & ~7u) | 3u;
  while ((RCC_CFGR >> 3 & 7) != 3) {
  }
}

// The instruction cache only: without a data cache the Ethernet DMA needs no maintenance.
static void cache_init(void) {
  barrier();
  REGISTER32(0xE000EF50) = 0; // ICIALLU
  barrier();
  SCB_CCR |= 1u << 17;
  barrier();
}

void board_init(void) {
  clock_init();
  cache_init();
  RCC_APB1LENR |= 1u << 18;
  (void)RCC_APB1LENR;
  gpio_alternate(PORT_D, 8, 7);
  gpio_alternate(PORT_D, 9, 7);
  USART3->brr = USART_CLOCK_HZ / 115200;
  USART3->cr1 = USART_CR1_UE | USART_CR1_RE | USART_CR1_TE;
}

void clock_start(void) {
  SYST_RVR = BOARD_CLOCK_HZ / 1000 - 1;
  SYST_CVR = 0;
  SYST_CSR = 7;
}

void systick_handler(void) { milliseconds++; }

uint32_t clock_ms(void) { return milliseconds; }

void console_write(const void *bytes, size_t length) {
  const uint8_t *next = bytes;
  while (length-- > 0) {
    while (!(USART3->isr & USART_ISR_TXE)) {
    }
    USART3->tdr = *next++;
  }
}

int console_read(void) { return USART3->isr & USART_ISR_RXNE ? (int)(USART3->rdr & 0xFF) : -1; }

_Noreturn void board_reset(void) {
  barrier();
  SCB_AIRCR = AIRCR_SYSRESETREQ;
  barrier();
  for (;;) {
  }
}

_Noreturn void board_exit(int code) {
  if (code != 0) board_reset();
  for (;;) wait_for_interrupt();
}
