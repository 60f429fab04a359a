# A non-secure image that attacks the isolate, for tests: linked against the gateway of the isolate of the same
# HOST, as images/outside/ is. A test chooses the attack by the word after the image's header.
ifndef TWO_WORLDS
$(error $(BOARD) has one world)
endif
HOST ?= c
INSIDE_OUT := $(BOARD_OUT)/isolate-$(HOST)$(if $(filter 1,$(HARNESS)),-harness)
OUT := $(INSIDE_OUT)
OBJECTS_OUT := $(BOARD_OUT)/hostile-objects
FLASH_REGION := outside
MEMORY_SCRIPT := outside.ld
BOARD_SOURCES := $(OUTSIDE_BOARD_SOURCES)
STACK_SIZE := 6144
include $(ROOT)/common/version.mk
IMAGE_CFLAGS += $(if $(UPDATES),-DUPDATES) -DOUTSIDE -DBACKGROUND -I$(INSIDE_OUT)/generated
IMAGE_SOURCES := images/hostile/main.c images/hostile/common.c images/hostile/sweep.c images/hostile/calls.c images/hostile/jumps.c \
  images/outside/two-worlds.c
IMAGE_OBJECTS := $(INSIDE_OUT)/gateway.o
