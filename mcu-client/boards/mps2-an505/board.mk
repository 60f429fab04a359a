CPU := -mcpu=cortex-m33 -mthumb -mfpu=fpv5-sp-d16 -mfloat-abi=hard
include $(ROOT)/boards/mps2/sources.mk
# The isolate is two images here: hal/worlds.h.
# For the bench: what was before, one image in the secure world, which polls the links while a program runs.
ifeq ($(ONE_WORLD),1)
MEMORY_SCRIPT := worlds.ld
else
TWO_WORLDS := 1
endif
INSIDE_BOARD_SOURCES := boards/mps2/board.c boards/mps2/reset.c boards/mps2/watchdog.c boards/mps2-an505/worlds.c \
  drivers/cmsdk-uart.c $(MPS2_ISOLATE_SOURCES)
OUTSIDE_BOARD_SOURCES := boards/mps2/board.c boards/mps2/serial.c drivers/cmsdk-uart.c drivers/lan9118.c
