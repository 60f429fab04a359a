include $(ROOT)/boards/mps2/isolate.mk
