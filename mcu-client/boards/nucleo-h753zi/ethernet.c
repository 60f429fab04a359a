// The STM32H753's Ethernet controller (RM0433 chapter 58) with the board's LAN8742A PHY over RMII.
#include "../../hal/ethernet.h"

#include <string.h>

#include "../../common/sha256.h"
#include "board-config.h"
#include "stm32h7.h"

#define ETH(offset) REGISTER32(0x40028000 + (offset))
#define MACCR ETH(0x0000)
#define MACPFR ETH(0x0008)
#define MACMDIOAR ETH(0x0200)
#define MACMDIODR ETH(0x0204)
#define MACA0HR ETH(0x0300)
#define MACA0LR ETH(0x0304)
#define MTLTQOMR ETH(0x0D00)
#define MTLRQOMR ETH(0x0D30)
#define DMAMR ETH(0x1000)
#define DMACTCR ETH(0x1104)
#define DMACRCR ETH(0x1108)
#define DMACTDLAR ETH(0x1114)
#define DMACRDLAR ETH(0x111C)
#define DMACTDTPR ETH(0x1120)
#define DMACRDTPR ETH(0x1128)
#define DMACTDRLR ETH(0x112C)
#define DMACRDRLR ETH(0x1130)
#define DMACIER ETH(0x1134)
#define DMACSR ETH(0x1160)

enum { RECEIVE = 4, SEND = 2, BUFFER = 1536 };
enum {
  OWNED_BY_DMA = 1u << 31,
  FIRST = 1u << 29,
  LAST = 1u << 28,
  RX_INTERRUPT = 1u << 30,
  RX_BUFFER_VALID = 1u << 24,
  RX_ERROR = 1u << 15,
};
enum { MAC_RECEIVE = 1, MAC_SEND = 2, MAC_FULL_DUPLEX = 1u << 13, MAC_100 = 1u << 14 };
enum { MACPFR_ALL_MULTICASTS = 1u << 4 };
enum { CSR_RECEIVED = 1u << 6, CSR_NORMAL = 1u << 15 };
enum { PHY_ADDRESS = 0, PHY_CONTROL = 0, PHY_STATUS = 1, PHY_SPECIAL = 31 };

struct descriptor {
  volatile uint32_t des0, des1, des2, des3;
};
// Whoever writes a descriptor reads and writes all memory that the DMA reaches: only the core does, where there is one.
#define FOR_DMA __attribute__((section(".bss.dma.ethernet"), aligned(32)))
static struct descriptor rx[RECEIVE] FOR_DMA;
static struct descriptor tx[SEND] FOR_DMA;
static uint8_t rx_buffers[RECEIVE][BUFFER] FOR_DMA;
static uint8_t tx_buffers[SEND][BUFFER] FOR_DMA;
static unsigned rx_next, tx_next;
static size_t rx_left, rx_at, tx_length;

// Clause 22 management frames; the clock is 200 MHz / 102.
static uint32_t phy(unsigned which, bool write, uint32_t value) {
  MACMDIODR = value;
  MACMDIOAR = PHY_ADDRESS << 21 | which << 16 | 4u << 8 | (write ? 1u : 3u) << 2 | 1u;
  while (MACMDIOAR & 1) {
  }
  return MACMDIODR & 0xFFFF;
}

static void give_to_dma(struct descriptor *descriptor, const uint8_t *buffer) {
  descriptor->des0 = (uint32_t)buffer;
  descriptor->des1 = 0;
  descriptor->des2 = 0;
  barrier();
  descriptor->des3 = OWNED_BY_DMA | RX_INTERRUPT | RX_BUFFER_VALID;
}

static void pins_init(void) {
  static const struct {
    uint8_t port, pin;
  } pins[] = {{PORT_A, 1}, {PORT_A, 2}, {PORT_A, 7},  {PORT_B, 13}, {PORT_C, 1},
              {PORT_C, 4}, {PORT_C, 5}, {PORT_G, 11}, {PORT_G, 13}};
  for (unsigned i = 0; i < sizeof pins / sizeof pins[0]; i++)
    gpio_alternate((enum gpio_port)pins[i].port, pins[i].pin, 11);
}

