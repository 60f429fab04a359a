# What an image with a client needs. Before including: IMAGE_SOURCES of its own. HOST is how the client's
# module runs: compiled through C, or interpreted by wasm3. INSIDE=1: an image that ends in board_client_run
# (board-client.h); where the board has two worlds, it is the secure one, and images/client-outside/ the other.
HOST ?= c
CLIENT_WORLDS := $(if $(INSIDE),$(TWO_WORLDS))
# DNS=1, IPV6=1: lwIP looks up names, or speaks IPv6, too.
DNS ?=
IPV6 ?=
NETWORK_KIND := $(if $(filter 1,$(DNS)),-dns)$(if $(filter 1,$(IPV6)),-ipv6)
OUT := $(BOARD_OUT)/client-$(HOST)$(NETWORK_KIND)$(if $(filter 1,$(ONE_WORLD)),-one-world)
OBJECTS_OUT := $(BOARD_OUT)/client-$(HOST)$(NETWORK_KIND)$(if $(CLIENT_WORLDS),-inside)-objects
# For tests of what the other world may reach: arch/fault.c.
ifeq ($(HARNESS),1)
OUT := $(OUT)-harness
OBJECTS_OUT := $(OBJECTS_OUT)-harness
IMAGE_CFLAGS += -DHARNESS
endif
include $(ROOT)/common/trace.mk
include $(ROOT)/boards/$(BOARD)/client.mk
# Each interrupt of the other world takes up to 208 bytes of the secure stack; three may nest.
STACK_SIZE ?= $(if $(filter c,$(HOST)),$(if $(CLIENT_WORLDS),7168,6144),16384)

MODULES := client
client_WASM := $(PROJECT)/build/wasm/client.wasm
# What the module's allocator keeps to (scripts/wasm-modules.js); an access beyond it is a trap. wasm3
# backs whole pages.
client_MEMORY_BYTES ?= $(if $(filter c,$(HOST)),44032,65536)
# Small first: the client takes 3 % more instructions than with -O2, and 16 KB less flash.
WASM2C_CFLAGS := $(subst $(FAST),-Os,$(WASM2C_CFLAGS))
# It takes 1.4 KB of flash, and no measurable time.
client_CFLAGS := -fno-partial-inlining
include $(ROOT)/module/module.mk

IMAGE_CFLAGS += -DFLASH_PAGE=$(FLASH_PAGE) -I$(ROOT)/library/include -I$(ROOT)/link -I$(ROOT)/library/stores/flash
IMAGE_SOURCES += $(addprefix library/source/,client.c configure.c report.c blocking.c page.c module-home.c) \
  library/stores/flash/flash-store.c client/board-client.c link/crc32.c $(MODULE_SOURCES) $(TRACE_SOURCES)
ifdef CLIENT_WORLDS
MEMORY_SCRIPT := client-worlds.ld
BOARD_SOURCES := $(INSIDE_BOARD_SOURCES)
IMAGE_CFLAGS += -DINSIDE
IMAGE_LDFLAGS += -Wl,--cmse-implib -Wl,--out-implib=$(OUT)/$(IMAGE)-gateway.o
IMAGE_SOURCES += client/channel.c client/inside.c seam/device-gateway.c common/sha256.c $(CLIENT_INSIDE_BOARD_SOURCES)
$(OBJECTS_OUT)/seam/device-gateway.o: CFLAGS := $(CFLAGS) -mcmse -Wmissing-prototypes
IMAGE_OBJECTS := $(MODULE_OBJECTS)
else
MEMORY_SCRIPT := memory.ld
include $(ROOT)/client/lwip.mk
IMAGE_SOURCES += client/board-lwip.c $(CLIENT_NET_SOURCES) $(CLIENT_BOARD_SOURCES)
IMAGE_OBJECTS := $(MODULE_OBJECTS) $(LWIP_OBJECTS)
endif
