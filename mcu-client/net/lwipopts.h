// lwIP for one thread without an operating system: IPv4, TCP, and of UDP what DHCP needs. All its memory
// is static: pools and one small heap.
#ifndef NET_LWIPOPTS_H
#define NET_LWIPOPTS_H

#define NO_SYS 1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_NETCONN 0
#define LWIP_SOCKET 0
#define LWIP_STATS 0

#define LWIP_IPV4 1
#define LWIP_IPV6 0
#define LWIP_RAW 0
#define LWIP_DHCP 1
#define DHCP_DOES_ARP_CHECK 0
#define LWIP_NETIF_HOSTNAME 0
#define IP_FRAG 0
#define IP_REASSEMBLY 0
#define ARP_QUEUEING 0
#define ARP_TABLE_SIZE 4

#define MEM_ALIGNMENT 4
#define MEM_SIZE 4608
#define MEMP_NUM_TCP_PCB 4
#define MEMP_NUM_TCP_PCB_LISTEN 1
#define MEMP_NUM_UDP_PCB 1
#define MEMP_NUM_PBUF 8
#define MEMP_NUM_TCP_SEG 12
#define MEMP_NUM_SYS_TIMEOUT 6

// A fourth segment brings a fifth of the throughput under emulation, and TLS is slower than either (npm run
// mcu:link); with eight the Ethernet controller's receive buffer overflows.
#define TCP_MSS 1460
#define TCP_WND (3 * TCP_MSS)
#define TCP_SND_BUF (2 * TCP_MSS)
#define TCP_SND_QUEUELEN 10
#define TCP_QUEUE_OOSEQ 0
#define LWIP_TCP_KEEPALIVE 1
#define PBUF_POOL_SIZE 5
#define PBUF_POOL_BUFSIZE 1536

#define LWIP_CHKSUM_ALGORITHM 3

#endif