bool ethernet_init(uint8_t address[6]) {
  RCC_APB4ENR |= 1u << 1;
  (void)RCC_APB4ENR;
  SYSCFG_PMCR = (SYSCFG_PMCR & ~(7u << 21)) | 4u << 21; // RMII
  pins_init();
  RCC_AHB1ENR |= 7u << 15;
  (void)RCC_AHB1ENR;
  DMAMR |= 1;
  // Without the PHY's clock the reset never ends.
  for (uint32_t patience = 10000000; DMAMR & 1;)
    if (--patience == 0) return false;

  // A locally administered address, always the same for a chip: from its unique ID.
  struct sha256 hash;
  uint8_t digest[SHA256_BYTES];
  sha256_init(&hash);
  sha256_update(&hash, (const void *)0x1FF1E800, 12);
  sha256_final(&hash, digest);
  memcpy(address, digest, 6);
  address[0] = (address[0] & 0xFC) | 0x02;
  uint32_t low;
  memcpy(&low, address, 4);
  MACA0HR = (uint32_t)address[5] << 8 | address[4];
  MACA0LR = low;

  MTLTQOMR = 7u << 16 | 2u << 2 | 2u; // 2 KiB queue, enabled, store and forward
  MTLRQOMR = 7u << 20 | 1u << 5;      // 2 KiB queue, store and forward
  for (unsigned i = 0; i < RECEIVE; i++) give_to_dma(&rx[i], rx_buffers[i]);
  for (unsigned i = 0; i < SEND; i++) tx[i].des3 = 0; // start-up code clears no memory of the DMA's
  DMACTDLAR = (uint32_t)tx;
  DMACTDRLR = SEND - 1;
  DMACTDTPR = (uint32_t)tx;
  DMACRDLAR = (uint32_t)rx;
  DMACRDRLR = RECEIVE - 1;
  DMACRCR = 32u << 16 | BUFFER << 1;
  DMACTCR = 32u << 16;
  DMACTCR |= 1;
  DMACRCR |= 1;
  DMACRDTPR = (uint32_t)&rx[RECEIVE];
  phy(PHY_CONTROL, true, 0x1200); // negotiate speed and duplex
  MACCR = MAC_100 | MAC_FULL_DUPLEX | MAC_RECEIVE | MAC_SEND;
  NVIC_ISER(BOARD_ETHERNET_INTERRUPT / 32) = 1u << BOARD_ETHERNET_INTERRUPT % 32;
  return true;
}

void ethernet_receive_multicasts(void) { MACPFR |= MACPFR_ALL_MULTICASTS; }

bool ethernet_link_up(void) {
  phy(PHY_STATUS, false, 0); // latched: the second reading is now
  if (!(phy(PHY_STATUS, false, 0) & 4)) return false;
  uint32_t mode = phy(PHY_SPECIAL, false, 0) >> 2 & 7; // 1: 10 half, 5: 10 full, 2: 100 half, 6: 100 full
  MACCR = (MACCR & ~(uint32_t)(MAC_100 | MAC_FULL_DUPLEX)) | (mode & 2 ? MAC_100 : 0) |
          (mode & 4 ? MAC_FULL_DUPLEX : 0);
  return true;
}

static void drop(void) {
  give_to_dma(&rx[rx_next], rx_buffers[rx_next]);
  rx_next = (rx_next + 1) % RECEIVE;
  barrier();
  DMACRDTPR = (uint32_t)&rx[RECEIVE];
}

size_t ethernet_receive_begin(void) {
  for (;;) {
    uint32_t status = rx[rx_next].des3;
    if (status & OWNED_BY_DMA) return 0;
    size_t length = status & 0x7FFF;
    if ((status & (FIRST | LAST)) == (FIRST | LAST) && !(status & RX_ERROR) && length > 4 &&
        length <= BUFFER) {
      rx_left = length - 4; // without the frame check sequence
      rx_at = 0;
      return rx_left;
    }
    drop();
  }
}

void ethernet_receive(void *out, size_t length) {
  if (length > rx_left) length = rx_left;
  memcpy(out, rx_buffers[rx_next] + rx_at, length);
  rx_at += length;
  rx_left -= length;
}

void ethernet_receive_end(void) {
  rx_left = 0;
  drop();
}

bool ethernet_send_begin(size_t length) {
  if (length > BUFFER || tx[tx_next].des3 & OWNED_BY_DMA) return false;
  tx_length = 0;
  return true;
}

void ethernet_send(const void *bytes, size_t length) {
  if (length > BUFFER - tx_length) length = BUFFER - tx_length;
  memcpy(tx_buffers[tx_next] + tx_length, bytes, length);
  tx_length += length;
}

void ethernet_send_end(void) {
  struct descriptor *descriptor = &tx[tx_next];
  descriptor->des0 = (uint32_t)tx_buffers[tx_next];
  descriptor->des1 = 0;
  descriptor->des2 = (uint32_t)tx_length;
  barrier();
  descriptor->des3 = OWNED_BY_DMA | FIRST | LAST | (uint32_t)tx_length;
  tx_next = (tx_next + 1) % SEND;
  barrier();
  DMACTDTPR = (uint32_t)&tx[tx_next];
}

void ethernet_arm_interrupt(void) {
  // The next poll sees what has arrived already; a frame between that and here ends the wait.
  DMACIER = CSR_NORMAL | CSR_RECEIVED;
}

void ethernet_handler(void) {
  DMACIER = 0;
  DMACSR = CSR_RECEIVED | CSR_NORMAL;
}
