#define _DEFAULT_SOURCE

#include "posix-transport.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

// A name that is being looked up. Who comes last frees it: the thread, or the transport that wants it no more.
struct lookup {
  pthread_mutex_t lock;
  bool abandoned, done;
  struct addrinfo *found;
  char host[256], port[6];
};

static int socket_fd = -1;
static enum vc_link state;
static struct lookup *lookup;
static struct addrinfo *addresses, *next_address; // those that are not tried yet

static void free_lookup(struct lookup *each) {
  if (each->found) freeaddrinfo(each->found);
  pthread_mutex_destroy(&each->lock);
  free(each);
}

static void *look_up(void *argument) {
  struct lookup *each = argument;
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
  if (getaddrinfo(each->host, each->port, &hints, &found) != 0) found = NULL;
  pthread_mutex_lock(&each->lock);
  each->found = found;
  each->done = true;
  bool abandoned = each->abandoned;
  pthread_mutex_unlock(&each->lock);
  if (abandoned) free_lookup(each);
  return NULL;
}

static void end_socket(void) {
  if (socket_fd >= 0) close(socket_fd);
  socket_fd = -1;
}

static void close_all(void *context) {
  (void)context;
  end_socket();
  if (addresses) freeaddrinfo(addresses);
  addresses = next_address = NULL;
  state = VC_LINK_CLOSED;
  if (!lookup) return;
  pthread_mutex_lock(&lookup->lock);
  bool done = lookup->done;
  lookup->abandoned = true;
  pthread_mutex_unlock(&lookup->lock);
  if (done) free_lookup(lookup);
  lookup = NULL;
}

// Begins with the next address, until one can be begun with.
static void try_next(void) {
  end_socket();
  for (; next_address; end_socket()) {
    const struct addrinfo *to = next_address;
    next_address = to->ai_next;
    socket_fd = socket(to->ai_family, SOCK_STREAM, 0);
    if (socket_fd < 0 || fcntl(socket_fd, F_SETFL, O_NONBLOCK) != 0) continue;
    setsockopt(socket_fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    if (connect(socket_fd, to->ai_addr, to->ai_addrlen) == 0 || errno == EINPROGRESS) return;
  }
  state = VC_LINK_CLOSED;
}

static bool begin(void *context, const char *host, uint16_t port) {
  pthread_t thread;
  close_all(context);
  struct lookup *each = calloc(1, sizeof *each);
  if (!each) return true; // closed, as when nobody answers
  pthread_mutex_init(&each->lock, NULL);
  snprintf(each->port, sizeof each->port, "%u", port);
  bool fits = (size_t)snprintf(each->host, sizeof each->host, "%s", host) < sizeof each->host;
  if (!fits || pthread_create(&thread, NULL, look_up, each) != 0) {
    free_lookup(each);
    return fits;
  }
  pthread_detach(thread);
  lookup = each;
  state = VC_LINK_OPENING;
  return true;
}

static void go_on_connecting(void) {
  if (lookup) {
    pthread_mutex_lock(&lookup->lock);
    bool done = lookup->done;
    pthread_mutex_unlock(&lookup->lock);
    if (!done) return;
    addresses = next_address = lookup->found;
    lookup->found = NULL;
    free_lookup(lookup);
    lookup = NULL;
    try_next();
  }
  struct pollfd each = {.fd = socket_fd, .events = POLLOUT};
  int error = 0;
  if (socket_fd < 0 || poll(&each, 1, 0) == 0) return;
  if (getsockopt(socket_fd, SOL_SOCKET, SO_ERROR, &error, &(socklen_t){sizeof error}) != 0 || error)
    try_next();
  else
    state = VC_LINK_OPEN;
}

static enum vc_link link_state(void *context) {
  (void)context;
  uint8_t byte;
  if (state == VC_LINK_OPENING) go_on_connecting();
  if (state == VC_LINK_OPEN) {
    ssize_t length = recv(socket_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (length == 0 || (length < 0 && errno != EAGAIN && errno != EINTR)) close_all(NULL);
  }
  return state;
}

static size_t send_bytes(void *context, const uint8_t *bytes, size_t length) {
  (void)context;
  if (state != VC_LINK_OPEN) return 0;
  ssize_t sent = send(socket_fd, bytes, length, MSG_NOSIGNAL);
  if (sent >= 0) return (size_t)sent;
  if (errno != EAGAIN && errno != EINTR) close_all(NULL);
  return 0;
}

static size_t receive_bytes(void *context, uint8_t *out, size_t capacity) {
  (void)context;
  if (state != VC_LINK_OPEN) return 0;
  ssize_t length = recv(socket_fd, out, capacity, 0);
  return length > 0 ? (size_t)length : 0;
}

int vc_posix_descriptor(void) { return socket_fd; }

static void wait_for(void *context, uint32_t events, uint32_t milliseconds) {
  (void)context;
  enum { LOOK_AGAIN_MS = 10 }; // while a name is being looked up
  struct pollfd each = {.fd = socket_fd};
  if (events & VC_EVENT_READABLE) each.events |= POLLIN;
  if (events & VC_EVENT_WRITABLE) each.events |= POLLOUT;
  if (lookup && milliseconds > LOOK_AGAIN_MS) milliseconds = LOOK_AGAIN_MS;
  poll(&each, each.events && socket_fd >= 0 ? 1 : 0, milliseconds > 60000 ? 60000 : (int)milliseconds);
}

const struct vc_transport vc_posix_transport = {
    begin, link_state, send_bytes, receive_bytes, close_all, NULL, NULL, wait_for, NULL,
};
