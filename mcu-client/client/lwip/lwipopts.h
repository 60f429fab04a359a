// lwIP for a client: one outgoing connection. Its memory is less than an isolate's: requests are short, and so are
// answers.
#ifndef CLIENT_LWIPOPTS_H
#define CLIENT_LWIPOPTS_H

#include "lwipopts-common.h"

#define MEM_SIZE 4096
#define MEMP_NUM_TCP_PCB 2
#define MEMP_NUM_PBUF 4
#define MEMP_NUM_TCP_SEG 8

#define TCP_WND (2 * TCP_MSS)
#define TCP_SND_QUEUELEN 8
#define PBUF_POOL_SIZE 4

#endif
