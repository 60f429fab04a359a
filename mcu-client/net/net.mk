# lwIP and what joins it to the firmware. Sets NET_SOURCES and LWIP_OBJECTS.
LWIP_OPTIONS := $(ROOT)/net
LWIP_OUT := $(BOARD_OUT)/lwip
include $(ROOT)/net/lwip.mk
NET_SOURCES := net/network.c net/tcp-link.c
