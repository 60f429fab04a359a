#include "network.h"

#include <string.h>

#include "../arch/console.h"
#include "../hal/board.h"
#include "../hal/ethernet.h"
#include "lwip/dhcp.h"
#include "lwip/ethip6.h"
#include "lwip/etharp.h"
#include "lwip/init.h"
#include "lwip/netif.h"
#include "lwip/pbuf.h"
#include "lwip/timeouts.h"
#include "netif/ethernet.h"

static struct netif interface;
static bool address_told;

u32_t sys_now(void) { return clock_ms(); }

_Noreturn void network_failed(const char *file, uint32_t line) {
  console_print("lwip: %s:%u\n", file, line);
  board_exit(103);
}

// xorshift32, seeded from the board's entropy.
uint32_t network_random(void) {
  static uint32_t state;
  while (state == 0)
    if (!entropy_read(&state, sizeof state)) state = clock_ms() + 1;
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state;
}

static err_t send(struct netif *netif, struct pbuf *frame) {
  (void)netif;
  if (!ethernet_send_begin(frame->tot_len)) return ERR_IF; // lost: TCP sends it again
  for (struct pbuf *part = frame; part; part = part->next) ethernet_send(part->payload, part->len);
  ethernet_send_end();
  return ERR_OK;
}

static err_t start(struct netif *netif) {
  netif->name[0] = 'e';
  netif->name[1] = 'n';
  netif->output = etharp_output;
  netif->linkoutput = send;
  netif->mtu = 1500;
  netif->hwaddr_len = ETH_HWADDR_LEN;
  netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET | NETIF_FLAG_LINK_UP;
  if (!ethernet_init(netif->hwaddr)) return ERR_IF;
#if LWIP_IPV6
  netif->output_ip6 = ethip6_output;
  netif->flags |= NETIF_FLAG_MLD6;
  netif_create_ip6_linklocal_address(netif, 1);
  netif_set_ip6_autoconfig_enabled(netif, 1);
  ethernet_receive_multicasts(); // neighbours and routers are asked by them
#endif
  return ERR_OK;
}

bool network_init(void) {
  lwip_init();
  if (!netif_add(&interface, NULL, NULL, NULL, NULL, start, ethernet_input)) return false;
  netif_set_default(&interface);
  netif_set_up(&interface);
  return dhcp_start(&interface) == ERR_OK;
}

// Of IPv6 the first address is link-local: it reaches no server elsewhere.
bool network_up(void) {
#if LWIP_IPV6
  for (s8_t i = 1; i < LWIP_IPV6_NUM_ADDRESSES; i++)
    if (ip6_addr_ispreferred(netif_ip6_addr_state(&interface, i))) return true;
#endif
  return dhcp_supplied_address(&interface);
}

static void receive(void) {
  for (size_t length; (length = ethernet_receive_begin()) > 0; ethernet_receive_end()) {
    struct pbuf *frame = pbuf_alloc(PBUF_RAW, (u16_t)length, PBUF_POOL);
    if (!frame) continue; // lost: TCP sends it again
    for (struct pbuf *part = frame; part; part = part->next)
      ethernet_receive(part->payload, part->len);
    if (interface.input(frame, &interface) != ERR_OK) pbuf_free(frame);
  }
}

void network_poll(void) {
  receive();
  sys_check_timeouts();
  if (!address_told && dhcp_supplied_address(&interface)) {
    address_told = true;
    const ip4_addr_t *own = netif_ip4_addr(&interface);
    console_print("network: %u.%u.%u.%u\n", ip4_addr1(own), ip4_addr2(own), ip4_addr3(own),
                  ip4_addr4(own));
  }
}

void network_arm(void) { ethernet_arm_interrupt(); }
