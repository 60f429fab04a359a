// The transport over lwIP's raw interface where lwIP has a thread of its own (NO_SYS 0, LWIP_TCPIP_CORE_LOCKING 1), as
// beside FreeRTOS. Tests compile this; nobody has run it.
#ifndef VERACRUZ_LWIP_OS_TRANSPORT_H
#define VERACRUZ_LWIP_OS_TRANSPORT_H

#include <veracruz/transport.h>

#ifdef __cplusplus
extern "C" {
#endif

/// What the transport needs of the application: its context. Called from the client's thread.
struct vc_lwip_os {
  /// Whether the interface has an address.
  bool (*ready)(void);
  /// Sleeps for `milliseconds`, or less.
  void (*sleep)(uint32_t milliseconds);
};

/// For the `transport` of a configuration.
#define VC_LWIP_OS_TRANSPORT(lwip)                                                                 \
  {vc_lwip_os_connect, vc_lwip_os_state, vc_lwip_os_send, vc_lwip_os_receive, vc_lwip_os_close,    \
   vc_lwip_os_ready,   NULL,             vc_lwip_os_wait, (void *)(lwip)}

bool vc_lwip_os_connect(void *context, const char *host, uint16_t port);
enum vc_link vc_lwip_os_state(void *context);
size_t vc_lwip_os_send(void *context, const uint8_t *bytes, size_t length);
size_t vc_lwip_os_receive(void *context, uint8_t *out, size_t capacity);
void vc_lwip_os_close(void *context);
bool vc_lwip_os_ready(void *context);
void vc_lwip_os_wait(void *context, uint32_t events, uint32_t milliseconds);

#ifdef __cplusplus
}
#endif

#endif
