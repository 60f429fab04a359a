# The first stage.
FLASH_REGION := boot
BOARD_SOURCES := $(ISOLATE_BOARD_SOURCES)
include $(ROOT)/common/trace.mk
ifdef TWO_WORLDS
MEMORY_SCRIPT := worlds.ld
IMAGE_CFLAGS += -DTWO_WORLDS
endif
# It has no links: none of their interrupts.
IMAGE_CFLAGS += -DFIRST_STAGE
STACK_SIZE := 8192
include $(ROOT)/update/update.mk
IMAGE_SOURCES := images/boot/main.c common/sha256.c $(BOOT_BOARD_SOURCES) $(UPDATE_BOOT_SOURCES) \
  $(TRACE_SOURCES)
include $(IMAGE_FOLDER)/dice.mk
# Hashing is most of its work.
$(OBJECTS_OUT)/common/sha256.o: CFLAGS := $(CFLAGS) -O2
