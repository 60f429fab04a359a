# Where the page with a client's configuration lies: the last 64 KiB of flash.
FLASH_PAGE := 0x003F0000u
CLIENT_BOARD_SOURCES := boards/mps2/time.c boards/mps2/record.c
