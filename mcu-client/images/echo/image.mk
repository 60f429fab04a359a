# Sends every message back, over Ethernet and over the serial line: shows that the links work.
include $(ROOT)/net/net.mk
STACK_SIZE := 8192
IMAGE_CFLAGS += -DCONNECTION_BYTES=24576
LINK_SOURCES := link/connection.c link/serial-link.c link/cobs.c link/crc32.c common/sha256.c
IMAGE_SOURCES := images/echo/main.c $(NET_SOURCES) $(LINK_SOURCES)
IMAGE_OBJECTS := $(LWIP_OBJECTS)
