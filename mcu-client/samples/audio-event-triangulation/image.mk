IMAGE_SOURCES := samples/audio-event-triangulation/main.c samples/common/provider.c
IMAGE_CFLAGS += -I$(ROOT)/client
include $(ROOT)/client/client.mk
