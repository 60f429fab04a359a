# What an image with a client needs. Before including: IMAGE_SOURCES of its own. HOST is how the client's
# module runs: compiled through C, or interpreted by wasm3.
HOST ?= c
# DNS=1, IPV6=1: lwIP looks up names, or speaks IPv6, too.
DNS ?=
IPV6 ?=
NETWORK_KIND := $(if $(filter 1,$(DNS)),-dns)$(if $(filter 1,$(IPV6)),-ipv6)
OUT := $(BOARD_OUT)/client-$(HOST)$(NETWORK_KIND)
OBJECTS_OUT := $(BOARD_OUT)/client-$(HOST)$(NETWORK_KIND)-objects
include $(ROOT)/common/trace.mk
include $(ROOT)/boards/$(BOARD)/client.mk
STACK_SIZE ?= $(if $(filter c,$(HOST)),6144,16384)

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

# lwIP with options of its own.
LWIP_OPTIONS ?= $(ROOT)/client/lwip
LWIP_OUT := $(BOARD_OUT)/$(if $(filter $(ROOT)/client/lwip,$(LWIP_OPTIONS)),client,$(notdir $(LWIP_OPTIONS)))-lwip$(NETWORK_KIND)
include $(ROOT)/net/lwip.mk

IMAGE_CFLAGS += -DFLASH_PAGE=$(FLASH_PAGE) -I$(ROOT)/library/include -I$(ROOT)/link -I$(ROOT)/library/stores/flash
IMAGE_SOURCES += $(addprefix library/source/,client.c configure.c report.c blocking.c page.c module-home.c) \
  library/transports/lwip/lwip-transport.c library/stores/flash/flash-store.c client/board-client.c net/network.c link/crc32.c $(CLIENT_BOARD_SOURCES) $(MODULE_SOURCES) $(TRACE_SOURCES)
IMAGE_OBJECTS := $(MODULE_OBJECTS) $(LWIP_OBJECTS)
