# The kernels by which compiled programs are measured, as native code: compared at the optimisation that programs have.
STACK_SIZE := 16384
IMAGE_SOURCES := images/kernels/main.c images/kernels/kernels.c common/counter.c
$(OBJECTS_OUT)/images/kernels/kernels.o: CFLAGS := $(CFLAGS) -O2 -ffp-contract=off -fno-stack-protector
