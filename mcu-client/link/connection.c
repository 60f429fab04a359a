#include "connection.h"

#include <string.h>

#include "../arch/console.h"
#include "../common/labels.h"
#include "../common/sha256.h"
#include "../hal/board.h"

enum { HEADER = 4, PROOF_BYTES = SHA256_BYTES, PROOF_MS = 5000 };

static bool demands;
static uint8_t control_key[PROOF_BYTES];
// Of the connection that is open: its peer has proven the key; it was sent a challenge; when it was opened.
static bool proven, asked;
static uint8_t challenge[PROOF_BYTES];
static uint32_t opened_ms;

static const struct link *active;
static uint32_t number, numbers;
// Messages with their headers, back to back; the last one may not be whole.
static uint8_t waiting[CONNECTION_BYTES];
static size_t used;
// What is left of a large message, and where it goes.
static void (*large_take)(const uint8_t *bytes, size_t length);
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

// Messages hold secrets only inside TLS; received bytes are wiped nevertheless.
static void wipe_received(void) {
  memset(waiting, 0, sizeof waiting);
  used = 0;
  large_take = NULL;
  large_left = 0;
}

bool connection_open(const struct link *link) {
  if (active) return false;
  active = link;
  if (++numbers == 0) numbers = 1;
  number = numbers;
  proven = !demands;
  asked = false;
  opened_ms = clock_ms();
  wipe_received();
  return true;
}

void connection_closed(void) {
  active = NULL;
  number = 0;
  wipe_received();
}

static void refuse(const char *why) {
  console_print("connection ended: %s\n", why);
  active->close();
  connection_closed();
}

void connection_demand(const uint8_t key[PROOF_BYTES]) {
  memcpy(control_key, key, PROOF_BYTES);
  demands = true;
}

void connection_serve(void) {
  if (!active || proven) return;
  if (asked) {
    if (clock_ms() - opened_ms > PROOF_MS) refuse("the peer does not prove the control key");
    return;
  }
  asked = true;
  if (!entropy_read(challenge, PROOF_BYTES))
    refuse("no entropy for a challenge");
  else if (active->send(challenge, PROOF_BYTES) && active)
    active->flush();
}

static bool is_proof(const uint8_t *bytes) {
  enum { LABEL = sizeof CONTROL_LABEL - 1 };
  uint8_t input[LABEL + PROOF_BYTES], right[PROOF_BYTES], difference = 0;
  memcpy(input, CONTROL_LABEL, LABEL);
  memcpy(input + LABEL, challenge, PROOF_BYTES);
  hmac_sha256(control_key, input, sizeof input, right);
  for (int i = 0; i < PROOF_BYTES; i++) difference |= bytes[i] ^ right[i];
  wipe(right, sizeof right);
  return difference == 0;
}

// Takes bytes of the peer's proof: how many were its.
static size_t receive_proof(const uint8_t *bytes, size_t length) {
  size_t missing = PROOF_BYTES - used, taken = length < missing ? length : missing;
  memcpy(waiting + used, bytes, taken);
  used += taken;
  if (used < PROOF_BYTES) return taken;
  proven = is_proof(waiting);
  wipe_received();
  if (!proven) refuse("the peer does not have the control key");
  return taken;
}

// Takes bytes of a large message: how many were its.
static size_t receive_large(const uint8_t *bytes, size_t length) {
  size_t taken = length < large_left ? length : large_left;
  if (large_take && taken > 0) large_take(bytes, taken);
  large_left -= taken;
  if (large_left == 0) large_take = NULL;
  return taken;
}

size_t connection_receive(const uint8_t *bytes, size_t length) {
  if (!active) return length;
  if (!proven) return asked ? receive_proof(bytes, length) : 0;
  size_t large = receive_large(bytes, length);
  bytes += large;
  size_t room = sizeof waiting - used;
  size_t taken = length - large < room ? length - large : room;
  memcpy(waiting + used, bytes, taken);
  used += taken;
  // The header of each message is checked as soon as it is complete.
  for (size_t at = 0; used - at >= HEADER;) {
    uint32_t announced = message_length(at);
    if (announced == 0 || announced > CONNECTION_LARGE_MAX) {
      refuse("a message is empty or too long");
      return length;
    }
    if (!whole(at)) break;
    at += HEADER + announced;
  }
  return large + taken;
}

bool connection_large(const uint8_t **start, size_t *length) {
  if (!active || !proven || used < HEADER + 8 || message_length(0) <= CONNECTION_MESSAGE_MAX) return false;
  *start = waiting + HEADER;
  *length = message_length(0);
  return true;
}

void connection_large_into(uint32_t from, void (*take)(const uint8_t *bytes, size_t length),
                           size_t length) {
  if (from != number || used < HEADER || message_length(0) != length) return;
  large_take = take;
  large_left = length;
  size_t taken = receive_large(waiting + HEADER, used - HEADER);
  used -= HEADER + taken;
  memmove(waiting, waiting + HEADER + taken, used);
}

bool connection_large_done(void) { return large_left == 0; }

uint32_t connection_number(void) { return number; }
uint32_t connection_peer(void) { return proven ? number : 0; }

const uint8_t *connection_message(size_t *length) {
  if (!active || !proven || !whole(0)) return NULL;
  *length = message_length(0);
  return waiting + HEADER;
}

void connection_drop(uint32_t from) {
  if (active && from == number && whole(0)) forget(0);
}

void connection_offer(bool (*urgent)(const uint8_t *message, size_t length)) {
  uint32_t offered = number;
  for (size_t at = 0; active && proven && whole(at);) {
    size_t length = message_length(at);
    bool taken = urgent(waiting + at + HEADER, length);
    // To answer means to poll: the peer may have gone, and another one's messages may lie here.
    if (number != offered) return;
    if (taken)
      forget(at);
    else
      at += HEADER + length;
  }
}

bool connection_send_begin(uint32_t to, size_t length) {
  uint32_t header = __builtin_bswap32((uint32_t)length);
  return connection_send_part(to, (const uint8_t *)&header, HEADER);
}

bool connection_send_part(uint32_t to, const uint8_t *bytes, size_t length) {
  return active && to == number && active->send(bytes, length) && to == number;
}

void connection_send_end(uint32_t to) {
  if (active && to == number) active->flush();
}

void connection_send(uint32_t to, const uint8_t *message, size_t length) {
  if (connection_send_begin(to, length) && connection_send_part(to, message, length))
    connection_send_end(to);
}

void connection_end(uint32_t to) {
  if (!active || to != number) return;
  active->close();
  connection_closed();
}
