# The non-secure image of a board with two worlds. It is linked against the gateway of the isolate of the same
# HOST and MEMORY, which is built first.
ifndef TWO_WORLDS
$(error $(BOARD) has one world: its isolate is one image)
endif
include $(ROOT)/images/isolate/host.mk
INSIDE_OUT := $(BOARD_OUT)/isolate-$(HOST)
OBJECTS_OUT := $(BOARD_OUT)/outside-objects
ifeq ($(MEMORY),small)
INSIDE_OUT := $(INSIDE_OUT)-small
OBJECTS_OUT := $(OBJECTS_OUT)-small
endif
ifeq ($(TRACE),1)
INSIDE_OUT := $(INSIDE_OUT)-trace
endif
OUT := $(INSIDE_OUT)
FLASH_REGION := outside
MEMORY_SCRIPT := outside.ld
BOARD_SOURCES := $(OUTSIDE_BOARD_SOURCES)
include $(ROOT)/boards/$(BOARD)/isolate.mk
include $(ROOT)/images/outside/outside.mk
STACK_SIZE := 6144
include $(ROOT)/common/version.mk
# The constants of the transport protocol, as the isolate's build has made them.
IMAGE_CFLAGS += $(if $(UPDATES),-DUPDATES) -DOUTSIDE -DBACKGROUND -I$(INSIDE_OUT)/generated
IMAGE_SOURCES := images/outside/start.c images/outside/two-worlds.c common/sha256.c $(OUTSIDE_SOURCES)
IMAGE_OBJECTS := $(INSIDE_OUT)/gateway.o $(LWIP_OBJECTS)
ifeq ($(CARRY),1)
OUT := $(OUT)-carry
OBJECTS_OUT := $(OBJECTS_OUT)-carry
endif
# For tests: the same under a flood of interrupts (images/hostile/flood.c).
ifeq ($(FLOOD),1)
OUT := $(OUT)-flood
OBJECTS_OUT := $(OBJECTS_OUT)-flood
IMAGE_SOURCES += images/hostile/flood.c
IMAGE_LDFLAGS += -Wl,--wrap=systick_handler -Wl,--wrap=clock_start
endif
