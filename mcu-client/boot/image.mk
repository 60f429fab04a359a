# The first stage.
FLASH_REGION := boot
include $(ROOT)/isolate/trace.mk
STACK_SIZE := 4096
IMAGE_SOURCES := boot/main.c boot/sha256.c $(BOOT_BOARD_SOURCES) $(TRACE_SOURCES)
# Hashing is most of its work.
$(OBJECTS_OUT)/boot/sha256.o: CFLAGS := $(CFLAGS) -O2
