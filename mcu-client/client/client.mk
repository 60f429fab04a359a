# What an image with a client needs. Before including: IMAGE_SOURCES of its own. HOST is how the client's
# module runs: compiled through C, or interpreted by wasm3.
HOST ?= c
OUT := $(BOARD_OUT)/client-$(HOST)
OBJECTS_OUT := $(BOARD_OUT)/client-$(HOST)-objects
include $(ROOT)/isolate/trace.mk
include $(ROOT)/boards/$(BOARD)/client.mk
STACK_SIZE ?= $(if $(filter c,$(HOST)),6144,16384)

MODULES := client
client_WASM := $(PROJECT)/build/wasm/client.wasm
# What the module's allocator keeps to (scripts/wasm-modules.js); an access beyond it is a trap. wasm3
# backs whole pages.
client_MEMORY_BYTES ?= $(if $(filter c,$(HOST)),41984,65536)
include $(ROOT)/isolate/isolate.mk
# An isolate's home runs programs, too; a client has no use for the interpreter but to run the module.
HOME_SOURCES := isolate/module.c client/client-platform.c
HOME_OBJECTS := $(OUT)/client-module.o
ifeq ($(HOST),c)
HOME_SOURCES += isolate/compiled-module.c wasm2c/wasm-rt.c
HOME_OBJECTS += $(OUT)/client-compiled.o
else
HOME_SOURCES += isolate/interpreted-module.c isolate/interpreter.c
HOME_OBJECTS += $(OUT)/client-embedded.o $(WASM3_OBJECTS)
endif

# lwIP with options of its own.
LWIP := $(PROJECT)/build/mcu/lwip
ifneq ($(shell node $(ROOT)/fetch-lwip.js $(LWIP) >&2 || echo failed),)
$(error lwIP's source is needed for an image with Ethernet)
endif
LWIP_FILES := core/init core/def core/inet_chksum core/ip core/mem core/memp core/netif core/pbuf \
  core/tcp core/tcp_in core/tcp_out core/timeouts core/udp \
  core/ipv4/dhcp core/ipv4/etharp core/ipv4/icmp core/ipv4/ip4 core/ipv4/ip4_addr netif/ethernet
LWIP_INCLUDE := -I$(ROOT)/client/lwip -isystem $(LWIP)/src/include -I$(ROOT)/net
LWIP_OBJECTS := $(patsubst %,$(BOARD_OUT)/client-lwip/%.o,$(LWIP_FILES))
$(eval $(call options_stamp,$(BOARD_OUT)/client-lwip/options,$(CC) $(COMMON) $(LWIP_INCLUDE) -Os))
$(BOARD_OUT)/client-lwip/%.o: $(LWIP)/src/%.c $(ROOT)/client/lwip/lwipopts.h $(ROOT)/net/arch/cc.h $(BOARD_OUT)/client-lwip/options
	@mkdir -p $(@D)
	$(CC) $(COMMON) -w $(LWIP_INCLUDE) -ffile-prefix-map=$(LWIP)=lwip -Os -c $< -o $@

IMAGE_CFLAGS += $(LWIP_INCLUDE) -DFLASH_PAGE=$(FLASH_PAGE)
IMAGE_SOURCES += client/veracruz-client.c client/tcp-client.c client/page.c net/network.c \
  link/crc32.c $(CLIENT_BOARD_SOURCES) $(HOME_SOURCES) $(TRACE_SOURCES)
IMAGE_OBJECTS := $(HOME_OBJECTS) $(LWIP_OBJECTS)
