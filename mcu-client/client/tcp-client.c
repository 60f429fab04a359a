#include "tcp-client.h"

#include "lwip/ip4_addr.h"
#include "lwip/tcp.h"

static struct tcp_pcb *connection;
static enum tcp_client_state state;
static struct pbuf *received; // not taken yet: the window stays closed for these bytes

enum tcp_client_state tcp_client_state(void) { return state; }

static void forget(void) {
  connection = NULL;
  state = TCP_CONNECTION_CLOSED;
}

static void on_error(void *argument, err_t error) {
  (void)argument;
  (void)error; // lwIP has freed the pcb
  forget();
}

static void detach(struct tcp_pcb *pcb) {
  tcp_arg(pcb, NULL);
  tcp_recv(pcb, NULL);
  tcp_err(pcb, NULL);
}

// True when the pcb had to be aborted, which lwIP must be told in a callback.
static bool end(void) {
  struct tcp_pcb *pcb = connection;
  if (!pcb) return false;
  forget();
  detach(pcb);
  if (tcp_close(pcb) == ERR_OK) return false;
  tcp_abort(pcb);
  return true;
}

static err_t on_receive(void *argument, struct tcp_pcb *pcb, struct pbuf *bytes, err_t error) {
  (void)argument;
  (void)pcb;
  (void)error;
  if (!bytes) return end() ? ERR_ABRT : ERR_OK; // the peer has closed
  if (received)
    pbuf_cat(received, bytes);
  else
    received = bytes;
  return ERR_OK;
}

static err_t on_connected(void *argument, struct tcp_pcb *pcb, err_t error) {
  (void)argument;
  (void)pcb;
  if (error == ERR_OK) state = TCP_CONNECTION_OPEN;
  return ERR_OK;
}

bool tcp_client_open(const char *address, uint16_t port) {
  tcp_client_close();
  ip_addr_t peer;
  if (!ip4addr_aton(address, &peer)) return false;
  connection = tcp_new();
  if (!connection) return true; // none is free: closed, as when nobody answers
  tcp_recv(connection, on_receive);
  tcp_err(connection, on_error);
  tcp_nagle_disable(connection);
  state = TCP_CONNECTION_OPENING;
  if (tcp_connect(connection, &peer, port, on_connected) != ERR_OK) tcp_client_close();
  return true;
}

size_t tcp_client_send(const uint8_t *bytes, size_t length) {
  if (state != TCP_CONNECTION_OPEN) return 0;
  size_t part = tcp_sndbuf(connection);
  if (part > length) part = length;
  if (part == 0) return 0;
  if (tcp_write(connection, bytes, (u16_t)part, TCP_WRITE_FLAG_COPY) != ERR_OK) part = 0;
  tcp_output(connection);
  return part;
}

size_t tcp_client_receive(uint8_t *out, size_t capacity) {
  size_t taken = 0;
  while (received && taken < capacity) {
    struct pbuf *part = received;
    size_t length = part->len < capacity - taken ? part->len : capacity - taken;
    pbuf_copy_partial(part, out + taken, (u16_t)length, 0);
    taken += length;
    received = pbuf_free_header(part, (u16_t)length);
  }
  if (taken > 0 && connection) tcp_recved(connection, (u16_t)taken);
  return taken;
}

void tcp_client_close(void) {
  if (received) pbuf_free(received);
  received = NULL;
  end();
  forget();
}
