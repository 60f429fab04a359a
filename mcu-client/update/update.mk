# Updates of an isolate's images, on boards that have flash for two of them (UPDATES). Sets UPDATE_BOOT_SOURCES, for the
# first stage, and UPDATE_SOURCES, for the image that runs.
ifdef UPDATES
IMAGE_CFLAGS += -DUPDATES
UPDATE_COMMON := update/slots.c update/manifest.c update/p256-verify.c update/owner.c $(SLOT_FLASH_SOURCES)
UPDATE_BOOT_SOURCES := images/boot/load.c update/boot.c link/crc32.c $(UPDATE_COMMON)
UPDATE_SOURCES := update/delivery.c $(UPDATE_COMMON)
endif
