# The non-secure image beside a client on a board with two worlds. It is linked against the gateway of the secure image, which
# is built first: SAMPLE, with the same HOST, DNS and IPV6.
ifndef TWO_WORLDS
$(error $(BOARD) has one world: its client is one image)
endif
HOST ?= c
SAMPLE ?= samples/shamir-secret-sharing
DNS ?=
IPV6 ?=
NETWORK_KIND := $(if $(filter 1,$(DNS)),-dns)$(if $(filter 1,$(IPV6)),-ipv6)
INSIDE_OUT := $(BOARD_OUT)/client-$(HOST)$(NETWORK_KIND)$(if $(filter 1,$(TRACE)),-trace)
OUT := $(INSIDE_OUT)/$(SAMPLE)-outside
OBJECTS_OUT := $(BOARD_OUT)/client-outside$(NETWORK_KIND)-objects
FLASH_REGION := outside
MEMORY_SCRIPT := outside.ld
BOARD_SOURCES := $(OUTSIDE_BOARD_SOURCES)
STACK_SIZE := 4096
include $(ROOT)/client/lwip.mk
IMAGE_CFLAGS += -DOUTSIDE -DCLIENT
IMAGE_SOURCES := images/client-outside/main.c images/outside/two-worlds.c $(CLIENT_NET_SOURCES)
IMAGE_OBJECTS := $(INSIDE_OUT)/$(SAMPLE)-gateway.o $(LWIP_OBJECTS)
