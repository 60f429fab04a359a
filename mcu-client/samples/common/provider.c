#include "provider.h"

#include "../../arch/console.h"
#include "../../client/board-client.h"
#include "../../hal/board.h"
#include "../../hal/watchdog.h"
#include "../../common/trace.h"

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
  if (!board_client_start(&page->config)) {
    console_print("device: no Ethernet controller\n");
    board_exit(EXIT_NO_NETWORK);
  }
}

static bool session_lost(int code) {
  return code == VC_E_CLOSED || code == VC_E_TIMEOUT || code == VC_E_TLS || code == VC_E_CONNECT ||
         code == VC_E_HTTP || code == VC_E_SERVER || code == VC_E_STATE;
}

// What is under way: each ends with a code, which says what comes next.
static enum { CONNECTING, SENDING, FETCHING, PAUSING, ENDING, CLOSING, OVER } doing;
static struct vc_page own;
static uint8_t result[RESULT_BYTES];
static size_t sent;
static int outcome, lost;
static uint32_t paused;

// Begins `what`; what cannot be begun has ended with the answer.
static bool begin(int what) {
  const struct vc_page_file *file = &own.files[sent];
  int code = VC_OK;
  doing = what;
  switch (what) {
    case CONNECTING: code = vc_begin_connect(&own.config); break;
    case SENDING: code = vc_begin_send(file->kind, file->name, file->bytes, file->length); break;
    case FETCHING: code = vc_begin_result(own.result, result, sizeof result); break;
    case ENDING: code = vc_begin_shutdown(); break;
    case CLOSING:
      if (vc_begin_close() != VC_OK) vc_cancel();
      break;
    default: paused = clock_ms(); break;
  }
  outcome = code;
  return code == VC_OK;
}

static void tell_result(void) {
  size_t length = vc_result_length();
  console_print("device: %s, %u bytes: ", own.result, length);
  for (size_t i = 0; i < length; i++) {
    char digits[3] = {"0123456789abcdef"[result[i] >> 4], "0123456789abcdef"[result[i] & 15], 0};
    console_print("%s", digits);
  }
  console_print("\n");
}

static void tell_sent(const struct vc_page_file *file) {
  TRACE_HEAP("sent");
  console_print("device: sent %s, %u bytes\n", file->name, file->length);
}

// What comes after what has gone well.
static int next_of(int what) {
  if (what == CONNECTING) {
    TRACE_HEAP("connected");
  }
  if (what == SENDING) tell_sent(&own.files[sent++]);
  if (what == FETCHING) tell_result();
  if (what <= SENDING && sent < own.file_count) return SENDING;
  if (what <= SENDING && own.result) return FETCHING;
  if (what <= FETCHING && own.shutdown) return ENDING;
  return CLOSING;
}

static void end(int code) {
  begin(CLOSING);
  outcome = code;
}

// The operation has ended.
static void go_on(int code) {
  // While others have not sent theirs.
  if (doing == FETCHING && code == VC_E_NOT_READY) {
    begin(PAUSING);
    return;
  }
  while (code == VC_OK) {
    int next = next_of(doing);
    if (next == CLOSING) break;
    if (begin(next)) return;
    code = outcome;
  }
  bool again = session_lost(code) && ++lost < LOST_MAX;
  // Connecting has had its own attempts.
  if (again && code != VC_E_CONNECT) {
    console_print("device: the session was lost\n");
    if (begin(CONNECTING)) return;
    code = outcome;
  }
  end(code);
}

static enum vc_next step(struct vc_wait *wait) {
  if (doing == OVER) return VC_NEXT_DONE;
  if (doing == PAUSING) {
    uint32_t passed = clock_ms() - paused;
    *wait = (struct vc_wait){0, RESULT_WAIT_MS - passed};
    if (passed < RESULT_WAIT_MS) return VC_NEXT_WAIT;
    if (!begin(FETCHING)) go_on(outcome);
    return VC_NEXT_AGAIN;
  }
  enum vc_next next = vc_step(wait);
  if (next != VC_NEXT_DONE) return next;
  if (doing != CLOSING) {
    go_on(vc_outcome());
    return VC_NEXT_AGAIN;
  }
  doing = OVER;
  TRACE_HEAP("closed");
  TRACE_STACK();
  console_print("device: %s, %u files sent\n", outcome == VC_OK ? "done" : vc_code_name(outcome), sent);
  return VC_NEXT_DONE;
}

static int code(void) { return -outcome; }

_Noreturn void provider_run(const struct vc_page *page) {
  static const struct board_device device = {step, code};
  own = *page;
  if (!begin(CONNECTING)) end(outcome);
  board_client_run(&device);
}
