// SMSC/Microchip LAN9118 10/100 Ethernet controller (data sheet DS00002266), polled, by PIO.
#include "lan9118.h"

#include <string.h>

#include "../arch/background.h"
#include "../arch/cortex-m.h"
#include "../hal/board.h"
#include "../hal/ethernet.h"
#include "board-config.h"

#define REG(offset) REGISTER32(BOARD_ETHERNET + (offset))
#define RX_DATA_FIFO REG(0x00)
#define TX_DATA_FIFO REG(0x20)
#define RX_STATUS_FIFO REG(0x40)
#define TX_STATUS_FIFO REG(0x48)
#define ID_REV REG(0x50)
#define IRQ_CFG REG(0x54)
#define INT_STS REG(0x58)
#define INT_EN REG(0x5C)
#define BYTE_TEST REG(0x64)
#define FIFO_INT REG(0x68)
#define RX_CFG REG(0x6C)
#define TX_CFG REG(0x70)
#define HW_CFG REG(0x74)
#define RX_DP_CTRL REG(0x78)
#define RX_FIFO_INF REG(0x7C)
#define TX_FIFO_INF REG(0x80)
#define MAC_CSR_CMD REG(0xA4)
#define MAC_CSR_DATA REG(0xA8)
#define AFC_CFG REG(0xAC)

enum {
  HW_CFG_SOFT_RESET = 1u << 0,
  HW_CFG_MUST_BE_ONE = 1u << 20,
  HW_CFG_TX_FIFO_5K = 5u << 16,
  TX_CFG_ON = 1u << 1,
  TX_COMMAND_FIRST = 1u << 13,
  TX_COMMAND_LAST = 1u << 12,
  RX_STATUS_ERROR = 1u << 15,
  RX_DP_FAST_FORWARD = 1u << 31,
  IRQ_CFG_ENABLE = 1u << 8,
  IRQ_CFG_ACTIVE_HIGH = 1u << 4,
  IRQ_CFG_PUSH_PULL = 1u << 0,
  INT_RX_STATUS_LEVEL = 1u << 3,
  MAC_CSR_BUSY = 1u << 31,
  MAC_CSR_READ = 1u << 30,
};
enum mac_register { MAC_CR = 1, MAC_ADDRH = 2, MAC_ADDRL = 3, MII_ACC = 6, MII_DATA = 7 };
enum { MAC_CR_FULL_DUPLEX = 1u << 20, MAC_CR_ALL_MULTICASTS = 1u << 19, MAC_CR_TX = 1u << 3, MAC_CR_RX = 1u << 2 };
enum { PHY_CONTROL = 0, PHY_STATUS = 1, PHY_AUTONEGOTIATE = 0x1200, PHY_STATUS_LINK = 4 };

// A frame's bytes leave and enter the FIFOs as words; parts of any length are cut from and joined to
// the word at hand.
static struct {
  uint32_t word;
  unsigned filled; // bytes of `word`
} rx, tx;
static size_t rx_bytes_left; // of the frame, not yet copied
static size_t rx_words_left; // of the frame and its check sequence, not yet read

static void mac_wait(void) {
  while (MAC_CSR_CMD & MAC_CSR_BUSY) {
  }
}

static uint32_t mac_read(enum mac_register which) {
  mac_wait();
  MAC_CSR_CMD = MAC_CSR_BUSY | MAC_CSR_READ | which;
  mac_wait();
  return MAC_CSR_DATA;
}

static void mac_write(enum mac_register which, uint32_t value) {
  mac_wait();
  MAC_CSR_DATA = value;
  MAC_CSR_CMD = MAC_CSR_BUSY | which;
  mac_wait();
}

static uint32_t phy_read(unsigned which) {
  mac_write(MII_ACC, 1u << 11 | which << 6);
  return mac_read(MII_DATA) & 0xFFFF;
}

static void phy_write(unsigned which, uint32_t value) {
  mac_write(MII_DATA, value);
  mac_write(MII_ACC, 1u << 11 | which << 6 | 2);
}

