# A non-secure image that attacks a client, for tests: in the place of images/client-outside/, with what images/hostile/ has. A
# test chooses the attack by words at the place of an image's header.
ifndef TWO_WORLDS
$(error $(BOARD) has one world)
endif
HOST ?= c
SAMPLE ?= samples/shamir-secret-sharing
INSIDE_OUT := $(BOARD_OUT)/client-$(HOST)$(if $(filter 1,$(HARNESS)),-harness)
OUT := $(INSIDE_OUT)/$(SAMPLE)-outside
OBJECTS_OUT := $(BOARD_OUT)/client-hostile-objects
FLASH_REGION := outside
MEMORY_SCRIPT := outside.ld
BOARD_SOURCES := $(OUTSIDE_BOARD_SOURCES)
STACK_SIZE := 4096
IMAGE_CFLAGS += -DOUTSIDE -DCLIENT -DBACKGROUND
IMAGE_SOURCES := images/client-hostile/main.c images/hostile/common.c images/hostile/sweep.c \
  images/hostile/jumps.c images/outside/two-worlds.c
IMAGE_OBJECTS := $(INSIDE_OUT)/$(SAMPLE)-gateway.o
