IMAGE_SOURCES := samples/shamir-secret-sharing/main.c samples/common/provider.c
INSIDE := 1
include $(ROOT)/client/client.mk
