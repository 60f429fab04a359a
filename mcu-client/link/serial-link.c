#include "serial-link.h"

#include <string.h>

#include "../arch/console.h"
#include "../hal/board.h"
#include "../hal/serial.h"
#include "cobs.h"
#include "connection.h"
#include "crc32.h"

enum { PACKET_MAX = SERIAL_HEADER + SERIAL_PAYLOAD + SERIAL_CHECK };
enum { RESEND_MS = 250, RESEND_LIMIT = 40, SILENCE_MS = 15000 };

static bool open;
static struct cobs_decoder decoder;
static uint8_t packet[PACKET_MAX];
// Payload of a DATA packet that waits for room. Acknowledgements must be seen meanwhile.
static uint8_t held_bytes[SERIAL_PAYLOAD];
static size_t held;
static uint8_t expected; // number of the next DATA packet from the peer
static uint8_t sent;     // number of the DATA packet under way
static bool acknowledged;
static uint32_t heard_ms; // when the last good packet came

static void send_packet(enum serial_packet type, uint8_t number, const uint8_t *payload,
                        size_t length) {
  uint8_t out[PACKET_MAX];
  out[0] = (uint8_t)type;
  out[1] = number;
  memcpy(out + SERIAL_HEADER, payload, length);
  uint32_t check = crc32(out, SERIAL_HEADER + length);
  memcpy(out + SERIAL_HEADER + length, &check, SERIAL_CHECK);
  cobs_encode(out, SERIAL_HEADER + length + SERIAL_CHECK, serial_write);
}

static void forget(void) {
  if (!open) return;
  open = false;
  held = 0;
  connection_closed();
}

static void close(void) {
  if (!open) return;
  open = false;
  held = 0;
  send_packet(SERIAL_BYE, 0, NULL, 0);
}

// Waits for the acknowledgement of the packet under way, sending it again where it does not come.
static bool deliver(const uint8_t *payload, size_t length, uint32_t connection) {
  acknowledged = false;
  for (int tries = 0; tries < RESEND_LIMIT; tries++) {
    send_packet(SERIAL_DATA, sent, payload, length);
    uint32_t start = clock_ms();
    while (clock_ms() - start < RESEND_MS) {
      serial_link_poll();
      if (connection_number() != connection) return false;
      if (acknowledged) {
        sent++;
        return true;
      }
    }
  }
  console_print("connection ended: the peer does not acknowledge\n");
  forget();
  return false;
}

// Bytes of the stream are gathered, so that a message and its length make one packet where they fit.
static uint8_t gathered[SERIAL_PAYLOAD];
static size_t gathered_length;

static bool deliver_gathered(void) {
  uint32_t connection = connection_number();
  size_t length = gathered_length;
  gathered_length = 0;
  return length == 0 || deliver(gathered, length, connection);
}

static bool send(const uint8_t *bytes, size_t length) {
  while (length > 0 && open) {
    size_t part = sizeof gathered - gathered_length;
    if (part > length) part = length;
    memcpy(gathered + gathered_length, bytes, part);
    gathered_length += part;
    bytes += part;
    length -= part;
    if (gathered_length == sizeof gathered && !deliver_gathered()) return false;
  }
  return open;
}

static void flush(void) { deliver_gathered(); }

static const struct link serial_link = {"serial", send, flush, close};

static void hello(const uint8_t *payload, size_t length) {
  forget();
  if (length != 4) return;
  if (!connection_open(&serial_link)) {
    console_print("second connection refused\n");
    send_packet(SERIAL_BYE, 0, NULL, 0);
    return;
  }
  open = true;
  expected = sent = 0;
  gathered_length = 0;
  send_packet(SERIAL_WELCOME, 0, payload, length);
}

// Hands over a DATA packet once there is room for all of it; until then it is not acknowledged.
static void hand_over(void) {
  if (held == 0) return;
  size_t taken = connection_receive(held_bytes, held);
  if (!open) return; // a bad message ended it
  memmove(held_bytes, held_bytes + taken, held - taken);
  held -= taken;
  if (held > 0) return;
  send_packet(SERIAL_ACK, expected++, NULL, 0);
}

static void receive(size_t length) {
  uint32_t check;
  if (length < SERIAL_HEADER + SERIAL_CHECK) return;
  length -= SERIAL_CHECK;
  memcpy(&check, packet + length, SERIAL_CHECK);
  if (check != crc32(packet, length)) return;
  uint8_t number = packet[1];
  heard_ms = clock_ms();
  switch (packet[0]) {
    case SERIAL_HELLO: hello(packet + SERIAL_HEADER, length - SERIAL_HEADER); break;
    case SERIAL_BYE: forget(); break;
    case SERIAL_ACK:
      if (open && number == sent) acknowledged = true;
      break;
    case SERIAL_DATA:
      if (!open)
        send_packet(SERIAL_BYE, 0, NULL, 0);
      else if (number == expected && held == 0) {
        held = length - SERIAL_HEADER;
        memcpy(held_bytes, packet + SERIAL_HEADER, held);
      } else if (number == (uint8_t)(expected - 1)) // the acknowledgement was lost
        send_packet(SERIAL_ACK, number, NULL, 0);
      break;
    default: break;
  }
}

void serial_link_init(void) { serial_init(); }

void serial_link_poll(void) {
  hand_over();
  for (int byte; (byte = serial_read()) >= 0;) {
    size_t length;
    if (cobs_decode(&decoder, (uint8_t)byte, packet, sizeof packet, &length) == COBS_PACKET) {
      receive(length);
      hand_over();
    }
  }
  if (open && clock_ms() - heard_ms > SILENCE_MS) {
    console_print("connection ended: the serial line is silent\n");
    forget();
  }
}
