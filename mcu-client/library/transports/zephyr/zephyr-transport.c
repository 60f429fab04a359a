#include "zephyr-transport.h"

#include <errno.h>
#include <string.h>
#include <zephyr/kernel.h>
#include <zephyr/net/dns_resolve.h>
#include <zephyr/net/socket.h>

enum { LOOK_AGAIN_MS = 10, LOOKUP_MS = 10000, WAIT_MOST_MS = 60000 };

static int socket_fd = -1;
static enum vc_link state;

static void close_all(void *context);

static void end_socket(void) {
  if (socket_fd >= 0) zsock_close(socket_fd);
  socket_fd = -1;
}

static void connect_to(const struct sockaddr *peer, socklen_t length) {
  int flags;
  state = VC_LINK_CLOSED; // as when nobody answers
  socket_fd = zsock_socket(peer->sa_family, SOCK_STREAM, IPPROTO_TCP);
  if (socket_fd < 0) return;
  flags = zsock_fcntl(socket_fd, ZVFS_F_GETFL, 0);
  if (flags < 0 || zsock_fcntl(socket_fd, ZVFS_F_SETFL, flags | ZVFS_O_NONBLOCK) != 0) return end_socket();
  if (zsock_connect(socket_fd, peer, length) != 0 && errno != EINPROGRESS) return end_socket();
  state = VC_LINK_OPENING;
}

// Reads an IPv4 or IPv6 address; false: it is a name.
static bool connect_to_address(const char *host, uint16_t port) {
  struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
  if (zsock_inet_pton(AF_INET, host, &v4.sin_addr) == 1)
    connect_to((const struct sockaddr *)&v4, sizeof v4);
  else if (zsock_inet_pton(AF_INET6, host, &v6.sin6_addr) == 1)
    connect_to((const struct sockaddr *)&v6, sizeof v6);
  else
    return false;
  return true;
}

#ifdef CONFIG_DNS_RESOLVER
// The resolver answers in a thread of its own. What it says of an older lookup than the current one is not heard.
K_MUTEX_DEFINE(lookup_lock);
static struct {
  uintptr_t number; // of the current lookup
  bool pending, ended;
  struct sockaddr_storage found; // family 0: none yet
  uint16_t port, query;
  enum dns_query_type type;
  const char *host;
} lookup;

static void on_answer(enum dns_resolve_status status, struct dns_addrinfo *info, void *number) {
  k_mutex_lock(&lookup_lock, K_FOREVER);
  if ((uintptr_t)number == lookup.number && lookup.pending) {
    bool is_first = status == DNS_EAI_INPROGRESS && info && lookup.found.ss_family == 0;
    if (is_first && info->ai_addrlen <= sizeof lookup.found)
      memcpy(&lookup.found, &info->ai_addr, info->ai_addrlen);
    if (status != DNS_EAI_INPROGRESS) lookup.ended = true;
  }
  k_mutex_unlock(&lookup_lock);
}

static void look_up(enum dns_query_type type) {
  k_mutex_lock(&lookup_lock, K_FOREVER);
  lookup.number++;
  lookup.pending = true;
  lookup.ended = false;
  lookup.type = type;
  lookup.found.ss_family = 0;
  k_mutex_unlock(&lookup_lock);
  if (dns_get_addr_info(lookup.host, type, &lookup.query, on_answer, (void *)lookup.number, LOOKUP_MS) != 0)
    lookup.ended = true;
}

// Where the answer is there: connects, asks for the other family, or gives up.
static void go_on_looking_up(void) {
  struct sockaddr_storage found;
  k_mutex_lock(&lookup_lock, K_FOREVER);
  bool ended = lookup.ended;
  found = lookup.found;
  if (ended) lookup.pending = false;
  k_mutex_unlock(&lookup_lock);
  if (!ended) return;
  if (found.ss_family == AF_INET) {
    ((struct sockaddr_in *)&found)->sin_port = htons(lookup.port);
    connect_to((struct sockaddr *)&found, sizeof(struct sockaddr_in));
  } else if (found.ss_family == AF_INET6) {
    ((struct sockaddr_in6 *)&found)->sin6_port = htons(lookup.port);
    connect_to((struct sockaddr *)&found, sizeof(struct sockaddr_in6));
  } else if (lookup.type == DNS_QUERY_TYPE_A) {
    look_up(DNS_QUERY_TYPE_AAAA);
  } else {
    state = VC_LINK_CLOSED;
  }
}

