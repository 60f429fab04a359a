// The transport over Zephyr's BSD sockets, for IPv4 and IPv6, with names where CONFIG_DNS_RESOLVER is on. Also the other
// seams, as Zephyr has them. Nobody has run this on Zephyr: tests build it against a stand-in for the functions that
// Zephyr documents, over POSIX, and run that.
#ifndef VERACRUZ_ZEPHYR_TRANSPORT_H
#define VERACRUZ_ZEPHYR_TRANSPORT_H

#include <veracruz/client.h>

#ifdef __cplusplus
extern "C" {
#endif

/// For the `transport` of a configuration. Used from one thread.
extern const struct vc_transport vc_zephyr_transport;

/// The socket to wait on, for a thread that has a poll loop of its own; -1: wait by time alone.
int vc_zephyr_descriptor(void);

extern const struct vc_time vc_zephyr_time;       ///< uptime; the time of day is not known
extern const struct vc_entropy vc_zephyr_entropy; ///< sys_csrand_get
extern const struct vc_log vc_zephyr_log;         ///< vprintk

#ifdef __cplusplus
}
#endif

#endif
