IMAGE_SOURCES := samples/shamir-secret-sharing/main.c samples/common/provider.c
include $(ROOT)/client/client.mk
