// A stand-in for what Zephyr documents of its BSD sockets, over POSIX.
#ifndef STAND_IN_ZEPHYR_NET_SOCKET_H
#define STAND_IN_ZEPHYR_NET_SOCKET_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define zsock_pollfd pollfd
#define ZSOCK_POLLIN POLLIN
#define ZSOCK_POLLOUT POLLOUT
#define ZSOCK_MSG_PEEK MSG_PEEK
#define ZSOCK_MSG_DONTWAIT MSG_DONTWAIT
#define ZVFS_F_GETFL F_GETFL
#define ZVFS_F_SETFL F_SETFL
#define ZVFS_O_NONBLOCK O_NONBLOCK

static inline int zsock_socket(int family, int type, int protocol) { return socket(family, type, protocol); }
static inline int zsock_close(int fd) { return close(fd); }
static inline int zsock_fcntl(int fd, int command, int flags) { return fcntl(fd, command, flags); }
static inline int zsock_connect(int fd, const struct sockaddr *peer, socklen_t length) {
  return connect(fd, peer, length);
}
static inline int zsock_poll(struct pollfd *all, int count, int timeout) {
  return poll(all, (nfds_t)count, timeout);
}
static inline int zsock_getsockopt(int fd, int level, int name, void *value, socklen_t *length) {
  return getsockopt(fd, level, name, value, length);
}
// Zephyr raises no signal.
static inline ssize_t zsock_send(int fd, const void *bytes, size_t length, int flags) {
  return send(fd, bytes, length, flags | MSG_NOSIGNAL);
}
static inline ssize_t zsock_recv(int fd, void *out, size_t capacity, int flags) {
  return recv(fd, out, capacity, flags);
}
static inline int zsock_inet_pton(int family, const char *text, void *out) { return inet_pton(family, text, out); }

#endif
