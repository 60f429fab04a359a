// lwIP for an isolate: a server and its tunnel at once.
#ifndef NET_LWIPOPTS_H
#define NET_LWIPOPTS_H

#include "lwipopts-common.h"

#define MEM_SIZE 4608
#define MEMP_NUM_TCP_PCB 4
#define MEMP_NUM_PBUF 8
#define MEMP_NUM_TCP_SEG 12

// A fourth segment brings a fifth of the throughput under emulation, and TLS is slower than either (npm run
// mcu:link); with eight the Ethernet controller's receive buffer overflows.
#define TCP_WND (3 * TCP_MSS)
#define TCP_SND_QUEUELEN 10
#define LWIP_TCP_KEEPALIVE 1
#define PBUF_POOL_SIZE 5

#endif
