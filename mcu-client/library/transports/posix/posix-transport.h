// The transport over POSIX sockets, for IPv4 and IPv6, with names. Names are looked up in a thread, since getaddrinfo
// blocks. Also the other seams, as a POSIX system has them.
#ifndef VERACRUZ_POSIX_TRANSPORT_H
#define VERACRUZ_POSIX_TRANSPORT_H

#include <veracruz/client.h>

#ifdef __cplusplus
extern "C" {
#endif

/// For the `transport` of a configuration.
extern const struct vc_transport vc_posix_transport;

/// The socket to wait on, for a program that has a poll loop of its own; -1: wait by time alone.
int vc_posix_descriptor(void);

extern const struct vc_time vc_posix_time;       ///< CLOCK_MONOTONIC and CLOCK_REALTIME
extern const struct vc_entropy vc_posix_entropy; ///< getentropy
extern const struct vc_log vc_posix_log;         ///< lines on standard output

#ifdef __cplusplus
}
#endif

#endif
