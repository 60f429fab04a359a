#include "connection.h"

#include <string.h>

#include "../arch/console.h"

enum { HEADER = 4 };

static const struct link *active;
static uint32_t number, numbers;
// Messages with their headers, back to back; the last one may not be whole.
static uint8_t waiting[CONNECTION_BYTES];
static size_t used;
// What is left of a large message, and where it goes.
static uint8_t *large_to;
static size_t large_left;

static uint32_t message_length(size_t at) {
  uint32_t length;
  memcpy(&length, waiting + at, HEADER);
  return __builtin_bswap32(length);
}

// Whether a whole message begins at `at`. A large one never does.
static bool whole(size_t at) {
  return used - at >= HEADER && used - at - HEADER >= message_length(at);
}

static void forget(size_t at) {
  size_t end = at + HEADER + message_length(at);
  memmove(waiting + at, waiting + end, used - end);
  used -= end - at;
}

// Messages hold secrets only inside TLS; what was received is wiped all the same.
static void wipe(void) {
  memset(waiting, 0, sizeof waiting);
  used = 0;
  large_left = 0;
}

bool connection_open(const struct link *link) {
  if (active) return false;
  active = link;
  if (++numbers == 0) numbers = 1;
  number = numbers;
  wipe();
  return true;
}

void connection_closed(void) {
  active = NULL;
  number = 0;
  wipe();
}

static void refuse(void) {
  console_print("connection ended: a message is empty or too long\n");
  active->close();
  connection_closed();
}

// Takes bytes of a large message: how many were its.
static size_t receive_large(const uint8_t *bytes, size_t length) {
  size_t taken = length < large_left ? length : large_left;
  if (large_to) {
    memcpy(large_to, bytes, taken);
    large_to += taken;
  }
  large_left -= taken;
  return taken;
}

size_t connection_receive(const uint8_t *bytes, size_t length) {
  if (!active) return length;
  size_t large = receive_large(bytes, length);
  bytes += large;
  size_t room = sizeof waiting - used;
  size_t taken = length - large < room ? length - large : room;
  memcpy(waiting + used, bytes, taken);
  used += taken;
  // The header of each message is judged as soon as it is there.
  for (size_t at = 0; used - at >= HEADER;) {
    uint32_t announced = message_length(at);
    if (announced == 0 || announced > CONNECTION_LARGE_MAX) {
      refuse();
      return length;
    }
    if (!whole(at)) break;
    at += HEADER + announced;
  }
  return large + taken;
}

bool connection_large(const uint8_t **start, size_t *length) {
  if (!active || used < HEADER + 8 || message_length(0) <= CONNECTION_MESSAGE_MAX) return false;
  *start = waiting + HEADER;
  *length = message_length(0);
  return true;
}

void connection_large_into(uint8_t *to, size_t length) {
  large_to = to;
  large_left = length;
  size_t taken = receive_large(waiting + HEADER, used - HEADER);
  used -= HEADER + taken;
  memmove(waiting, waiting + HEADER + taken, used);
}

bool connection_large_done(void) { return large_left == 0; }

uint32_t connection_number(void) { return number; }

const uint8_t *connection_message(size_t *length) {
  if (!active || !whole(0)) return NULL;
  *length = message_length(0);
  return waiting + HEADER;
}

void connection_drop(void) {
  if (active && whole(0)) forget(0);
}

void connection_offer(bool (*urgent)(const uint8_t *message, size_t length)) {
  for (size_t at = 0; active && whole(at);) {
    size_t length = message_length(at);
    if (urgent(waiting + at + HEADER, length))
      forget(at);
    else
      at += HEADER + length;
  }
}

void connection_send(uint32_t to, const uint8_t *message, size_t length) {
  uint32_t header = __builtin_bswap32((uint32_t)length);
  if (!active || to != number) return;
  const struct link *link = active;
  if (!link->send((const uint8_t *)&header, HEADER)) return;
  if (to == number && link->send(message, length) && to == number) link->flush();
}
