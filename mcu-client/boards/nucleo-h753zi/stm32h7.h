// The registers of the STM32H753 that this board's drivers use (RM0433).
#ifndef STM32H7_H
#define STM32H7_H

#include "../../arch/cortex-m.h"

#define PWR(offset) REGISTER32(0x58024800 + (offset))
#define PWR_CSR1 PWR(0x04)
#define PWR_CR3 PWR(0x0C)
#define PWR_D3CR PWR(0x18)

#define RCC(offset) REGISTER32(0x58024400 + (offset))
#define RCC_CR RCC(0x00)
#define RCC_CFGR RCC(0x10)
#define RCC_D1CFGR RCC(0x18)
#define RCC_D2CFGR RCC(0x1C)
#define RCC_D3CFGR RCC(0x20)
#define RCC_PLLCKSELR RCC(0x28)
#define RCC_PLLCFGR RCC(0x2C)
#define RCC_PLL1DIVR RCC(0x30)
#define RCC_AHB1ENR RCC(0xD8)
#define RCC_AHB2ENR RCC(0xDC)
#define RCC_AHB4ENR RCC(0xE0)
#define RCC_APB1LENR RCC(0xE8)
#define RCC_APB4ENR RCC(0xF4)

#define FLASH(offset) REGISTER32(0x52002000 + (offset))
#define FLASH_ACR FLASH(0x00)
#define FLASH_OPTSR_CUR FLASH(0x1C)
#define FLASH_SCAR_CUR1 FLASH(0x30)
#define FLASH_WPSN_CUR1 FLASH(0x38)
#define FLASH_SCAR_CUR2 FLASH(0x130)
#define FLASH_KEYR2 FLASH(0x104)
#define FLASH_CR2 FLASH(0x10C)
#define FLASH_SR2 FLASH(0x110)
#define FLASH_CCR2 FLASH(0x114)

#define SYSCFG_PMCR REGISTER32(0x58000404)

enum gpio_port { PORT_A, PORT_B, PORT_C, PORT_D, PORT_G = 6 };
#define GPIO(port, offset) REGISTER32(0x58020000 + 0x400 * (port) + (offset))

/// Gives a pin to a peripheral: alternate function `function`, very high speed, push-pull.
static inline void gpio_alternate(enum gpio_port port, unsigned pin, unsigned function) {
  RCC_AHB4ENR |= 1u << port;
  (void)RCC_AHB4ENR;
  GPIO(port, 0x08) |= 3u << 2 * pin; // OSPEEDR
  unsigned offset = pin < 8 ? 0x20 : 0x24; // AFRL, AFRH
  GPIO(port, offset) = (GPIO(port, offset) & ~(0xFu << 4 * (pin % 8))) | function << 4 * (pin % 8);
  GPIO(port, 0x00) = (GPIO(port, 0x00) & ~(3u << 2 * pin)) | 2u << 2 * pin; // MODER
}

struct usart {
  volatile uint32_t cr1, cr2, cr3, brr, gtpr, rtor, rqr, isr, icr, rdr, tdr, presc;
};
#define USART2 ((struct usart *)0x40004400) // the serial link, PD5 and PD6
#define USART3 ((struct usart *)0x40004800) // the console, PD8 and PD9: the ST-LINK's virtual COM port
enum { USART_CR1_UE = 1, USART_CR1_RE = 4, USART_CR1_TE = 8, USART_CR1_RXNEIE = 32 };
enum { USART_ISR_ORE = 8, USART_ISR_RXNE = 32, USART_ISR_TXE = 128 };
enum { USART_CLOCK_HZ = 100000000 };

#endif
