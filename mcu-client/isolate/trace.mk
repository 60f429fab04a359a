# TRACE=1: an image that prints instruction counts, in a folder of its own.
ifeq ($(TRACE),1)
OUT := $(OUT)-trace
OBJECTS_OUT := $(OBJECTS_OUT)-trace
IMAGE_CFLAGS += -DTRACE
TRACE_SOURCES := bench/counter.c arch/stack.c
endif
