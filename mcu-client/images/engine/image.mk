# The freestanding execution engine on a device: runs programs on files of the emulator's host.
include $(ROOT)/images/isolate/host.mk
JIT := 1
OUT := $(BOARD_OUT)/engine-$(HOST)
OBJECTS_OUT := $(BOARD_OUT)/engine-$(HOST)-objects
MODULES := trusted
trusted_WASM := $(PROJECT)/build/wasm/engine.wasm
trusted_MEMORY_BYTES ?= 1048576
STACK_SIZE := 20480
include $(ROOT)/home/home.mk
IMAGE_CFLAGS += -DSUPERVISOR
IMAGE_SOURCES := images/engine/main.c common/counter.c core/supervisor.c core/crossing.c $(HOME_SOURCES)
IMAGE_OBJECTS := $(HOME_OBJECTS)
