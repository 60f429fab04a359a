# The bench image: the module in MODULE, by wasm3 and compiled, and native C beside it. Compiled it is through wasm2c, or
# with THUMB2=1 by the Thumb-2 compiler: MODULE/program.bin.
ifndef MODULE
$(error IMAGE=bench needs MODULE)
endif
OUT := $(MODULE)
STACK_SIZE := 262144
IMAGE_SOURCES := $(patsubst %,images/bench/%.c,main interpreter native hcalls imports) \
  common/counter.c common/sha256.c wasm2c/wasm-rt.c
# hcall-definitions.h, which host/mcu/bench-harness.ts writes beside the modules.
IMAGE_CFLAGS += -I$(BOARD_OUT)/bench
IMAGE_OBJECTS := $(WASM3_OBJECTS) $(MODULE)/exports.o $(MODULE)/embedded.o
ifeq ($(THUMB2),1)
OBJECTS_OUT := $(OBJECTS_OUT)-thumb2
include $(ROOT)/compiled-code/compiled-code.mk
IMAGE_CFLAGS += -I$(ROOT)/wasm2c
IMAGE_SOURCES += images/bench/native-code.c module/native-module.c compiled-code/helpers.c compiled-code/gates.c
IMAGE_OBJECTS += $(MODULE)/program.o
else
IMAGE_OBJECTS += $(MODULE)/compiled.o
endif

$(MODULE)/compiled.c: $(MODULE)/module.wasm $(ROOT)/wasm2c/translate.js $(ROOT)/wasm2c/reach.js $(ROOT)/wasm2c/halves.js
	node $(ROOT)/wasm2c/translate.js $< module $@

$(MODULE)/compiled.o: $(MODULE)/compiled.c $(ROOT)/wasm2c/prologue.h $(ROOT)/wasm2c/wasm-rt.h $(ROOT)/Makefile
	$(CC) $(WASM2C_CFLAGS) -DMEMORY_BYTES=$(MEMORY_BYTES) -c $< -o $@

$(MODULE)/program.o: $(ROOT)/module/embedded.S $(MODULE)/program.bin
	$(CC) $(CPU) -DNAME=program -DFILE='"$(MODULE)/program.bin"' -c $< -o $@

$(MODULE)/exports.o: $(MODULE)/exports.c $(if $(filter 1,$(THUMB2)),,$(MODULE)/compiled.c)
	$(CC) $(CFLAGS) -I$(MODULE) -I$(ROOT)/wasm2c -I$(ROOT)/images/bench -c $< -o $@

$(MODULE)/embedded.o: $(ROOT)/images/bench/module.S $(MODULE)/module.wasm
	$(CC) $(CPU) -I$(MODULE) -Wa,-I$(MODULE) -c $< -o $@

# Native code is compared at the optimisation that the compiled module has.
$(OBJECTS_OUT)/images/bench/native.o $(OBJECTS_OUT)/common/sha256.o: CFLAGS := $(CFLAGS) -O2
