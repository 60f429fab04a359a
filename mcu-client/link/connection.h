// The one connection between the Veracruz server and the isolate, over whichever link it comes: a
// stream of messages, each with its length before it as a big-endian u32 (the transport protocol's
// frames).
//
// A link (TCP, serial) opens the connection when a peer comes, feeds it with what it receives, and
// closes it. The firmware takes whole messages out and sends answers. Messages that arrive meanwhile wait
// here; when there is no room the link is held back.
#ifndef LINK_CONNECTION_H
#define LINK_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Largest message that waits here while the firmware is busy, in bytes. A larger one, of up to
/// CONNECTION_LARGE_MAX bytes, goes straight to where the firmware has room for it.
#define CONNECTION_MESSAGE_MAX (CONNECTION_BYTES - 4)
#ifndef CONNECTION_LARGE_MAX
#define CONNECTION_LARGE_MAX CONNECTION_MESSAGE_MAX
#endif

struct link {
  const char *name;
  /// Sends bytes of the stream; waits until the link has taken them. False: the peer is gone.
  bool (*send)(const uint8_t *bytes, size_t length);
  /// Lets the peer have what was sent, now.
  void (*flush)(void);
  /// Ends the connection from this side.
  void (*close)(void);
};

// ---- for links

/// A peer has come. False when there is a connection already: refuse it.
bool connection_open(const struct link *link);

/// Takes received bytes: how many there was room for. After a message that is too long or empty the
/// connection is closed.
size_t connection_receive(const uint8_t *bytes, size_t length);

/// The peer is gone.
void connection_closed(void);

// ---- for the firmware

/// What every peer must prove from now on that it has before its messages are taken: it answers a challenge of 32
/// random bytes, the first of the stream, with HMAC-SHA-256 under the key over CONTROL_LABEL and the challenge.
/// Without this call any peer's messages are taken.
void connection_demand(const uint8_t key[32]);

/// To be called often, by no handler: asks a new peer for its proof, and ends one that does not give it in time.
void connection_serve(void);

/// Number of the connection that is open, never 0; 0 when none is. An answer is sent only to the
/// connection that its request came from.
uint32_t connection_number(void);

/// The same; 0 also while its peer has not proven what is demanded of it.
uint32_t connection_peer(void);

/// The oldest whole message that waits: its bytes, good until `connection_drop` or until links are polled; NULL
/// when there is none.
const uint8_t *connection_message(size_t *length);

/// Forgets that message of the connection `number`; nothing when it is another one by now.
void connection_drop(uint32_t number);

/// Whether the oldest message is a large one. `start` is where its first bytes are, 8 at least, until links are polled.
bool connection_large(const uint8_t **start, size_t *length);

/// Takes the large message of the connection `number`: `take` gets its `length` bytes part by part, or nobody does
/// when it is NULL, while the links are polled. `connection_large_done` tells when all have arrived. Nothing when
/// the connection is another one by now.
void connection_large_into(uint32_t number, void (*take)(const uint8_t *bytes, size_t length),
                           size_t length);
bool connection_large_done(void);

/// Offers each whole message that waits to `urgent` and drops those that it takes (returns true for):
/// health is asked and answered while a program runs.
void connection_offer(bool (*urgent)(const uint8_t *message, size_t length));

/// Sends one message. Nothing happens when the connection `number` is gone.
void connection_send(uint32_t number, const uint8_t *message, size_t length);

/// The same in parts: its length, then its bytes, then the end. False: the connection is gone.
bool connection_send_begin(uint32_t number, size_t length);
bool connection_send_part(uint32_t number, const uint8_t *bytes, size_t length);
void connection_send_end(uint32_t number);

/// Ends the connection `number` from this side, after what was sent. Nothing when it is another one by now.
void connection_end(uint32_t number);

#endif
