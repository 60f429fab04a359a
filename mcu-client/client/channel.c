// The transport of a client in the secure world: two buffers, which the other world empties and fills through the seam. What
// it says of the connection is believed as a network is: it can withhold and change bytes, as any network can.
#include <string.h>

#include <veracruz/transport.h>

#include "board-transport.h"
#include "inside.h"

enum { BUFFER_BYTES = 1536 };

struct buffer {
  uint32_t start, end; // start <= end <= BUFFER_BYTES
  uint8_t bytes[BUFFER_BYTES];
};

static struct {
  uint32_t number, port;
  bool wanted, has_network;
  enum vc_link link;
  char host[DEVICE_HOST_BYTES];
  struct buffer outgoing, incoming;
} channel;

static uint32_t held(const struct buffer *buffer) { return buffer->end - buffer->start; }

static void clear(struct buffer *buffer) { buffer->start = buffer->end = 0; }

// As many of the bytes as there is room for.
static uint32_t put(struct buffer *buffer, const void *bytes, size_t length) {
  if (buffer->start > 0) {
    memmove(buffer->bytes, buffer->bytes + buffer->start, held(buffer));
    buffer->end -= buffer->start;
    buffer->start = 0;
  }
  uint32_t room = BUFFER_BYTES - buffer->end;
  uint32_t part = length < room ? (uint32_t)length : room;
  memcpy(buffer->bytes + buffer->end, bytes, part);
  buffer->end += part;
  return part;
}

static uint32_t get(struct buffer *buffer, void *out, size_t capacity) {
  uint32_t part = capacity < held(buffer) ? (uint32_t)capacity : held(buffer);
  memcpy(out, buffer->bytes + buffer->start, part);
  buffer->start += part;
  return part;
}

// ---- the library's end

static bool channel_connect(void *context, const char *host, uint16_t port) {
  (void)context;
  size_t length = strlen(host);
  if (length >= sizeof channel.host) return false;
  memset(channel.host, 0, sizeof channel.host);
  memcpy(channel.host, host, length);
  channel.port = port;
  channel.number++;
  channel.wanted = true;
  channel.link = VC_LINK_OPENING;
  clear(&channel.outgoing);
  clear(&channel.incoming);
  return true;
}

static enum vc_link channel_state(void *context) {
  (void)context;
  return channel.link == VC_LINK_CLOSED && held(&channel.incoming) > 0 ? VC_LINK_OPEN : channel.link;
}

static size_t channel_send(void *context, const uint8_t *bytes, size_t length) {
  (void)context;
  if (channel.link == VC_LINK_OPEN) return put(&channel.outgoing, bytes, length);
  clear(&channel.incoming); // the peer has gone: what it said before cannot answer this
  return 0;
}

static size_t channel_receive(void *context, uint8_t *out, size_t capacity) {
  (void)context;
  return get(&channel.incoming, out, capacity);
}

// What was to be sent is still sent, before the connection ends.
static void channel_close(void *context) {
  (void)context;
  channel.wanted = false;
  channel.link = VC_LINK_CLOSED;
  clear(&channel.incoming);
}

static bool channel_ready(void *context) {
  (void)context;
  return channel.has_network;
}

const struct vc_transport board_transport = {
    .connect = channel_connect,
    .state = channel_state,
    .send = channel_send,
    .receive = channel_receive,
    .close = channel_close,
    .ready = channel_ready,
};

bool board_transport_start(void) { return true; }

// ---- the other world's end

void channel_describe(struct device_wish *out) {
  *out = (struct device_wish){channel.number, channel.wanted, channel.port, held(&channel.outgoing), {0}};
  memcpy(out->host, channel.host, sizeof out->host);
}

void channel_link(uint32_t number, uint32_t link, bool has_network) {
  channel.has_network = has_network;
  if (number != channel.number || channel.link == VC_LINK_CLOSED) return;
  if (link == DEVICE_LINK_OPEN)
    channel.link = VC_LINK_OPEN;
  else if (link != DEVICE_LINK_OPENING || channel.link == VC_LINK_OPEN)
    channel.link = VC_LINK_CLOSED;
}

uint32_t channel_take(uint32_t number, void *out, uint32_t capacity) {
  return number == channel.number ? get(&channel.outgoing, out, capacity) : 0;
}

uint32_t channel_give(uint32_t number, const void *bytes, uint32_t length) {
  return number == channel.number && channel.link == VC_LINK_OPEN ? put(&channel.incoming, bytes, length) : 0;
}
