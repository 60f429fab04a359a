// The transport over lwIP's raw interface, for one thread without an operating system (NO_SYS).
#ifndef VERACRUZ_LWIP_TRANSPORT_H
#define VERACRUZ_LWIP_TRANSPORT_H

#include <veracruz/transport.h>

#ifdef __cplusplus
extern "C" {
#endif

/// What the transport needs of the port of lwIP: its context.
struct vc_lwip {
  /// Hands lwIP the frames that have come. lwIP's timers are run by the transport.
  void (*poll)(void);
  /// Whether the interface has an address.
  bool (*ready)(void);
  /// Waits for a frame or for `milliseconds`, or less; NULL: not at all.
  void (*wait)(uint32_t milliseconds);
};

/// For the `transport` of a configuration. The stack has been started.
#define VC_LWIP_TRANSPORT(lwip)                                                              \
  {vc_lwip_connect, vc_lwip_state, vc_lwip_send, vc_lwip_receive, vc_lwip_close, vc_lwip_ready, \
   vc_lwip_poll,    vc_lwip_wait,  (void *)(lwip)}

bool vc_lwip_connect(void *context, const char *host, uint16_t port);
enum vc_link vc_lwip_state(void *context);
size_t vc_lwip_send(void *context, const uint8_t *bytes, size_t length);
size_t vc_lwip_receive(void *context, uint8_t *out, size_t capacity);
void vc_lwip_close(void *context);
bool vc_lwip_ready(void *context);
uint32_t vc_lwip_poll(void *context);
void vc_lwip_wait(void *context, uint32_t events, uint32_t milliseconds);

#ifdef __cplusplus
}
#endif

#endif
