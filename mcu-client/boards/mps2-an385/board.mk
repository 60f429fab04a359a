CPU := -mcpu=cortex-m3 -mthumb -mfloat-abi=soft
BOARD_SOURCES := boards/mps2/board.c boards/mps2/serial.c boards/mps2/watchdog.c arch/semihosting.c \
  drivers/cmsdk-uart.c drivers/lan9118.c
BOOT_BOARD_SOURCES := boards/mps2/secret.c
