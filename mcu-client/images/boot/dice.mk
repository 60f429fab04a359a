# The device's identity in the first stage: the module assembly/dice/, compiled. There is no interpreter here, nor a way
# back from a trap. Adds to IMAGE_SOURCES, IMAGE_OBJECTS and IMAGE_CFLAGS.
DICE_WASM := $(PROJECT)/build/wasm/dice.wasm
# What it allocates does not depend on input, and ends there.
dice_MEMORY_BYTES := 10240
GENERATED := $(OUT)/generated
# Flash counts here, and time does not.
DICE_CFLAGS := $(COMMON) $(GUARDED) -Os -fno-schedule-insns -fno-tree-reassoc -fno-tree-pre -fno-gcse -fno-ivopts \
  -fno-tree-ch -w -I$(ROOT)/wasm2c -ffile-prefix-map=$(OUT)=. -DMEMORY_BYTES=$(dice_MEMORY_BYTES)
ifeq ($(wildcard $(DICE_WASM)),)
$(error $(DICE_WASM) is missing: run npm run build first)
endif
IMAGE_CFLAGS += -I$(GENERATED) -I$(ROOT)/wasm2c
IMAGE_SOURCES += images/boot/dice.c
IMAGE_OBJECTS += $(OUT)/dice-compiled.o
# Must be there before dice.c is compiled.
GENERATED_HEADERS += $(GENERATED)/dice-compiled.c
$(GENERATED)/dice-compiled.c: $(DICE_WASM) $(ROOT)/wasm2c/translate.js
	@mkdir -p $(@D)
	node $(ROOT)/wasm2c/translate.js $< dice $@
$(eval $(call options_stamp,$(OUT)/dice-options,$(CC) $(DICE_CFLAGS)))
$(OUT)/dice-compiled.o: $(GENERATED)/dice-compiled.c $(ROOT)/wasm2c/prologue.h $(ROOT)/wasm2c/wasm-rt.h $(OUT)/dice-options
	$(CC) $(DICE_CFLAGS) -c $< -o $@
