IMAGE_SOURCES := samples/shamir-secret-sharing/main.c samples/common/provider.c
IMAGE_CFLAGS += -I$(ROOT)/client
include $(ROOT)/client/client.mk
