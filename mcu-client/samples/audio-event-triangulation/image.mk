IMAGE_SOURCES := samples/audio-event-triangulation/main.c samples/common/provider.c
INSIDE := 1
include $(ROOT)/client/client.mk
