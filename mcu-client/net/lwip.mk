# lwIP. Before including: LWIP_OPTIONS, the folder of lwipopts.h, and LWIP_OUT, that of the objects; DNS=1 and IPV6=1 for
# what an image may have besides. Sets LWIP_OBJECTS, and adds to IMAGE_CFLAGS.
LWIP := $(PROJECT)/build/mcu/lwip
ifneq ($(shell node $(ROOT)/fetch-source.js lwip $(LWIP) >&2 || echo failed),)
$(error lwIP's source is needed for an image with Ethernet)
endif
LWIP_FILES := core/init core/def core/inet_chksum core/ip core/mem core/memp core/netif core/pbuf \
  core/tcp core/tcp_in core/tcp_out core/timeouts core/udp \
  core/ipv4/dhcp core/ipv4/etharp core/ipv4/icmp core/ipv4/ip4 core/ipv4/ip4_addr netif/ethernet
LWIP_DNS_FILES := core/dns
LWIP_IPV6_FILES := $(addprefix core/ipv6/,ethip6 icmp6 ip6 ip6_addr mld6 nd6)
LWIP_INCLUDE := $(if $(filter 1,$(DNS)),-DLWIP_DNS=1) $(if $(filter 1,$(IPV6)),-DLWIP_IPV6=1) -I$(LWIP_OPTIONS) -isystem $(LWIP)/src/include -I$(ROOT)/net
LWIP_OBJECTS := $(patsubst %,$(LWIP_OUT)/%.o,$(LWIP_FILES) \
  $(if $(filter 1,$(DNS)),$(LWIP_DNS_FILES)) $(if $(filter 1,$(IPV6)),$(LWIP_IPV6_FILES)))
IMAGE_CFLAGS += $(LWIP_INCLUDE)

$(eval $(call options_stamp,$(LWIP_OUT)/options,$(CC) $(COMMON) $(GUARDED) $(LWIP_INCLUDE) -Os))
$(LWIP_OUT)/%.o: $(LWIP)/src/%.c $(wildcard $(LWIP_OPTIONS)/lwipopts*.h $(ROOT)/net/lwipopts*.h) $(ROOT)/net/arch/cc.h $(LWIP_OUT)/options
	@mkdir -p $(@D)
	$(CC) $(COMMON) $(GUARDED) -w $(LWIP_INCLUDE) -ffile-prefix-map=$(LWIP)=lwip -Os -c $< -o $@
