# An image that calls the client's interface out of order and with wrong arguments. A test runs it.
IMAGE_SOURCES := images/client-selftest/main.c
include $(ROOT)/client/client.mk
