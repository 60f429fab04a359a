CPU := -mcpu=cortex-m33 -mthumb -mfpu=fpv5-sp-d16 -mfloat-abi=hard
BOARD_SOURCES := boards/mps2/board.c boards/mps2/serial.c arch/semihosting.c \
  drivers/cmsdk-uart.c drivers/lan9118.c
