# What an image needs to carry a trusted module. Before including: MODULE_WASM, MEMORY_BYTES.
# Sets HOME_SOURCES, HOME_OBJECTS.
HOST ?= wasm3
ifeq ($(filter $(HOST),c wasm3),)
$(error HOST is c or wasm3, not $(HOST))
endif
ifeq ($(wildcard $(MODULE_WASM)),)
$(error $(MODULE_WASM) is missing: run npm run build first)
endif
GENERATED := $(OUT)/generated
# Must be there before anything of the image is compiled.
GENERATED_HEADERS := $(GENERATED)/trusted-module.c
IMAGE_CFLAGS += -DMEMORY_BYTES=$(MEMORY_BYTES) -I$(GENERATED) -I$(ROOT)/isolate -I$(ROOT)/wasm2c

HOME_SOURCES := isolate/module.c isolate/platform.c isolate/programs.c isolate/interpreter.c
HOME_OBJECTS := $(WASM3_OBJECTS) $(OUT)/trusted-module.o
ifeq ($(HOST),c)
HOME_SOURCES += isolate/compiled-module.c wasm2c/wasm-rt.c
HOME_OBJECTS += $(OUT)/trusted-compiled.o
else
HOME_SOURCES += isolate/interpreted-module.c
HOME_OBJECTS += $(OUT)/trusted-embedded.o
endif

# The seam is made anew whenever the interface or the module changes; a mismatch ends the build here.
HOME_INTERFACE := $(PROJECT)/build/js/host/mcu/home-interface.js
$(GENERATED)/trusted-module.c: $(MODULE_WASM) $(HOME_INTERFACE) $(wildcard $(PROJECT)/assembly/platform-services/*.ts)
	node $(HOME_INTERFACE) $(MODULE_WASM) trusted $(HOST) $(GENERATED)
	@touch $@
$(GENERATED)/platform-interface.h $(GENERATED)/trusted.h: $(GENERATED)/trusted-module.c ;

$(GENERATED)/trusted-compiled.c: $(MODULE_WASM) $(ROOT)/wasm2c/translate.js
	@mkdir -p $(@D)
	node $(ROOT)/wasm2c/translate.js $< trusted $@

$(OUT)/trusted-compiled.o: $(GENERATED)/trusted-compiled.c $(ROOT)/wasm2c/prologue.h $(ROOT)/wasm2c/wasm-rt.h $(ROOT)/Makefile
	$(CC) $(WASM2C_CFLAGS) -ffile-prefix-map=$(OUT)=. -DMEMORY_BYTES=$(MEMORY_BYTES) -c $< -o $@

$(OUT)/trusted-module.o: $(GENERATED)/trusted-module.c $(if $(filter c,$(HOST)),$(GENERATED)/trusted-compiled.c)
	$(CC) $(CFLAGS) $(IMAGE_CFLAGS) $(WASM3_DEFINES) -Wno-unused-variable -isystem $(WASM3) -ffile-prefix-map=$(OUT)=. -c $< -o $@

$(OUT)/trusted-embedded.o: $(ROOT)/isolate/embedded.S $(MODULE_WASM)
	@mkdir -p $(@D)
	$(CC) $(CPU) -DNAME=trusted -DFILE='"$(MODULE_WASM)"' -c $< -o $@
