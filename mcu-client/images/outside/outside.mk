# The outside of the isolate. Before including: CONNECTION_BYTES (isolate.mk of the board).
# Sets OUTSIDE_SOURCES and LWIP_OBJECTS.
include $(ROOT)/net/net.mk
# The largest message of the transport protocol (MAX_ISOLATE_FRAME_BYTES) is a policy.
IMAGE_CFLAGS += -DCONNECTION_BYTES=$(CONNECTION_BYTES) -DCONNECTION_LARGE_MAX=66048
OUTSIDE_SOURCES := images/outside/main.c images/outside/health.c images/outside/messagepack.c \
  $(if $(UPDATES),images/outside/update.c) link/connection.c link/serial-link.c \
  link/cobs.c link/crc32.c link/control-page.c $(NET_SOURCES)
# For the bench: carry.c.
ifeq ($(CARRY),1)
OUTSIDE_SOURCES += images/outside/carry.c
IMAGE_LDFLAGS += -Wl,--wrap=health_answer
endif
