// lwIP with a thread of its own, as beside FreeRTOS, with names and IPv6.
#define NO_SYS 0
#define LWIP_TCPIP_CORE_LOCKING 1
#define LWIP_IPV4 1
#define LWIP_IPV6 1
#define LWIP_DNS 1
#define LWIP_SOCKET 0
#define LWIP_NETCONN 0
