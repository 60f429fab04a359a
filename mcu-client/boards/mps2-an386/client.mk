include $(ROOT)/boards/mps2-an385/client.mk
