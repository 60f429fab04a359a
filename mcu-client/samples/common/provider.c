#include "provider.h"

#include "../../arch/console.h"
#include "../../client/board-client.h"
#include "../../hal/board.h"
#include "../../hal/watchdog.h"
#include "../../common/trace.h"
#include "../../net/network.h"

enum { RESULT_BYTES = 2048, LOST_MAX = 8, RESULT_WAIT_MS = 250 };
enum { EXIT_NO_PAGE = 64, EXIT_NO_NETWORK = 65 };

void provider_start(const char *sample, struct vc_page *page) {
  TRACE_PAINT_STACK();
  TRACE_START();
  watchdog_start();
  console_print("device: %s on %s%s\n", sample, board_name,
                board_is_development ? " (development board)" : "");
  const char *fault = vc_page_read((const uint8_t *)FLASH_PAGE, page);
  if (fault) {
    console_print("device: the page of its configuration: %s\n", fault);
    board_exit(EXIT_NO_PAGE);
  }
  page->config.waiting = watchdog_feed;
  if (!board_client_start(&page->config)) {
    console_print("device: no Ethernet controller\n");
    board_exit(EXIT_NO_NETWORK);
  }
}

static bool session_lost(int code) {
  return code == VC_E_CLOSED || code == VC_E_TIMEOUT || code == VC_E_TLS || code == VC_E_CONNECT ||
         code == VC_E_HTTP || code == VC_E_SERVER || code == VC_E_STATE;
}

static int send(const struct vc_page_file *file) {
  int code = vc_send(file->kind, file->name, file->bytes, file->length);
  TRACE_HEAP("sent");
  if (code == VC_OK) console_print("device: sent %s, %u bytes\n", file->name, file->length);
  return code;
}

static int fetch(const char *name) {
  static uint8_t result[RESULT_BYTES];
  size_t length;
  int code = vc_request_result(name, result, sizeof result, &length);
  if (code != VC_OK) return code;
  console_print("device: %s, %u bytes: ", name, length);
  for (size_t i = 0; i < length; i++) {
    char digits[3] = {"0123456789abcdef"[result[i] >> 4], "0123456789abcdef"[result[i] & 15], 0};
    console_print("%s", digits);
  }
  console_print("\n");
  return code;
}

// While others have not sent theirs.
static int fetch_when_ready(const struct vc_page *page) {
  for (;;) {
    int code = fetch(page->result);
    if (code != VC_E_NOT_READY) return code;
    for (uint32_t start = clock_ms(); clock_ms() - start < RESULT_WAIT_MS; network_poll())
      watchdog_feed();
  }
}

static int work(const struct vc_page *page, size_t *sent) {
  int code = vc_connect(&page->config);
  TRACE_HEAP("connected");
  for (; code == VC_OK && *sent < page->file_count; ++*sent) {
    code = send(&page->files[*sent]);
    if (code != VC_OK) return code;
  }
  if (code == VC_OK && page->result) code = fetch_when_ready(page);
  if (code == VC_OK && page->shutdown) code = vc_request_shutdown();
  return code;
}

_Noreturn void provider_run(struct vc_page *page) {
  size_t sent = 0;
  int code = VC_OK;
  for (int lost = 0; lost < LOST_MAX; lost++) {
    code = work(page, &sent);
    if (!session_lost(code)) break;
    // vc_connect has had its own attempts.
    if (code == VC_E_CONNECT) break;
    console_print("device: the session was lost\n");
  }
  vc_close();
  TRACE_HEAP("closed");
  TRACE_STACK();
  console_print("device: %s, %u files sent\n", code == VC_OK ? "done" : vc_code_name(code), sent);
  board_exit(-code);
}
