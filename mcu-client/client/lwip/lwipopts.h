// lwIP for a client: one thread without an operating system, one outgoing connection, IPv4, DHCP. All its
// memory is static, and less than an isolate's: requests are short, and so are answers.
#ifndef CLIENT_LWIPOPTS_H
#define CLIENT_LWIPOPTS_H

#define NO_SYS 1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_NETCONN 0
#define LWIP_SOCKET 0
#define LWIP_STATS 0

#define LWIP_IPV4 1
#define LWIP_IPV6 0
#define LWIP_RAW 0
#define LWIP_ICMP 1
#define LWIP_DHCP 1
#define DHCP_DOES_ARP_CHECK 0
#define LWIP_NETIF_HOSTNAME 0
#define IP_FRAG 0
#define IP_REASSEMBLY 0
#define ARP_QUEUEING 0
#define ARP_TABLE_SIZE 4

#define MEM_ALIGNMENT 4
#define MEM_SIZE 4096
#define MEMP_NUM_TCP_PCB 2
#define MEMP_NUM_TCP_PCB_LISTEN 1
#define MEMP_NUM_UDP_PCB 1
#define MEMP_NUM_PBUF 4
#define MEMP_NUM_TCP_SEG 8
#define MEMP_NUM_SYS_TIMEOUT 6

#define TCP_MSS 1460
#define TCP_WND (2 * TCP_MSS)
#define TCP_SND_BUF (2 * TCP_MSS)
#define TCP_SND_QUEUELEN 8
#define TCP_QUEUE_OOSEQ 0
#define PBUF_POOL_SIZE 4
#define PBUF_POOL_BUFSIZE 1536

#define LWIP_CHKSUM_ALGORITHM 3

#endif
