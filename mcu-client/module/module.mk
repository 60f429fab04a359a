# What an image needs to carry WebAssembly modules of this project. Before including: HOST, OUT, and
#   MODULES                 prefixes of the modules
#   PREFIX_WASM             each module's file
#   PREFIX_MEMORY_BYTES     what backs its linear memory, be that less than whole pages; `lent` of a module in C whose
#                           caller brings the memory (wasm2c/wasm-rt.h)
#   PREFIX_HOST             c, wasm3 or thumb2, where it is not HOST
#   PREFIX_CFLAGS           more options for its C
#   OWN_MODULES             those that have a module host of their own
# Sets MODULE_SOURCES and MODULE_OBJECTS.
ifeq ($(filter $(HOST),c wasm3 thumb2),)
$(error HOST is c, wasm3 or thumb2, not $(HOST))
endif
GENERATED := $(OUT)/generated
# Must be there before anything of the image is compiled.
GENERATED_HEADERS := $(patsubst %,$(GENERATED)/%-module.c,$(MODULES))
IMAGE_CFLAGS += $(foreach m,$(MODULES),-D$(shell echo $(m) | tr a-z A-Z)_MEMORY_BYTES=$($(m)_MEMORY_BYTES)) \
  -I$(GENERATED) -I$(ROOT)/module -I$(ROOT)/wasm2c

# How one module is hosted.
module_host = $(or $($(1)_HOST),$(HOST))
module_hosts := $(sort $(foreach m,$(filter-out $(OWN_MODULES),$(MODULES)),$(call module_host,$(m))))

MODULE_SOURCES := module/module.c \
  $(if $(filter c thumb2,$(module_hosts)),module/compiled-module.c wasm2c/wasm-rt.c) \
  $(if $(filter thumb2,$(module_hosts)),module/native-module.c compiled-code/helpers.c compiled-code/gates.c) \
  $(if $(filter wasm3,$(module_hosts)),module/interpreted-module.c module/interpreter.c)
MODULE_OBJECTS := $(foreach m,$(MODULES),$(OUT)/$(m)-module.o \
  $(OUT)/$(m)-$(if $(filter c,$(call module_host,$(m))),compiled,embedded).o) \
  $(if $(filter wasm3,$(module_hosts)),$(WASM3_OBJECTS))

$(eval $(call options_stamp,$(OUT)/compiled-options,$(foreach m,$(MODULES),$($(m)_MEMORY_BYTES) $($(m)_CFLAGS)) $(WASM2C_CFLAGS)))

# The interface in C is made again whenever the interface or a module changes; a mismatch ends the build here.
HOME_INTERFACE := $(PROJECT)/build/js/host/mcu/home-interface.js
# It, the constants that it prints, and the sources whose declarations and comments it reads.
HOME_INTERFACE_SOURCES := $(HOME_INTERFACE) \
  $(wildcard $(PROJECT)/build/js/host/mcu/*-definitions.js $(PROJECT)/build/js/assembly/*/*.js \
  $(PROJECT)/assembly/platform-services/*.ts $(PROJECT)/assembly/mcu-client/codes.ts)
# What makes code of a module for thumb2.
THUMB2_COMPILER := $(PROJECT)/build/wasm/thumb2-compiler.wasm
define module_rules
ifeq ($$(wildcard $$($(1)_WASM)),)
$$(error $$($(1)_WASM) is missing: run npm run build first)
endif
$(GENERATED)/$(1)-module.c: $$($(1)_WASM) $(HOME_INTERFACE_SOURCES) $(if $(filter thumb2,$(call module_host,$(1))),$(THUMB2_COMPILER))
	node $(HOME_INTERFACE) $$($(1)_WASM) $(1) $(call module_host,$(1)) $(GENERATED) $$($(1)_MEMORY_BYTES)
	@touch $$@
$(GENERATED)/$(1)-compiled.c: $$($(1)_WASM) $(ROOT)/wasm2c/translate.js $(ROOT)/wasm2c/reach.js $(ROOT)/wasm2c/halves.js
	@mkdir -p $$(@D)
	node $(ROOT)/wasm2c/translate.js $$< $(1) $$@
$(OUT)/$(1)-compiled.o: $(GENERATED)/$(1)-compiled.c $(ROOT)/wasm2c/prologue.h $(ROOT)/wasm2c/wasm-rt.h $(OUT)/compiled-options
	$$(CC) $$(WASM2C_CFLAGS) -ffile-prefix-map=$(OUT)=. $$($(1)_CFLAGS) $(if $(filter lent,$($(1)_MEMORY_BYTES)),-DMEMORY_LENT,-DMEMORY_BYTES=$$($(1)_MEMORY_BYTES)) -c $$< -o $$@
$(OUT)/$(1)-module.o: $(GENERATED)/$(1)-module.c $(if $(filter c,$(call module_host,$(1))),$(GENERATED)/$(1)-compiled.c) $(ROOT)/module/compiled-module.h $(ROOT)/module/interpreted-module.h
	$$(CC) $$(CFLAGS) $$(IMAGE_CFLAGS) $$($(1)_CFLAGS) $$(WASM3_DEFINES) -Wno-unused-variable -isystem $$(WASM3) -ffile-prefix-map=$(OUT)=. -c $$< -o $$@
$(OUT)/$(1)-embedded.o: $(ROOT)/module/embedded.S $$($(1)_WASM) $(GENERATED)/$(1)-module.c
	@mkdir -p $$(@D)
	$$(CC) $$(CPU) -DNAME=$(1) -DFILE='"$(if $(filter thumb2,$(call module_host,$(1))),$(GENERATED)/$(1)-program.bin,$$($(1)_WASM))"' -c $$< -o $$@
endef
$(foreach module,$(MODULES),$(eval $(call module_rules,$(module))))
