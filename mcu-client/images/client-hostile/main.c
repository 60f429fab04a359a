#include <string.h>

#include "../../arch/console.h"
#include "../../arch/cortex-m.h"
#include "../../hal/board.h"
#include "../../seam/device.h"
#include "../hostile/hostile.h"

// What a test writes into the image: the attack, and an address.
__attribute__((section(".image_header"), used)) static const volatile struct {
  uint32_t attack, address;
} chosen = {0, 0};

enum { CALLS = 1000000, SOUND_MS = 100000, SEAM = 7, FIRST_JUMP = 16 };

static struct device_wish wish;

void keep_awake(void) { device_step(); }

// ---- whether the client is as it was

// Has it work until it wants another connection, which a broken one brings about: whether it does, still to the
// same server, and begins with a request.
static bool is_sound(void) {
  static char host[DEVICE_HOST_BYTES];
  device_wish(&wish);
  uint32_t before = wish.number;
  if (before > 0) device_link(before, DEVICE_LINK_CLOSED, 1);
  clock_start();
  for (uint32_t start = clock_ms(); clock_ms() - start < SOUND_MS;) {
    device_link(before, DEVICE_LINK_CLOSED, 1);
    if (device_step() == DEVICE_REFUSED) return false;
    device_wish(&wish);
    if (wish.number != before && wish.is_open) break;
  }
  if (wish.number == before || wish.port == 0) return false;
  if (host[0] == 0) memcpy(host, wish.host, sizeof host);
  if (host[0] == 0 || memcmp(host, wish.host, sizeof host) != 0) return false;
  device_link(wish.number, DEVICE_LINK_OPEN, 1);
  uint32_t taken = 0;
  for (uint32_t start = clock_ms(); taken == 0 && clock_ms() - start < SOUND_MS;) {
    device_step();
    taken = device_take(wish.number, buffer, BUFFER);
  }
  return taken > 5 && memcmp(buffer, "GET /", 5) == 0;
}

// ---- any arguments

static uint32_t number(void) {
  device_wish(&wish);
  return next_random() & 3 ? wish.number : next_random();
}

static void wild(void) {
  uint32_t taken = 0;
  for (uint32_t i = 0; i < CALLS; i++) {
    uint32_t pointer, length;
    wild_range(&pointer, &length);
    switch (next_random() % SEAM) {
      case 0: taken += device_take(number(), (void *)pointer, length) != 0; break;
      case 1: taken += device_give(number(), (const void *)pointer, length) != 0; break;
      case 2: taken += device_random((void *)pointer, length); break;
      case 3:
        if (wild_holds(pointer, sizeof(struct device_wish))) device_wish((struct device_wish *)pointer);
        break;
      case 4: device_link(number(), next_random() & 1 ? DEVICE_LINK_OPEN : next_random(), next_random() & 7); break;
      default: taken += device_step() != DEVICE_REFUSED; break;
    }
  }
  console_print("%u calls, %u taken\n", CALLS, taken);
}

// Every pointer at which a call may not write or read, each with a few bytes.
static void windows(void) {
  static const uint32_t edges[] = {
      0x00000000, 0x00200000, 0x00400000 - 4, 0x10000000, 0x101F0000, 0x10200000, 0x28200000 - 4, 0x28400000 - 4,
      0x28400000, 0x30000000, 0x38000000, 0x38001000, 0x38200000, 0x40200000, 0x50080000, 0x80000000,
      0xE000ED00, 0xE000EDD0, 0xFFFFFFFC,
  };
  uint32_t let_in = 0;
  device_wish(&wish);
  for (uint32_t i = 0; i < sizeof edges / sizeof edges[0]; i++) {
    void *at = (void *)edges[i];
    let_in += device_random(at, 8);
    let_in += device_take(wish.number, at, 8) != 0;
    let_in += device_give(wish.number, at, 8) != 0;
    memset(&wish.host, 0, 1);
    device_wish((struct device_wish *)at);
  }
  // The whole of memory, from a place that is this world's.
  let_in += device_take(wish.number, buffer, UINT32_MAX) != 0;
  let_in += device_give(wish.number, buffer, UINT32_MAX - (uint32_t)buffer + 1) != 0;
  let_in += device_random(buffer, 33);
  console_print("%u let in\n", let_in);
}

// ---- from a handler, and under a call of the thread

static volatile uint32_t handled, let_in;

static void call_all(void) {
  static struct device_wish seen;
  uint8_t bytes[16] = {0};
  let_in += device_step() != DEVICE_REFUSED;
  let_in += device_take(wish.number, bytes, sizeof bytes) != 0;
  let_in += device_give(wish.number, bytes, sizeof bytes) != 0;
  let_in += device_random(bytes, sizeof bytes);
  device_wish(&seen);
  let_in += seen.number != 0 || seen.host[0] != 0;
  handled++;
}

static void from_handler(void) {
  every(5000, call_all);
  for (uint32_t step = 0; handled < 1000 || step < 2000; step++) device_step();
  every(1, NULL);
  console_print("%s handlers, %u let in\n", handled >= 1000 ? "enough" : "too few", let_in);
}

// ---- bytes that change while they are taken

static void change(void) {
  for (int i = 0; i < 16; i++) buffer[next_random() % BUFFER] = (uint8_t)next_random();
}

static void changing(void) {
  every(400, change);
  uint32_t given = 0;
  for (uint32_t i = 0; i < 100000; i++) {
    device_wish(&wish);
    device_link(wish.number, DEVICE_LINK_OPEN, 1);
    given += device_give(wish.number, buffer, 1 + next_random() % BUFFER);
    device_step();
    uint8_t taken[64];
    device_take(wish.number, taken, sizeof taken);
  }
  every(1, NULL);
  console_print("%s bytes given\n", given > 1000 ? "enough" : "too few");
}

static void read_one(void) {
  console_print("read %x\n", *(const volatile uint32_t *)chosen.address);
}

int main(void) {
  static void (*const attacks[])(void) = {
      sweep_read, sweep_write, sweep_unlocked, wild, windows, from_handler, changing, read_one,
  };
  console_print("hostile image, attack %u\n", chosen.attack);
  console_print("before: %s\n", is_sound() ? "right" : "WRONG");
  if (chosen.attack < FIRST_JUMP)
    attacks[chosen.attack]();
  else
    jump(chosen.attack - FIRST_JUMP);
  every(1, NULL);
  console_print("after: %s\n", is_sound() ? "right" : "WRONG");
  console_print("survived\n");
  for (;;) device_step();
}
