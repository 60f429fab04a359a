# The first stage.
FLASH_REGION := boot
STACK_SIZE := 4096
IMAGE_SOURCES := boot/main.c boot/sha256.c $(BOOT_BOARD_SOURCES)
# Hashing is most of its work.
$(OBJECTS_OUT)/boot/sha256.o: CFLAGS := $(CFLAGS) -O2
