# What an image needs to be the home of the trusted runtime, or of the engine alone: the module `trusted` among
# its MODULES, its platform, and wasm3 for programs. Before including: what module/module.mk asks for.
# Sets HOME_SOURCES and HOME_OBJECTS.
# JIT=1: programs are compiled here, too, where a policy asks for it. The compiler is C: it runs for every run.
ifeq ($(JIT),1)
MODULES += thumb2
thumb2_WASM := $(PROJECT)/build/wasm/thumb2-device.wasm
thumb2_HOST := c
thumb2_MEMORY_BYTES := lent
# It is small: what compiling takes is little even so (npm run bench:compile).
thumb2_CFLAGS := -Os -fno-live-range-shrinkage -fno-rename-registers
IMAGE_CFLAGS += -DPROGRAM_JIT
endif
ifneq ($(filter 1,$(JIT))$(filter thumb2,$(HOST)),)
include $(ROOT)/compiled-code/compiled-code.mk
endif
include $(ROOT)/module/module.mk

# Native stack in bytes that a program leaves for what runs on its behalf (interpreter.h). Compiled, all of the
# runtime and the links have used 1.5 KiB at most (`trace stack`, npm run bench:mcu).
IMAGE_CFLAGS += -DPROGRAM_STACK_RESERVE=$(if $(filter c,$(HOST)),3072,6144)

# The interpreter runs programs where the modules are compiled, too.
HOME_SOURCES := $(sort $(MODULE_SOURCES) module/interpreter.c home/platform.c home/programs.c \
  $(if $(filter 1,$(JIT)),home/jit.c $(COMPILED_CODE_SOURCES)))
HOME_OBJECTS := $(sort $(MODULE_OBJECTS) $(WASM3_OBJECTS))
