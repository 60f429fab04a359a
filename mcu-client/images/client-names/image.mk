# A principal whose server has a name or an IPv6 address. A test is its name server, at a port of its own.
DNS := 1
IPV6 := 1
LWIP_OPTIONS := $(ROOT)/images/client-names
IMAGE_SOURCES := images/client-names/main.c
include $(ROOT)/client/client.mk
IMAGE_CFLAGS += -I$(ROOT)/client/lwip
