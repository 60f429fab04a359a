# lwIP for a client, with options of its own. Before including: NETWORK_KIND. Sets CLIENT_NET_SOURCES and LWIP_OBJECTS.
LWIP_OPTIONS ?= $(ROOT)/client/lwip
LWIP_OUT := $(BOARD_OUT)/$(if $(filter $(ROOT)/client/lwip,$(LWIP_OPTIONS)),client,$(notdir $(LWIP_OPTIONS)))-lwip$(NETWORK_KIND)
include $(ROOT)/net/lwip.mk
IMAGE_CFLAGS += -I$(ROOT)/library/include
CLIENT_NET_SOURCES := library/transports/lwip/lwip-transport.c net/network.c
