#include "tcp-link.h"

#include "../arch/console.h"
#include "../hal/board.h"
#include "../link/connection.h"
#include "lwip/tcp.h"
#include "network.h"

// A peer that takes nothing for so long is gone.
enum { SEND_TIMEOUT_MS = 30000, KEEPALIVE_MS = 10000 };

static struct tcp_pcb *peer;
static struct pbuf *received; // not yet handed over: the window stays closed for these bytes

static void drop_received(void) {
  if (received) pbuf_free(received);
  received = NULL;
}

// Forgets the peer and, when the connection is this link's, ends it.
static void forget(void) {
  if (!peer) return;
  peer = NULL;
  drop_received();
  connection_closed();
}

static void on_error(void *argument, err_t error) {
  (void)argument;
  (void)error; // lwIP has freed the pcb
  forget();
}

// Ends it from this side. True when the pcb had to be aborted, which lwIP must be told in a callback.
static bool close_or_abort(void) {
  struct tcp_pcb *pcb = peer;
  if (!pcb) return false;
  peer = NULL;
  drop_received();
  tcp_arg(pcb, NULL);
  tcp_recv(pcb, NULL);
  tcp_err(pcb, NULL);
  if (tcp_close(pcb) == ERR_OK) return false;
  tcp_abort(pcb);
  return true;
}

static void close_peer(void) { close_or_abort(); }

static void hand_over(void) {
  while (received && peer) {
    struct pbuf *part = received;
    size_t taken = connection_receive(part->payload, part->len);
    if (!peer) return; // a bad message ended it
    if (taken == 0) return;
    tcp_recved(peer, (u16_t)taken);
    if (taken < part->len) {
      pbuf_remove_header(part, taken);
      return;
    }
    received = part->next;
    if (received) pbuf_ref(received);
    pbuf_free(part);
  }
}

static err_t on_receive(void *argument, struct tcp_pcb *pcb, struct pbuf *bytes, err_t error) {
  (void)argument;
  (void)error;
  if (!bytes) { // the peer has closed
    bool aborted = close_or_abort();
    connection_closed();
    return aborted ? ERR_ABRT : ERR_OK;
  }
  if (received)
    pbuf_cat(received, bytes);
  else
    received = bytes;
  (void)pcb;
  return ERR_OK;
}

static bool send(const uint8_t *bytes, size_t length) {
  uint32_t start = clock_ms();
  // Polling may end this connection and open the next: the remaining bytes must not reach that one.
  uint32_t number = connection_number();
  while (length > 0 && peer && connection_number() == number) {
    size_t part = tcp_sndbuf(peer);
    if (part > length) part = length;
    if (part > 0 && tcp_write(peer, bytes, (u16_t)part, TCP_WRITE_FLAG_COPY) == ERR_OK) {
      bytes += part;
      length -= part;
      start = clock_ms();
      continue;
    }
    tcp_output(peer);
    network_poll();
    if (peer && connection_number() == number && clock_ms() - start > SEND_TIMEOUT_MS) {
      console_print("connection ended: the peer takes nothing\n");
      struct tcp_pcb *pcb = peer;
      tcp_err(pcb, NULL);
      tcp_abort(pcb);
      forget();
    }
  }
  return peer && connection_number() == number;
}

static void flush(void) {
  if (peer) tcp_output(peer);
}

static const struct link tcp_link = {"tcp", send, flush, close_peer};

static err_t on_accept(void *argument, struct tcp_pcb *pcb, err_t error) {
  (void)argument;
  if (error != ERR_OK || !pcb) return ERR_VAL;
  if (peer || !connection_open(&tcp_link)) {
    console_print("second connection refused\n");
    tcp_abort(pcb);
    return ERR_ABRT;
  }
  peer = pcb;
  pcb->so_options |= SOF_KEEPALIVE;
  pcb->keep_idle = KEEPALIVE_MS;
  pcb->keep_intvl = KEEPALIVE_MS;
  tcp_nagle_disable(pcb);
  tcp_recv(pcb, on_receive);
  tcp_err(pcb, on_error);
  return ERR_OK;
}

bool tcp_link_init(uint16_t port) {
  struct tcp_pcb *listener = tcp_new();
  if (!listener || tcp_bind(listener, IP_ANY_TYPE, port) != ERR_OK) return false;
  listener = tcp_listen_with_backlog(listener, 1);
  if (!listener) return false;
  tcp_accept(listener, on_accept);
  return true;
}

void tcp_link_poll(void) {
  network_poll();
  hand_over();
}
