// Random numbers of an isolate on an emulated board: UART 2 brings bytes of the emulator host's generator, one at a
// time, and seeds a generator here with them, once.
#include "../../arch/cortex-m.h"
#include "../../common/hash-drbg.h"
#include "../../common/sha256.h"
#include "../../drivers/cmsdk-uart.h"
#include "../../hal/board.h"
#include "board-config.h"

static struct hash_drbg drbg;

// Waits for a byte without taking its interrupt: interrupts are off, and one that is pending ends the wait.
static uint8_t entropy_byte(void) {
  for (;;) {
    cmsdk_uart_clear_interrupt(BOARD_UART2);
    NVIC_ICPR(BOARD_UART2_INTERRUPT / 32) = 1u << BOARD_UART2_INTERRUPT % 32;
    int byte = cmsdk_uart_get(BOARD_UART2);
    if (byte >= 0) return (uint8_t)byte;
    wait_for_interrupt();
  }
}

// At the image's start, interrupts on (arch/startup.c draws first).
static void seed(void) {
  uint8_t bytes[HASH_DRBG_SEED_BYTES];
  const uint32_t interrupt = 1u << BOARD_UART2_INTERRUPT % 32;
  interrupts_disable();
  // QEMU looks for bytes when a timer wakes it; that the UART takes some now wakes nobody.
  SYST_RVR = BOARD_CLOCK_HZ / 1000 - 1;
  SYST_CVR = 0;
  SYST_CSR = 7;
  cmsdk_uart_init(BOARD_UART2);
  cmsdk_uart_enable_interrupt(BOARD_UART2);
  NVIC_ISER(BOARD_UART2_INTERRUPT / 32) = interrupt;
  for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = entropy_byte();
  NVIC_ICER(BOARD_UART2_INTERRUPT / 32) = interrupt;
  SYST_CSR = 0;
  SCB_ICSR = ICSR_PENDSTCLR;
  barrier();
  interrupts_enable();
  hash_drbg_instantiate(&drbg, bytes);
  wipe(bytes, sizeof bytes);
}

bool entropy_read(void *out, size_t length) {
  if (drbg.reseed_counter == 0) seed();
  return hash_drbg_generate(&drbg, out, length);
}
