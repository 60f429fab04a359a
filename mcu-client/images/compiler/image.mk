# Compiles modules of a file of the emulator's host, with the Thumb-2 compiler that firmware carries: for its tests.
STACK_SIZE := 16384
HOST := c
MODULES := thumb2
thumb2_WASM := $(PROJECT)/build/wasm/thumb2-device.wasm
thumb2_MEMORY_BYTES := lent
include $(ROOT)/module/module.mk
IMAGE_SOURCES := images/compiler/main.c common/counter.c common/sha256.c $(MODULE_SOURCES)
IMAGE_OBJECTS := $(MODULE_OBJECTS)
