CPU := -mcpu=cortex-m33 -mthumb -mfpu=fpv5-sp-d16 -mfloat-abi=hard
BOARD_SOURCES := boards/mps2/board.c boards/mps2/serial.c boards/mps2/watchdog.c arch/semihosting.c \
  drivers/cmsdk-uart.c drivers/lan9118.c
BOOT_BOARD_SOURCES := boards/mps2/secret.c
