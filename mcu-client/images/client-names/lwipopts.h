// The client's lwIP, but that the name server is at a port that a test says.
#ifndef CLIENT_NAMES_LWIPOPTS_H
#define CLIENT_NAMES_LWIPOPTS_H

#include "../../client/lwip/lwipopts.h"

extern unsigned short name_server_port;
#define DNS_SERVER_PORT name_server_port

#endif
