// Sends a file to a server that its page names, over IPv4 or IPv6. The file begins with the port of the name server, a
// little-endian u16, which is at the address of the emulator's host.
#include <veracruz/page.h>

#include "../../arch/console.h"
#include "../../client/board-client.h"
#include "../../hal/board.h"
#include "../../net/network.h"
#include "lwip/dhcp.h"
#include "lwip/dns.h"
#include "lwip/netif.h"

unsigned short name_server_port;

enum { NO_PAGE = 64, NO_NETWORK = 65 };

// Each of the two has told of a name server by then.
static bool has_both_addresses(void) {
  return dhcp_supplied_address(netif_default) && ip6_addr_ispreferred(netif_ip6_addr_state(netif_default, 1));
}

int main(void) {
  struct vc_page page;
  if (vc_page_read((const uint8_t *)FLASH_PAGE, &page) || page.file_count != 1 || page.files[0].length < 2)
    board_exit(NO_PAGE);
  if (!board_client_start(&page.config)) board_exit(NO_NETWORK);
  while (!has_both_addresses()) network_poll();
  const ip_addr_t host = IPADDR4_INIT_BYTES(10, 0, 2, 2);
  name_server_port = (unsigned short)(page.files[0].bytes[0] | page.files[0].bytes[1] << 8);
  dns_setserver(0, &host);
  page.config.attempts = 2;
  int code = vc_connect(&page.config);
  if (code == VC_OK) code = vc_send_data(page.files[0].name, page.files[0].bytes, page.files[0].length);
  vc_close();
  console_print("names: end %d\n", code);
  board_exit(-code);
}
