# lwIP and what joins it to the firmware. Sets NET_SOURCES and LWIP_OBJECTS.
LWIP := $(PROJECT)/build/mcu/lwip
ifneq ($(shell node $(ROOT)/fetch-lwip.js $(LWIP) >&2 || echo failed),)
$(error lwIP's source is needed for an image with Ethernet)
endif
LWIP_FILES := core/init core/def core/inet_chksum core/ip core/mem core/memp core/netif core/pbuf \
  core/tcp core/tcp_in core/tcp_out core/timeouts core/udp \
  core/ipv4/dhcp core/ipv4/etharp core/ipv4/icmp core/ipv4/ip4 core/ipv4/ip4_addr netif/ethernet
LWIP_INCLUDE := -isystem $(LWIP)/src/include -I$(ROOT)/net
NET_SOURCES := net/network.c net/tcp-link.c
LWIP_OBJECTS := $(patsubst %,$(BOARD_OUT)/lwip/%.o,$(LWIP_FILES))
IMAGE_CFLAGS += $(LWIP_INCLUDE)

$(eval $(call options_stamp,$(BOARD_OUT)/lwip/options,$(CC) $(COMMON) $(LWIP_INCLUDE) -Os))
$(BOARD_OUT)/lwip/%.o: $(LWIP)/src/%.c $(ROOT)/net/lwipopts.h $(ROOT)/net/arch/cc.h $(BOARD_OUT)/lwip/options
	@mkdir -p $(@D)
	$(CC) $(COMMON) -w $(LWIP_INCLUDE) -ffile-prefix-map=$(LWIP)=lwip -Os -c $< -o $@
