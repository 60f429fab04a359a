# The freestanding execution engine on a device: runs programs on files of the emulator's host.
HOST ?= wasm3
OUT := $(BOARD_OUT)/engine-$(HOST)
OBJECTS_OUT := $(BOARD_OUT)/engine-$(HOST)-objects
MODULES := trusted
trusted_WASM := $(PROJECT)/build/wasm/engine.wasm
trusted_MEMORY_BYTES ?= 1048576
STACK_SIZE := 20480
include $(ROOT)/isolate/isolate.mk
IMAGE_SOURCES := engine/main.c bench/counter.c $(HOME_SOURCES)
IMAGE_OBJECTS := $(HOME_OBJECTS)
