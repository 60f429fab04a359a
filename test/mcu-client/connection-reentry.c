// Holds mcu-client/link/connection.c against links that lose their peer, and get another one, in the middle of a call.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../mcu-client/common/labels.h"
#include "../../mcu-client/common/sha256.h"
#include "../../mcu-client/hal/board.h"
#include "connection.h"

static uint32_t now;
uint32_t clock_ms(void) { return now; }
static uint8_t drawn;
bool entropy_read(void *out, size_t length) {
  memset(out, ++drawn, length);
  return true;
}
void console_print(const char *format, ...) { (void)format; }

static const struct link link;
static const uint8_t first[] = {0, 0, 0, 3, 1, 1, 1};
static const uint8_t second[] = {0, 0, 0, 2, 2, 2};
static bool lose, open_again;

static void expect(bool holds, const char *what) {
  if (holds) return;
  fprintf(stderr, "not so: %s\n", what);
  exit(1);
}

static void begin(void) {
  connection_closed();
  expect(connection_open(&link), "a connection opens");
}

// To send means to poll: the peer may go meanwhile, and another one come with a message.
static uint8_t sent[32];
static bool send_bytes(const uint8_t *bytes, size_t length) {
  memcpy(sent, bytes, length < sizeof sent ? length : sizeof sent);
  if (lose) {
    lose = false;
    connection_closed();
    if (open_again) {
      connection_open(&link);
      connection_receive(second, sizeof second);
    }
    return false;
  }
  return true;
}
static void nothing(void) {}
static int closed;
static void close_link(void) { closed++; }
static const struct link link = {"test", send_bytes, nothing, close_link};

static uint8_t *place;
static void take(const uint8_t *bytes, size_t length) { memcpy(place, bytes, length); }

static bool answers(const uint8_t *message, size_t length) {
  connection_send(connection_number(), message, length);
  return true;
}

static void expect_second(const char *what) {
  size_t length = 0;
  const uint8_t *message = connection_message(&length);
  expect(message && length == 2 && message[0] == 2, what);
}

// What the peer answers to the challenge that it was sent.
static void prove(const uint8_t key[32], uint8_t proof[32]) {
  uint8_t input[sizeof CONTROL_LABEL - 1 + sizeof sent];
  memcpy(input, CONTROL_LABEL, sizeof CONTROL_LABEL - 1);
  memcpy(input + sizeof CONTROL_LABEL - 1, sent, sizeof sent);
  hmac_sha256(key, input, sizeof input, proof);
}

int main(void) {
  for (int again = 0; again < 2; again++) {
    open_again = again;
    begin();
    connection_receive(first, sizeof first);
    lose = true;
    connection_offer(answers);
    if (again) expect_second("an offer leaves the next peer's message alone");
  }

  begin();
  connection_receive(first, sizeof first);
  uint32_t from = connection_number();
  begin();
  connection_receive(second, sizeof second);
  connection_drop(from);
  expect_second("what was dropped is the message of its own connection");

  // A large message, whose peer goes before its place is known, and while it comes.
  uint8_t head[16] = {0, 0, 1, 0, 7};
  for (int when = 0; when < 2; when++) {
    begin();
    connection_receive(head, sizeof head);
    from = connection_number();
    const uint8_t *start;
    size_t length;
    expect(connection_large(&start, &length) && length == 256, "a large message is seen");
    place = malloc(length);
    if (when == 1) connection_large_into(from, take, length);
    begin();
    if (when == 0) connection_large_into(from, take, length);
    free(place);
    connection_receive(second, sizeof second);
    expect_second("the next peer's bytes go nowhere else");
  }
  // A key is demanded: of each peer, over a challenge of its own.
  static const uint8_t key[32] = {1, 2, 3};
  size_t length;
  connection_demand(key);
  begin();
  expect(connection_receive(second, sizeof second) == 0, "nothing is taken before the challenge");
  connection_serve();
  expect(connection_peer() == 0 && connection_number() != 0, "a peer is none before its proof");
  uint8_t proof[32], first_proof[32];
  prove(key, proof);
  memcpy(first_proof, proof, sizeof proof);
  expect(connection_receive(proof, 20) == 20 && connection_receive(proof + 20, 12) == 12, "a proof comes in parts");
  expect(connection_peer() == connection_number(), "it is proven");
  connection_receive(second, sizeof second);
  expect_second("messages are taken after the proof");
  begin();
  expect(connection_message(&length) == NULL && connection_peer() == 0, "the next peer has proven nothing");
  connection_serve();
  connection_receive(first_proof, sizeof first_proof);
  expect(closed == 1 && connection_number() == 0, "another one's proof ends the connection");
  // The peer goes while it is asked, and another one comes.
  begin();
  lose = open_again = true;
  connection_serve();
  expect(connection_peer() == 0 && connection_receive(second, sizeof second) == 0, "the next peer was not asked yet");
  connection_serve();
  prove(key, proof);
  connection_receive(proof, sizeof proof);
  expect(connection_peer() == connection_number(), "it proves its own challenge");
  begin();
  connection_serve();
  now += 6000;
  connection_serve();
  expect(closed == 2 && connection_number() == 0, "who proves nothing for long is ended");
  puts("held");
  return 0;
}
