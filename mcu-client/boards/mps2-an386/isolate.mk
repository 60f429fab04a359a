include $(ROOT)/boards/mps2-an385/isolate.mk
