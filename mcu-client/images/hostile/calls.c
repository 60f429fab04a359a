#include <stddef.h>
#include <string.h>

#include "../../arch/console.h"
#include "../../arch/cortex-m.h"
#include "../../seam/isolate.h"
#include "hostile.h"
#include "platform-interface.h"

enum { CALLS = 1000000 };

// ---- a message in order

// The next message; where the runtime is to start anew, it does.
static uint32_t next(void) {
  uint32_t length = isolate_next();
  if (length != ISOLATE_RESTART) return length;
  isolate_restart();
  return 0;
}

static uint32_t collect(uint8_t *out, uint32_t capacity) {
  uint32_t total = 0;
  for (;;) {
    uint32_t length = next();
    if (length == 0) return total;
    if (length == ISOLATE_NOT_YET) continue;
    if (length > capacity - total) return total;
    if (!isolate_take(out + total, length)) return total;
    total += length;
  }
}

bool calls_in_order(void) {
  static const uint8_t id = 77;
  uint8_t reset[] = {0x92, MESSAGE_RESET, id};
  while (next() != 0) {
  }
  memset(buffer, 0, sizeof buffer);
  if (!isolate_begin(sizeof reset) || !isolate_part(reset, sizeof reset) || !isolate_handle())
    return false;
  uint32_t length = collect(buffer, sizeof buffer);
  for (uint32_t i = 0; i + 2 < length; i++)
    if (buffer[i] == 0x92 && buffer[i + 1] == MESSAGE_DONE && buffer[i + 2] == id) return true;
  return false;
}

// ---- any arguments

void calls_wild(void) {
  uint32_t taken = 0;
  for (uint32_t i = 0; i < CALLS; i++) {
    uint32_t pointer, length;
    wild_range(&pointer, &length);
    switch (next_random() % 10) {
      case 0: taken += isolate_begin(length % 70000); break;
      case 1: taken += isolate_part((const void *)pointer, length); break;
      case 2: taken += isolate_take((void *)pointer, length); break;
      case 3: taken += isolate_random((void *)pointer, length); break;
      case 4:
        if (wild_holds(pointer, sizeof(struct isolate_info)))
          isolate_info((struct isolate_info *)pointer);
        break;
      case 5: taken += isolate_handle(); break;
      case 6: taken += isolate_next() != 0; break;
      case 7: taken += isolate_update(length % 6, length, (const void *)pointer, length) == UPDATE_DONE; break;
      case 8:
        if (wild_holds(pointer, sizeof(struct update_state)))
          isolate_update_state((struct update_state *)pointer);
        break;
      default: taken += isolate_tick(); break;
    }
  }
  console_print("%u calls, %u taken\n", CALLS, taken);
}

// ---- from a handler

static volatile uint32_t handled, let_in;

static void call_all(void) {
  uint8_t bytes[sizeof(struct isolate_info)] = {0};
  let_in += isolate_begin(16);
  let_in += isolate_part(bytes, 1);
  let_in += isolate_handle();
  let_in += isolate_next() != 0;
  let_in += isolate_restart();
  let_in += isolate_take(bytes, 1);
  let_in += isolate_tick();
  let_in += isolate_random(bytes, 16);
  let_in += isolate_update(UPDATE_STATE, 0, bytes, 0) == UPDATE_DONE;
  isolate_info((struct isolate_info *)bytes);
  for (uint32_t i = 0; i < sizeof bytes; i++) let_in += bytes[i] != 0;
  let_in += isolate_is_running();
  handled++;
}

// Both while this world's thread runs, and under calls of it that take long.
void calls_from_handler(void) {
  every(5000, call_all);
  uint32_t wrong = 0;
  for (int i = 0; i < 200; i++) wrong += !calls_in_order();
  while (handled < 100) wait_for_interrupt();
  every(1, NULL);
  console_print("%s handlers, %u let in, %u wrong\n", handled >= 100 ? "enough" : "too few", let_in, wrong);
}

// ---- in each order

void calls_out_of_order(void) {
  static uint8_t message[64];
  uint32_t finished = 0, announced = 0;
  for (int i = 0; i < 20000; i++) {
    for (unsigned j = 0; j < sizeof message; j++) message[j] = (uint8_t)next_random();
    // Now and then something that the runtime takes for a message.
    if (next_random() & 1) {
      message[0] = 0x90 | (next_random() & 7);
      message[1] = next_random() % 64;
    }
    for (int call = 0; call < 6; call++) switch (next_random() % 6) {
        case 0:
          announced = 1 + next_random() % (sizeof message - 1);
          isolate_begin(announced);
          break;
        case 1: // all of it, more often than not
          isolate_part(message, next_random() % 3 ? announced : next_random() % sizeof message);
          break;
        case 2: finished += isolate_handle(); break;
        case 3: next(); break;
        case 4: isolate_take(buffer, next_random() % 256); break;
        default: isolate_tick(); break;
      }
  }
  console_print("%s messages handled\n", finished > 100 ? "enough" : "too few");
}

// ---- messages that change while they are taken

static uint8_t changing[1024];

static void change(void) {
  for (int i = 0; i < 16; i++) changing[next_random() % sizeof changing] = (uint8_t)next_random();
  changing[next_random() & 1] = next_random() & 1 ? 0x92 : MESSAGE_RESET;
}

void calls_changing(void) {
  every(400, change);
  uint32_t handled_messages = 0;
  for (int i = 0; i < 5000; i++) {
    uint32_t length = 2 + next_random() % (sizeof changing - 2);
    if (isolate_begin(length) && isolate_part(changing, length) && isolate_handle()) handled_messages++;
    while (next() != 0) {
    }
  }
  every(1, NULL);
  console_print("%s messages handled\n", handled_messages == 5000 ? "all" : "not all");
}
