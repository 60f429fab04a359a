#include "board-client.h"

#include "../arch/console.h"
#include "../hal/board-time.h"
#include "../hal/board.h"
#include "../hal/record-flash.h"
#include "../common/trace.h"
#include "board-transport.h"

#ifdef TRACE
const char *trace_work_kind;
#endif

static uint32_t milliseconds(void *context) {
  (void)context;
  return clock_ms();
}

static bool seconds(void *context, uint64_t *out) {
  (void)context;
  return board_time(out);
}

static bool read_entropy(void *context, void *out, size_t length) {
  (void)context;
  return entropy_read(out, length);
}

static void print(void *context, const char *format, va_list arguments) {
  (void)context;
  console_vprint(format, arguments);
}

void board_client(struct vc_config *config) {
  static const struct vc_time time = {milliseconds, seconds, NULL};
  static const struct vc_entropy entropy = {read_entropy, NULL};
  static const struct vc_log log = {print, NULL};
  config->transport = &board_transport;
  config->time = &time;
  config->entropy = &entropy;
  static struct vc_flash flash;
  static const struct vc_store store = VC_FLASH_STORE(&flash);
  if (board_record_flash(&flash)) config->store = &store;
  vc_set_log(&log);
}

bool board_client_start(struct vc_config *config) {
  clock_start();
  board_client(config);
  return board_transport_start();
}
