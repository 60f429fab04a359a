CPU := -mcpu=cortex-m7 -mthumb -mfpu=fpv5-d16 -mfloat-abi=hard
BOARD_SOURCES := $(patsubst %,boards/nucleo-h753zi/%.c,board serial watchdog ethernet)
ISOLATE_BOARD_SOURCES := $(BOARD_SOURCES)
BOOT_BOARD_SOURCES := boards/nucleo-h753zi/secret.c boards/nucleo-h753zi/flash-word.c
