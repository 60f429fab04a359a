// The seam to the network: one outgoing connection at a time. transports/ has implementations over lwIP's raw
// interface, POSIX sockets and Zephyr's sockets.
//
// No function blocks but `wait`. None is called from two threads at once, nor from an interrupt handler.
#ifndef VERACRUZ_TRANSPORT_H
#define VERACRUZ_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// How the connection stands.
enum vc_link {
  VC_LINK_CLOSED,  ///< there is none; or the peer has ended it, and all that it sent was taken
  VC_LINK_OPENING, ///< it is being made: names are looked up, SYN is under way
  VC_LINK_OPEN,    ///< bytes may go both ways, or some that came before its end are still to be taken
};

/// What may end a wait, as bits of `vc_wait.events`.
enum vc_event {
  VC_EVENT_READABLE = 1,  ///< bytes have come, or the connection has ended
  VC_EVENT_WRITABLE = 2,  ///< the connection is open and takes bytes, or has ended
  VC_EVENT_NETWORK = 4,   ///< the network has an address
  VC_EVENT_SIGNATURE = 8, ///< the key's owner has answered (veracruz/sign.h)
};

struct vc_transport {
  /// Begins to connect; an older connection is ended first.
  /// @param host a name or an address, as the configuration has it: what the transport can look up
  /// @return false: such an address cannot be connected to, ever
  bool (*connect)(void *context, const char *host, uint16_t port);

  enum vc_link (*state)(void *context);

  /// Takes as many of `length` bytes as can be sent now, and answers how many; it keeps a copy of what it has taken.
  size_t (*send)(void *context, const uint8_t *bytes, size_t length);

  /// Stores what has come, `capacity` bytes at most, and answers how much that is.
  size_t (*receive)(void *context, uint8_t *out, size_t capacity);

  /// Ends the connection, whatever its state.
  void (*close)(void *context);

  /// Whether the network has an address. NULL: always.
  bool (*ready)(void *context);

  /// Lets a network stack work that has no thread of its own; answers within how many milliseconds it wants that
  /// again. NULL: it has one.
  uint32_t (*poll)(void *context);

  /// Waits until one of `events` (VC_EVENT_... bits) may have come, or for `milliseconds`; may come back sooner. The
  /// blocking calls wait here. NULL: they poll.
  void (*wait)(void *context, uint32_t events, uint32_t milliseconds);

  void *context; ///< handed to each function
};

#endif
