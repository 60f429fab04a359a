#include "health.h"

#include <string.h>

#include "../../link/connection.h"
#include "platform-interface.h"
#include "messagepack.h"
#include "../../seam/isolate.h"

static struct isolate_info info;

void health_start(void) { isolate_info(&info); }

bool health_answer(const uint8_t *message, size_t length, bool running) {
  // An array of two: the type and the id.
  uint32_t id;
  if (length < 3 || message[0] != 0x92 || message[1] != MESSAGE_HEALTH) return false;
  if (read_uint(message + 2, length - 2, &id) != length - 2) return false; // the runtime refuses it
  struct writer answer = {.length = 0};
  put_byte(&answer, 0x98); // an array of eight
  put_uint(&answer, MESSAGE_HEALTH_IS);
  put_uint(&answer, id);
  put_text(&answer, "mcu");
  put_uint(&answer, info.lifecycle);
  put_bytes(&answer, info.boot, sizeof info.boot);
  put_bytes(&answer, info.measurement, sizeof info.measurement);
  put_uint(&answer, running ? 1 : 0);
  put_uint(&answer, CONNECTION_MESSAGE_MAX);
  connection_send(connection_number(), answer.bytes, answer.length);
  return true;
}

void health_refuse(const uint8_t *start, const char *text) {
  // A request is an array whose second element is its id.
  uint32_t id;
  if (read_uint(start + 2, 5, &id) == 0) return;
  struct writer answer = {.length = 0};
  put_byte(&answer, 0x94); // an array of four
  put_uint(&answer, MESSAGE_REFUSED);
  put_uint(&answer, id);
  put_uint(&answer, STATUS_FAILED_GENERIC);
  put_text(&answer, text);
  connection_send(connection_number(), answer.bytes, answer.length);
}
