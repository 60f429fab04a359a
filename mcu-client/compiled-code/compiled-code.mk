# What runs code of the Thumb-2 compiler, for images with SUPERVISOR. Sets COMPILED_CODE_SOURCES.
COMPILED_CODE_SOURCES := $(patsubst %,compiled-code/%.c,compiled-code cross gates helpers)
# Results have the same bits on every isolate. Helpers run on the program's stack, with its fuel in r10, and see nothing
# of the image but themselves (arch/sections.ld): no guard of stacks.
$(OBJECTS_OUT)/compiled-code/helpers.o: CFLAGS := $(CFLAGS) -O2 -ffp-contract=off -fno-stack-protector -ffixed-r10
# They are a region of memory protection of their own: Armv7-M has it in slots.
IMAGE_LDFLAGS += -Wl,--defsym=__helpers_align=$(if $(filter -mcpu=cortex-m33,$(CPU)),32,2048)
