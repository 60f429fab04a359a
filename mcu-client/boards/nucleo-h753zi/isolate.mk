# Memory of the isolate on this board, in bytes. The interpreter's form of the runtime does not fit
# into 512 KiB beside a program.
ifeq ($(HOST),wasm3)
$(error nucleo-h753zi has no RAM for HOST=wasm3)
endif
trusted_MEMORY_BYTES ?= 196608
CONNECTION_BYTES := 20480
STACK_SIZE := 24576
