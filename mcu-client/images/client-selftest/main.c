// Calls the client's interface as it must not be called, and says what came of it: each wrong call has its
// code and its line, and none of them does any harm.
#include "../../arch/console.h"
#include "../../client/board-client.h"
#include "../../hal/board.h"
#include <veracruz/page.h>

static void told(const char *call, int code) { console_print("selftest: %s: %d\n", call, code); }

int main(void) {
  static uint8_t bytes[64];
  static const uint8_t nothing[64];
  size_t length;
  struct vc_page page;
  struct vc_config seams = {0};
  if (!board_client_start(&seams)) board_exit(1);
  vc_close();
  told("send before connecting", vc_send_data("input-0", bytes, sizeof bytes));
  told("program before connecting", vc_send_program("program", bytes, sizeof bytes));
  told("result before connecting", vc_request_result("output", bytes, sizeof bytes, &length));
  told("shutdown before connecting", vc_request_shutdown());
  told("send without a name", vc_send_data(NULL, bytes, sizeof bytes));
  told("send nothing of a length", vc_send_data("input-0", NULL, sizeof bytes));
  told("result without a place", vc_request_result("output", NULL, sizeof bytes, &length));
  told("connect without a configuration", vc_connect(NULL));
  struct vc_config empty = {.attempts = 1};
  told("connect with an empty configuration", vc_connect(&empty));

  const char *fault = vc_page_read((const uint8_t *)FLASH_PAGE, &page);
  if (fault) board_exit(1);
  board_client(&page.config);
  struct vc_config config = page.config;
  config.certificate = nothing;
  told("connect with a certificate that is none", vc_connect(&config));
  config = page.config;
  config.private_key = nothing;
  told("connect with a key that is none", vc_connect(&config));
  config = page.config;
  config.authority_length = 100000;
  told("connect with an authority that is too long", vc_connect(&config));
  config = page.config;
  config.server_host = "no address";
  config.attempts = 1;
  told("connect to no address", vc_connect(&config));
  config = page.config;
  config.policy_expiry = 1;
  told("connect under a policy that has expired", vc_connect(&config));

  // Nobody listens there: three attempts, later and later.
  config = page.config;
  config.attempts = 3;
  config.backoff_ms = 8;
  told("connect to nobody", vc_connect(&config));
  told("send after that", vc_send_data("input-0", bytes, sizeof bytes));
  vc_close();
  vc_close();
  board_exit(0);
}
