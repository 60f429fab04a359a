# Where the page with a client's configuration lies: the last 64 KiB of the secure world's flash, also where there is
# one world only.
FLASH_PAGE := 0x101F0000u
CLIENT_BOARD_SOURCES := boards/mps2/time.c boards/mps2/record.c
# In two worlds there is no semihosting, which would let the other one open the emulator host's files.
CLIENT_INSIDE_BOARD_SOURCES := boards/mps2-an505/client-inside.c boards/mps2/slot-flash.c
