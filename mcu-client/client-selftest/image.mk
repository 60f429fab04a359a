# An image that calls the client's interface out of order and with wrong arguments. A test runs it.
IMAGE_SOURCES := client-selftest/main.c
IMAGE_CFLAGS += -I$(ROOT)/client
include $(ROOT)/client/client.mk
