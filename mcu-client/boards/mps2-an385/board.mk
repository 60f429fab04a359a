CPU := -mcpu=cortex-m3 -mthumb -mfloat-abi=soft
BOARD_SOURCES := boards/mps2/board.c arch/semihosting.c drivers/cmsdk-uart.c
