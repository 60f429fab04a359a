#include "lwip-transport.h"

#include "lwip/dns.h"
#include "lwip/ip_addr.h"
#include "lwip/tcp.h"
#include "lwip/timeouts.h"

static struct tcp_pcb *connection;
static enum vc_link state;
static struct pbuf *received; // not taken yet: the window stays closed for these bytes
#if LWIP_DNS
static uintptr_t lookup; // number of the look-up that is wanted: others may still be under way
static uint16_t lookup_port;
#endif

static void forget(void) {
  connection = NULL;
  state = VC_LINK_CLOSED;
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

static void drop_received(void) {
  if (received) pbuf_free(received);
  received = NULL;
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
  if (error == ERR_OK) state = VC_LINK_OPEN;
  return ERR_OK;
}

static void connect_to(const ip_addr_t *peer, uint16_t port) {
  connection = tcp_new_ip_type(IP_GET_TYPE(peer));
  if (!connection) { // none is free: closed, as when nobody answers
    forget();
    return;
  }
  tcp_recv(connection, on_receive);
  tcp_err(connection, on_error);
  tcp_nagle_disable(connection);
  state = VC_LINK_OPENING;
  if (tcp_connect(connection, peer, port, on_connected) != ERR_OK) vc_lwip_close(NULL);
}

#if LWIP_DNS
static void on_found(const char *name, const ip_addr_t *address, void *argument) {
  (void)name;
  if ((uintptr_t)argument != lookup) return;
  if (address) connect_to(address, lookup_port);
  else forget();
}
#endif

bool vc_lwip_connect(void *context, const char *host, uint16_t port) {
  ip_addr_t peer;
  vc_lwip_close(context);
  if (ipaddr_aton(host, &peer)) {
    connect_to(&peer, port);
    return true;
  }
#if LWIP_DNS
  lookup_port = port;
  state = VC_LINK_OPENING;
  err_t found = dns_gethostbyname(host, &peer, on_found, (void *)lookup);
  if (found == ERR_OK) connect_to(&peer, port); // it was looked up before
  else if (found != ERR_INPROGRESS) forget();
  return found == ERR_OK || found == ERR_INPROGRESS;
#else
  return false;
#endif
}

enum vc_link vc_lwip_state(void *context) {
  (void)context;
  return received && state == VC_LINK_CLOSED ? VC_LINK_OPEN : state;
}

size_t vc_lwip_send(void *context, const uint8_t *bytes, size_t length) {
  (void)context;
  if (state != VC_LINK_OPEN) {
    drop_received(); // the peer has gone: what it said before cannot answer this
    return 0;
  }
  size_t part = tcp_sndbuf(connection);
  if (part > length) part = length;
  if (part == 0) return 0;
  if (tcp_write(connection, bytes, (u16_t)part, TCP_WRITE_FLAG_COPY) != ERR_OK) part = 0;
  tcp_output(connection);
  return part;
}

size_t vc_lwip_receive(void *context, uint8_t *out, size_t capacity) {
  (void)context;
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

void vc_lwip_close(void *context) {
  (void)context;
  drop_received();
#if LWIP_DNS
  lookup++;
#endif
  end();
  forget();
}

bool vc_lwip_ready(void *context) { return ((const struct vc_lwip *)context)->ready(); }

uint32_t vc_lwip_poll(void *context) {
  ((const struct vc_lwip *)context)->poll();
  sys_check_timeouts();
  return sys_timeouts_sleeptime();
}

void vc_lwip_wait(void *context, uint32_t events, uint32_t milliseconds) {
  (void)events;
  const struct vc_lwip *lwip = context;
  if (lwip->wait) lwip->wait(milliseconds);
}
