# What an image needs to carry trusted modules and to run programs. Before including: HOST, OUT, and
#   MODULES                 prefixes of the modules, `trusted` (runtime or engine) among them
#   PREFIX_WASM             each module's file
#   PREFIX_MEMORY_BYTES     what backs its linear memory, be that less than whole pages
# Sets HOME_SOURCES and HOME_OBJECTS.
ifeq ($(filter $(HOST),c wasm3),)
$(error HOST is c or wasm3, not $(HOST))
endif
GENERATED := $(OUT)/generated
# Must be there before anything of the image is compiled.
GENERATED_HEADERS := $(patsubst %,$(GENERATED)/%-module.c,$(MODULES))
IMAGE_CFLAGS += $(foreach m,$(MODULES),-D$(shell echo $(m) | tr a-z A-Z)_MEMORY_BYTES=$($(m)_MEMORY_BYTES)) \
  -I$(GENERATED) -I$(ROOT)/isolate -I$(ROOT)/wasm2c

# Native stack in bytes that a program leaves for what runs on its behalf (interpreter.h). Compiled, all of the
# runtime and the links have used 1.5 KiB at most (`trace stack`, npm run bench:mcu).
IMAGE_CFLAGS += -DPROGRAM_STACK_RESERVE=$(if $(filter c,$(HOST)),3072,6144)

HOME_SOURCES := isolate/module.c isolate/platform.c isolate/programs.c isolate/interpreter.c
HOME_OBJECTS := $(WASM3_OBJECTS) $(patsubst %,$(OUT)/%-module.o,$(MODULES))
ifeq ($(HOST),c)
HOME_SOURCES += isolate/compiled-module.c wasm2c/wasm-rt.c
HOME_OBJECTS += $(patsubst %,$(OUT)/%-compiled.o,$(MODULES))
else
HOME_SOURCES += isolate/interpreted-module.c
HOME_OBJECTS += $(patsubst %,$(OUT)/%-embedded.o,$(MODULES))
endif

$(eval $(call options_stamp,$(OUT)/compiled-options,$(foreach m,$(MODULES),$($(m)_MEMORY_BYTES)) $(WASM2C_CFLAGS)))

# The seam is made anew whenever the interface or a module changes; a mismatch ends the build here.
HOME_INTERFACE := $(PROJECT)/build/js/host/mcu/home-interface.js
define module_rules
ifeq ($$(wildcard $$($(1)_WASM)),)
$$(error $$($(1)_WASM) is missing: run npm run build first)
endif
$(GENERATED)/$(1)-module.c: $$($(1)_WASM) $(HOME_INTERFACE) $(wildcard $(PROJECT)/assembly/platform-services/*.ts)
	node $(HOME_INTERFACE) $$($(1)_WASM) $(1) $(HOST) $(GENERATED)
	@touch $$@
$(GENERATED)/$(1)-compiled.c: $$($(1)_WASM) $(ROOT)/wasm2c/translate.js
	@mkdir -p $$(@D)
	node $(ROOT)/wasm2c/translate.js $$< $(1) $$@
$(OUT)/$(1)-compiled.o: $(GENERATED)/$(1)-compiled.c $(ROOT)/wasm2c/prologue.h $(ROOT)/wasm2c/wasm-rt.h $(OUT)/compiled-options
	$$(CC) $$(WASM2C_CFLAGS) -ffile-prefix-map=$(OUT)=. -DMEMORY_BYTES=$$($(1)_MEMORY_BYTES) -c $$< -o $$@
$(OUT)/$(1)-module.o: $(GENERATED)/$(1)-module.c $(if $(filter c,$(HOST)),$(GENERATED)/$(1)-compiled.c) $(ROOT)/isolate/compiled-module.h $(ROOT)/isolate/interpreted-module.h
	$$(CC) $$(CFLAGS) $$(IMAGE_CFLAGS) $$(WASM3_DEFINES) -Wno-unused-variable -isystem $$(WASM3) -ffile-prefix-map=$(OUT)=. -c $$< -o $$@
$(OUT)/$(1)-embedded.o: $(ROOT)/isolate/embedded.S $$($(1)_WASM)
	@mkdir -p $$(@D)
	$$(CC) $$(CPU) -DNAME=$(1) -DFILE='"$$($(1)_WASM)"' -c $$< -o $$@
endef
$(foreach module,$(MODULES),$(eval $(call module_rules,$(module))))