bool ethernet_init(uint8_t address[6]) {
  if (BYTE_TEST != 0x87654321) return false;
  HW_CFG = HW_CFG_SOFT_RESET;
  while (HW_CFG & HW_CFG_SOFT_RESET) {
  }
  HW_CFG = HW_CFG_MUST_BE_ONE | HW_CFG_TX_FIFO_5K;
  AFC_CFG = 0x006E3740; // flow control thresholds for a 5 KiB transmit FIFO
  INT_EN = 0;
  INT_STS = UINT32_MAX;
  FIFO_INT = 0; // interrupt as soon as one frame waits
  IRQ_CFG = IRQ_CFG_ENABLE | IRQ_CFG_ACTIVE_HIGH | IRQ_CFG_PUSH_PULL;
  RX_CFG = 0;
  TX_CFG = TX_CFG_ON;

  uint32_t low = mac_read(MAC_ADDRL), high = mac_read(MAC_ADDRH) & 0xFFFF;
  if (low == UINT32_MAX && high == 0xFFFF) {
    // No address in the controller's EEPROM: one that is locally administered.
    uint8_t random[4];
    if (!entropy_read(random, sizeof random)) return false;
    low = 0x02u | (uint32_t)random[0] << 8 | (uint32_t)random[1] << 16 | (uint32_t)random[2] << 24;
    high = random[3];
    mac_write(MAC_ADDRL, low);
    mac_write(MAC_ADDRH, high);
  }
  memcpy(address, &low, 4);
  memcpy(address + 4, &high, 2);
  phy_write(PHY_CONTROL, PHY_AUTONEGOTIATE);
  mac_write(MAC_CR, MAC_CR_FULL_DUPLEX | MAC_CR_TX | MAC_CR_RX);
#ifdef BACKGROUND
  NVIC_IPR(BOARD_ETHERNET_INTERRUPT) = PRIORITY_LINK_INTERRUPT;
#endif
  NVIC_ISER(BOARD_ETHERNET_INTERRUPT / 32) = 1u << BOARD_ETHERNET_INTERRUPT % 32;
  return true;
}

void ethernet_receive_multicasts(void) { mac_write(MAC_CR, mac_read(MAC_CR) | MAC_CR_ALL_MULTICASTS); }

bool ethernet_link_up(void) { return phy_read(PHY_STATUS) & PHY_STATUS_LINK; }

size_t ethernet_receive_begin(void) {
  while (RX_FIFO_INF >> 16 & 0xFF) {
    uint32_t status = RX_STATUS_FIFO;
    size_t length = status >> 16 & 0x3FFF;
    rx_words_left = (length + 3) / 4;
    rx.filled = 0;
    if (length > 4 && !(status & RX_STATUS_ERROR)) {
      rx_bytes_left = length - 4; // without the frame check sequence
      return rx_bytes_left;
    }
    ethernet_receive_end();
  }
  return 0;
}

static uint32_t receive_word(void) {
  rx_words_left--;
  return RX_DATA_FIFO;
}

void ethernet_receive(void *out, size_t length) {
  uint8_t *to = out;
  if (length > rx_bytes_left) length = rx_bytes_left;
  rx_bytes_left -= length;
  while (length > 0) {
    if (rx.filled == 0 && length >= 4) {
      uint32_t word = receive_word();
      memcpy(to, &word, 4);
      to += 4;
      length -= 4;
      continue;
    }
    if (rx.filled == 0) {
      rx.word = receive_word();
      rx.filled = 4;
    }
    *to++ = (uint8_t)rx.word;
    rx.word >>= 8;
    rx.filled--;
    length--;
  }
}

void ethernet_receive_end(void) {
  while (rx_words_left > 0) receive_word();
  rx_bytes_left = 0;
}

bool ethernet_send_begin(size_t length) {
  while (TX_FIFO_INF >> 16 & 0xFF) (void)TX_STATUS_FIFO;
  // Two command words, and the controller keeps a little for itself.
  if ((TX_FIFO_INF & 0xFFFF) < length + 32) return false;
  TX_DATA_FIFO = TX_COMMAND_FIRST | TX_COMMAND_LAST | (uint32_t)length;
  TX_DATA_FIFO = (uint32_t)length << 16 | (uint32_t)length;
  tx.filled = 0;
  tx.word = 0;
  return true;
}

void ethernet_send(const void *bytes, size_t length) {
  const uint8_t *from = bytes;
  while (length > 0) {
    if (tx.filled == 0 && length >= 4) {
      uint32_t word;
      memcpy(&word, from, 4);
      TX_DATA_FIFO = word;
      from += 4;
      length -= 4;
      continue;
    }
    tx.word |= (uint32_t)*from++ << 8 * tx.filled;
    length--;
    if (++tx.filled == 4) {
      TX_DATA_FIFO = tx.word;
      tx.filled = 0;
      tx.word = 0;
    }
  }
}

void ethernet_send_end(void) {
  if (tx.filled > 0) TX_DATA_FIFO = tx.word;
}

void ethernet_arm_interrupt(void) {
  INT_STS = INT_RX_STATUS_LEVEL;
  INT_EN = INT_RX_STATUS_LEVEL;
}

void lan9118_handler(void) {
  INT_EN = 0;
  background_wake();
}
