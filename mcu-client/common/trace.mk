# TRACE=1: an image that prints instruction counts, in a folder of its own.
ifeq ($(TRACE),1)
OUT := $(OUT)-trace
OBJECTS_OUT := $(OBJECTS_OUT)-trace
IMAGE_CFLAGS += -DTRACE -DVC_TRACE='"trace.h"' -I$(ROOT)/common
TRACE_SOURCES := common/counter.c arch/stack.c
endif
