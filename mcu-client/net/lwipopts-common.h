// What every image's lwIP has in common: one thread without an operating system; IPv4, TCP, and of UDP what DHCP
// needs; where the build says so (LWIP_IPV6, LWIP_DNS), IPv6 and the look-up of names. All its memory is static: pools and one small heap, whose sizes each lwipopts.h sets.
#ifndef LWIPOPTS_COMMON_H
#define LWIPOPTS_COMMON_H

#define NO_SYS 1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_NETCONN 0
#define LWIP_SOCKET 0
#define LWIP_STATS 0

#ifndef LWIP_IPV6
#define LWIP_IPV6 0
#endif
#ifndef LWIP_DNS
#define LWIP_DNS 0
#endif
#define LWIP_IPV4 1
#define LWIP_RAW 0
#define LWIP_DHCP 1
#define DHCP_DOES_ARP_CHECK 0
#define LWIP_NETIF_HOSTNAME 0
#define IP_FRAG 0
#define IP_REASSEMBLY 0
#define ARP_QUEUEING 0
#define ARP_TABLE_SIZE 4

#define MEM_ALIGNMENT 4
#define MEMP_NUM_TCP_PCB_LISTEN 1
#define MEMP_NUM_UDP_PCB (1 + LWIP_DNS)
#define MEMP_NUM_SYS_TIMEOUT (6 + LWIP_DNS + 2 * LWIP_IPV6)

#define TCP_MSS 1460
#define TCP_SND_BUF (2 * TCP_MSS)
#define TCP_QUEUE_OOSEQ 0
#define PBUF_POOL_BUFSIZE 1536

#define LWIP_CHKSUM_ALGORITHM 3

// One name at a time.
#define DNS_TABLE_SIZE 1

// Packets are no longer than a frame, and few talk to us.
#define LWIP_IPV6_FRAG 0
#define LWIP_IPV6_REASS 0
#define MEMP_NUM_MLD6_GROUP 4
#define MEMP_NUM_ND6_QUEUE 2
#define LWIP_ND6_NUM_NEIGHBORS 4
#define LWIP_ND6_NUM_DESTINATIONS 4
#define LWIP_ND6_NUM_PREFIXES 2
#define LWIP_ND6_NUM_ROUTERS 2
// A network without DHCP says its name server in router advertisements (RFC 8106).
#define LWIP_ND6_RDNSS_MAX_DNS_SERVERS LWIP_DNS

#endif
