# Memory of the isolate on this board, in bytes. The interpreter's form of the runtime does not fit
# into 512 KiB beside a program.
ifneq ($(HOST),c)
$(error nucleo-h753zi has RAM for HOST=c only)
endif
trusted_MEMORY_BYTES ?= 196608
CONNECTION_BYTES := 20480
STACK_SIZE := 24576
