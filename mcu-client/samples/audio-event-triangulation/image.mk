IMAGE_SOURCES := samples/audio-event-triangulation/main.c samples/common/provider.c
include $(ROOT)/client/client.mk
