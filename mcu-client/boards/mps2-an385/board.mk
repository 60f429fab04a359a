CPU := -mcpu=cortex-m3 -mthumb -mfloat-abi=soft
BOARD_SOURCES := boards/mps2/board.c boards/mps2/serial.c arch/semihosting.c \
  drivers/cmsdk-uart.c drivers/lan9118.c
