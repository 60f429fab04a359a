# Compiles modules of a file of the emulator's host, with the Thumb-2 compiler that firmware carries: for its tests. With
# NATIVE=1 modules that firmware is made of, as its build compiles them.
STACK_SIZE := 16384
HOST := c
MODULES := thumb2
thumb2_WASM := $(PROJECT)/build/wasm/thumb2-device.wasm
ifeq ($(NATIVE),1)
thumb2_WASM := $(PROJECT)/build/wasm/testing/thumb2-native.wasm
OUT := $(OUT)-native
OBJECTS_OUT := $(OBJECTS_OUT)-native
endif
thumb2_MEMORY_BYTES := lent
# As in home/home.mk.
thumb2_CFLAGS := -Os -fno-live-range-shrinkage -fno-rename-registers
include $(ROOT)/module/module.mk
IMAGE_SOURCES := images/compiler/main.c common/counter.c common/sha256.c $(MODULE_SOURCES)
IMAGE_OBJECTS := $(MODULE_OBJECTS)
