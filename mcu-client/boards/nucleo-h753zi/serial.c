// The serial link's line: USART 2 on PD5 (out) and PD6 (in), 921,600 bits a second.
#include "../../hal/serial.h"

#include "board-config.h"
#include "stm32h7.h"

enum { CAPACITY = 2048, BAUD = 921600 };
static uint8_t received[CAPACITY];
static volatile uint32_t head, tail; // bytes taken and bytes stored, ever

void serial_handler(void) {
  if (USART2->isr & USART_ISR_ORE) USART2->icr = USART_ISR_ORE;
  while (USART2->isr & USART_ISR_RXNE) {
    uint8_t byte = (uint8_t)USART2->rdr;
    if (tail - head < CAPACITY) received[tail++ % CAPACITY] = byte;
  }
}

void serial_init(void) {
  RCC_APB1LENR |= 1u << 17;
  (void)RCC_APB1LENR;
  gpio_alternate(PORT_D, 5, 7);
  gpio_alternate(PORT_D, 6, 7);
  USART2->brr = USART_CLOCK_HZ / BAUD;
  USART2->cr1 = USART_CR1_UE | USART_CR1_RE | USART_CR1_TE | USART_CR1_RXNEIE;
  NVIC_ISER(BOARD_SERIAL_INTERRUPT / 32) = 1u << BOARD_SERIAL_INTERRUPT % 32;
}

int serial_read(void) { return head == tail ? -1 : received[head++ % CAPACITY]; }

void serial_write(uint8_t byte) {
  while (!(USART2->isr & USART_ISR_TXE)) {
  }
  USART2->tdr = byte;
}
