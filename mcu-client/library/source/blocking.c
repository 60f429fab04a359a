// The blocking calls: each begins an operation and steps until it has ended.
#include "internal.h"

static int finish(int begun) {
  struct vc_wait wait;
  if (begun != VC_OK) return begun;
  for (enum vc_next next; (next = vc_step(&wait)) != VC_NEXT_DONE;) {
    const struct vc_config *config = vc_client.config;
    if (next == VC_NEXT_AGAIN) continue;
    if (config->waiting) config->waiting();
    if (config->transport->wait)
      config->transport->wait(config->transport->context, wait.events, wait.milliseconds);
  }
  return vc_outcome();
}

int vc_connect(const struct vc_config *config) { return finish(vc_begin_connect(config)); }

int vc_send(enum vc_file_kind kind, const char *file, const void *bytes, size_t length) {
  return finish(vc_begin_send(kind, file, bytes, length));
}

int vc_send_data(const char *file, const void *bytes, size_t length) {
  return vc_send(VC_FILE_DATA, file, bytes, length);
}

int vc_send_program(const char *file, const void *bytes, size_t length) {
  return vc_send(VC_FILE_PROGRAM, file, bytes, length);
}

int vc_request_result(const char *file, void *out, size_t capacity, size_t *length) {
  int code = finish(length ? vc_begin_result(file, out, capacity) : vc_begin_result(NULL, out, 0));
  if (code == VC_OK) *length = vc_result_length();
  return code;
}

int vc_request_state(struct vc_state *state) { return finish(vc_begin_state(state)); }

int vc_request_missing(char *names, size_t capacity) {
  return finish(vc_begin_missing(names, capacity));
}

int vc_request_next_round(uint32_t round) { return finish(vc_begin_next_round(round)); }

int vc_request_shutdown(void) { return finish(vc_begin_shutdown()); }

void vc_close(void) {
  int begun = vc_begin_close();
  if (begun == VC_OK) finish(begun);
  else vc_cancel();
}
