# Where the page with a client's configuration lies: the last sector but one of bank 2, 128 KiB.
FLASH_PAGE := 0x081C0000u
CLIENT_BOARD_SOURCES := common/no-time.c common/sha256.c \
  boards/nucleo-h753zi/record.c boards/nucleo-h753zi/flash-word.c
