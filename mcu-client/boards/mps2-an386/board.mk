include $(ROOT)/boards/mps2-an385/board.mk
CPU := -mcpu=cortex-m4 -mthumb -mfpu=fpv4-sp-d16 -mfloat-abi=hard
