CPU := -mcpu=cortex-m7 -mthumb -mfpu=fpv5-d16 -mfloat-abi=hard
BOARD_SOURCES := $(patsubst %,boards/nucleo-h753zi/%.c,board entropy serial watchdog ethernet)
ISOLATE_BOARD_SOURCES := $(BOARD_SOURCES)
# The isolate has a core apart from its thread (core/core.h), and the core has the Ethernet controller: its DMA knows nothing of
# the memory protection unit.
PRIVILEGED_CORE := 1
PRIVILEGED_ETHERNET := 1
BOOT_BOARD_SOURCES := boards/nucleo-h753zi/secret.c boards/nucleo-h753zi/flash-word.c
