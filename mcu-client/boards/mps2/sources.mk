# What images of an emulated board are made of. Those for development have entropy and the end of the emulator's host,
# by semihosting; an isolate and its first stage do not.
MPS2_SOURCES := boards/mps2/board.c boards/mps2/reset.c boards/mps2/serial.c boards/mps2/watchdog.c \
  drivers/cmsdk-uart.c drivers/lan9118.c
MPS2_ISOLATE_SOURCES := boards/mps2/entropy.c boards/mps2/end.c common/hash-drbg.c
BOARD_SOURCES := $(MPS2_SOURCES) boards/mps2/host.c arch/semihosting.c
ISOLATE_BOARD_SOURCES := $(MPS2_SOURCES) $(MPS2_ISOLATE_SOURCES)
BOOT_BOARD_SOURCES := boards/mps2/secret.c
# The isolate's images can be updated: update/slots.h.
UPDATES := 1
SLOT_FLASH_SOURCES := boards/mps2/slot-flash.c
