CPU := -mcpu=cortex-m7 -mthumb -mfpu=fpv5-d16 -mfloat-abi=hard
BOARD_SOURCES := boards/mps2/board.c arch/semihosting.c drivers/cmsdk-uart.c
