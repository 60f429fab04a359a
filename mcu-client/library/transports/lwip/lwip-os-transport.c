// lwip-transport.c under lwIP's lock: its callbacks run in lwIP's thread, which holds it, too.
#include "lwip-os-transport.h"

#include "lwip-transport.h"
#include "lwip/tcpip.h"

enum { LOOK_AGAIN_MS = 10 }; // what has come is seen by looking

bool vc_lwip_os_connect(void *context, const char *host, uint16_t port) {
  LOCK_TCPIP_CORE();
  bool begun = vc_lwip_connect(context, host, port);
  UNLOCK_TCPIP_CORE();
  return begun;
}

enum vc_link vc_lwip_os_state(void *context) {
  LOCK_TCPIP_CORE();
  enum vc_link state = vc_lwip_state(context);
  UNLOCK_TCPIP_CORE();
  return state;
}

size_t vc_lwip_os_send(void *context, const uint8_t *bytes, size_t length) {
  LOCK_TCPIP_CORE();
  size_t sent = vc_lwip_send(context, bytes, length);
  UNLOCK_TCPIP_CORE();
  return sent;
}

size_t vc_lwip_os_receive(void *context, uint8_t *out, size_t capacity) {
  LOCK_TCPIP_CORE();
  size_t received = vc_lwip_receive(context, out, capacity);
  UNLOCK_TCPIP_CORE();
  return received;
}

void vc_lwip_os_close(void *context) {
  LOCK_TCPIP_CORE();
  vc_lwip_close(context);
  UNLOCK_TCPIP_CORE();
}

bool vc_lwip_os_ready(void *context) { return ((const struct vc_lwip_os *)context)->ready(); }

void vc_lwip_os_wait(void *context, uint32_t events, uint32_t milliseconds) {
  (void)events;
  ((const struct vc_lwip_os *)context)->sleep(milliseconds < LOOK_AGAIN_MS ? milliseconds : LOOK_AGAIN_MS);
}