static bool is_looking_up(void) { return lookup.pending; }

static void stop_looking_up(void) {
  k_mutex_lock(&lookup_lock, K_FOREVER);
  bool pending = lookup.pending && !lookup.ended;
  lookup.pending = false;
  lookup.number++;
  k_mutex_unlock(&lookup_lock);
  if (pending) dns_cancel_addr_info(lookup.query);
}

static bool connect_to_name(const char *host, uint16_t port) {
  lookup.host = host; // the configuration's, which stays
  lookup.port = port;
  state = VC_LINK_OPENING;
  look_up(DNS_QUERY_TYPE_A);
  return true;
}
#else
static void go_on_looking_up(void) {}
static bool is_looking_up(void) { return false; }
static void stop_looking_up(void) {}
static bool connect_to_name(const char *host, uint16_t port) { return false; }
#endif

static bool begin(void *context, const char *host, uint16_t port) {
  close_all(context);
  return connect_to_address(host, port) || connect_to_name(host, port);
}

static void close_all(void *context) {
  (void)context;
  stop_looking_up();
  end_socket();
  state = VC_LINK_CLOSED;
}

static void go_on_connecting(void) {
  struct zsock_pollfd each = {.fd = socket_fd, .events = ZSOCK_POLLOUT};
  int error = 0;
  socklen_t length = sizeof error;
  if (zsock_poll(&each, 1, 0) == 0) return;
  if (zsock_getsockopt(socket_fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0 || error) close_all(NULL);
  else state = VC_LINK_OPEN;
}

static enum vc_link link_state(void *context) {
  uint8_t byte;
  if (state == VC_LINK_OPENING) {
    if (is_looking_up()) go_on_looking_up();
    else go_on_connecting();
  } else if (state == VC_LINK_OPEN) {
    ssize_t length = zsock_recv(socket_fd, &byte, 1, ZSOCK_MSG_PEEK | ZSOCK_MSG_DONTWAIT);
    if (length == 0 || (length < 0 && errno != EAGAIN)) close_all(context);
  }
  return state;
}

static size_t send_bytes(void *context, const uint8_t *bytes, size_t length) {
  if (state != VC_LINK_OPEN) return 0;
  ssize_t sent = zsock_send(socket_fd, bytes, length, ZSOCK_MSG_DONTWAIT);
  if (sent >= 0) return (size_t)sent;
  if (errno != EAGAIN) close_all(context);
  return 0;
}

static size_t receive_bytes(void *context, uint8_t *out, size_t capacity) {
  (void)context;
  if (state != VC_LINK_OPEN) return 0;
  ssize_t length = zsock_recv(socket_fd, out, capacity, ZSOCK_MSG_DONTWAIT);
  return length > 0 ? (size_t)length : 0;
}

int vc_zephyr_descriptor(void) { return socket_fd; }

static void wait_for(void *context, uint32_t events, uint32_t milliseconds) {
  (void)context;
  struct zsock_pollfd each = {.fd = socket_fd};
  if (events & VC_EVENT_READABLE) each.events |= ZSOCK_POLLIN;
  if (events & VC_EVENT_WRITABLE) each.events |= ZSOCK_POLLOUT;
  if (is_looking_up() && milliseconds > LOOK_AGAIN_MS) milliseconds = LOOK_AGAIN_MS;
  if (milliseconds > WAIT_MOST_MS) milliseconds = WAIT_MOST_MS;
  if (each.events && socket_fd >= 0) zsock_poll(&each, 1, (int)milliseconds);
  else k_msleep((int32_t)milliseconds);
}

const struct vc_transport vc_zephyr_transport = {
    begin, link_state, send_bytes, receive_bytes, close_all, NULL, NULL, wait_for, NULL,
};
