# Runs programs of the Thumb-2 compiler, from a file of the emulator's host: for its tests.
STACK_SIZE := 16384
include $(ROOT)/compiled-code/compiled-code.mk
IMAGE_CFLAGS += -DPROGRAM_JIT -DSUPERVISOR
IMAGE_SOURCES := images/compiled/main.c common/counter.c core/supervisor.c core/crossing.c $(COMPILED_CODE_SOURCES)
