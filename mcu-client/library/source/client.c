// Takes an operation on by bounded pieces of work (vc_step): drives the client's module (assembly/mcu-client) over a
// transport.
#include <string.h>

#include "internal.h"

enum {
  POLL_MS = 50,
  BACKOFF_MS = 500,
  BACKOFF_MOST_MS = 30000,
  TIMEOUT_MS = 20000,
  READY_MS = 100, ///< how long to wait for an address before looking again
  SIGNED_MS = 10, ///< and for a signature
};

struct client vc_client;
#define self (&vc_client)

int vc_detail(void) { return self->detail; }
int vc_outcome(void) { return self->outcome; }
size_t vc_result_length(void) { return self->result_length; }
size_t vc_result_total(void) { return self->request.total; }
uint32_t vc_round(void) { return self->round; }

// ---- Time and the connection ----

static uint32_t now(void) {
  const struct vc_time *time = self->config->time;
  return time->milliseconds(time->context);
}

static uint32_t timeout(void) {
  return self->config->timeout_ms ? self->config->timeout_ms : TIMEOUT_MS;
}

static enum vc_link link_state(void) {
  const struct vc_transport *transport = self->config->transport;
  return transport->state(transport->context);
}

static void enter(enum stage stage) {
  self->stage = stage;
  self->since = now();
}

// ---- The end of an operation ----

static void end_session(void) {
  const struct vc_transport *transport = self->config ? self->config->transport : NULL;
  self->in_session = false;
  self->input_at = self->input_end = 0;
  if (self->is_signing) self->config->signer->cancel(self->config->signer->context);
  self->is_signing = false;
  if (transport) transport->close(transport->context);
  if (self->started) client_forget();
}

static enum vc_next finish(int code) {
  self->operation = OPERATION_NONE;
  self->outcome = code;
  return VC_NEXT_DONE;
}

static const char *doing(void) {
  if (self->operation == OPERATION_CONNECT) {
    if (self->stage != STAGE_CONFIGURE) return "connecting";
    return self->started ? "configuring" : "starting";
  }
  if (self->operation == OPERATION_CLOSE) return "closing";
  return self->request.doing;
}

// What may pass by itself. A wrong isolate stays wrong.
static bool may_pass(int code) {
  switch (code) {
    case VC_E_NETWORK:
    case VC_E_CONNECT:
    case VC_E_HTTP:
    case VC_E_SERVER:
    case VC_E_TLS:
    case VC_E_CLOSED:
    case VC_E_NOT_READY: // nobody who may write has come yet
    case VC_E_FRESHNESS: // the attestation server may not have answered
    case VC_E_TIMEOUT: return true;
    default: return false;
  }
}

static void back_off(void) {
  const struct vc_entropy *entropy = self->config->entropy;
  uint32_t delay = self->config->backoff_ms ? self->config->backoff_ms : BACKOFF_MS, random = 0;
  for (uint32_t i = 0; i < self->attempt && delay < BACKOFF_MOST_MS; i++) delay *= 2;
  if (delay > BACKOFF_MOST_MS) delay = BACKOFF_MOST_MS;
  // Not all devices at once when a server comes back: up to a quarter more.
  if (entropy->read(entropy->context, &random, sizeof random)) delay += random % (delay / 4 + 1);
  vc_log("vc: trying again in %u ms\n", (unsigned)delay);
  self->delay = delay;
  self->attempt++;
  enter(STAGE_BACKOFF);
}

// An error of the session ends it; connecting tries again what may pass.
static enum vc_next fail(int code) {
  enum operation operation = self->operation;
  if (operation != OPERATION_CLOSE) vc_report(code, doing());
  if (operation == OPERATION_CONNECT && self->stage == STAGE_CONFIGURE) return finish(code);
  end_session();
  if (operation != OPERATION_CONNECT || !may_pass(code) ||
      self->attempt + 1 == self->config->attempts)
    return finish(code);
  back_off();
  return VC_NEXT_AGAIN;
}

// What has to come before the operation goes on; without it in time, it fails.
static enum vc_next wait_for(struct vc_wait *wait, uint32_t events, uint32_t most, int code) {
  uint32_t passed = now() - self->since;
  if (passed >= most) return fail(code);
  wait->events = events;
  wait->milliseconds = most - passed;
  return VC_NEXT_WAIT;
}

// ---- Connecting ----

static enum vc_next configure(void) {
  TRACE_WORK_KIND("configure");
  int code = vc_configure();
  if (code != VC_OK) return fail(code);
  enter(STAGE_NETWORK);
  return VC_NEXT_AGAIN;
}

static enum vc_next await_network(struct vc_wait *wait) {
  const struct vc_transport *transport = self->config->transport;
  if (transport->ready && !transport->ready(transport->context)) {
    enum vc_next next = wait_for(wait, VC_EVENT_NETWORK, timeout(), VC_E_NETWORK);
    if (wait->milliseconds > READY_MS) wait->milliseconds = READY_MS;
    return next;
  }
  enter(STAGE_OPEN);
  return VC_NEXT_AGAIN;
}

static int set_time(void) {
  const struct vc_time *time = self->config->time;
  uint64_t seconds;
  if (!time->seconds || !time->seconds(time->context, &seconds)) {
    vc_log("vc: no clock: dates are not checked, the isolate is to attest anew\n");
    return client_setTime(~0u, ~0u) ? VC_OK : VC_E_MODULE;
  }
  if (seconds >= self->config->policy_expiry) return VC_E_EXPIRED;
  return client_setTime((uint32_t)seconds, (uint32_t)(seconds >> 32)) ? VC_OK : VC_E_MODULE;
}

static enum vc_next open_session(void) {
  uint32_t answer;
  TRACE_WORK_KIND("open");
  self->detail = 0;
  int code = set_time();
  if (code == VC_OK) code = client_open(&answer) ? (int)answer : VC_E_MODULE;
  if (code != VC_OK) return fail(code);
  enter(STAGE_RUN);
  self->began = self->since;
  return VC_NEXT_AGAIN;
}

static enum vc_next begin_connection(void) {
  const struct vc_config *config = self->config;
  const struct vc_transport *transport = config->transport;
  if (!transport->connect(transport->context, config->server_host, config->server_port))
    return fail(VC_E_CONNECT);
  enter(STAGE_CONNECTING);
  self->began = self->since;
  return VC_NEXT_AGAIN;
}

static enum vc_next await_connection(struct vc_wait *wait) {
  enum vc_link state = link_state();
  if (state == VC_LINK_OPENING)
    return wait_for(wait, VC_EVENT_WRITABLE, timeout(), VC_E_CONNECT);
  if (state == VC_LINK_CLOSED) return fail(VC_E_CONNECT);
  if (!client_connected()) return fail(VC_E_MODULE);
  enter(STAGE_RUN);
  return VC_NEXT_AGAIN;
}

// ---- Requests ----

// The next message of a request: its name, and behind it what is sent, go into the module's buffer.
static int ask(void) {
  struct request *request = &self->request;
  uint32_t answer, type = request->type, length = self->piece_bytes;
  size_t name_length = request->name ? strlen(request->name) : 0, left = request->end - request->at;
  bool is_result = type == MESSAGE_REQUEST_RESULT;
  if (left < length && !request->whole) length = (uint32_t)left;
  if (name_length > MAX_FILE_NAME_BYTES || name_length + length > self->shared_bytes)
    return VC_E_ARGUMENT;
  if (request->name) memcpy(self->shared, request->name, name_length);
  if (request->from) memcpy(self->shared + name_length, request->from, length);
  if (!client_ask(type, (uint32_t)name_length, request->round, (uint32_t)request->at,
                  is_result ? 0 : (uint32_t)request->total, length, &answer))
    return VC_E_MODULE;
  if ((int)answer == VC_OK) {
    enter(STAGE_RUN);
    self->began = self->since;
  }
  return (int)answer;
}

// The piece that an answer brought, or NULL.
static const uint8_t *piece_of(uint32_t *total, uint32_t *length) {
  uint32_t address;
  if (!client_total(total) || !client_pieceLength(length) || !client_piece(&address)) return NULL;
  return client_memory(address, *length);
}

static int take_result(void) {
  struct request *request = &self->request;
  uint32_t total, got;
  const uint8_t *piece = piece_of(&total, &got);
  if (!piece || !client_round(&self->round)) return VC_E_MODULE;
  request->round = self->round; // what is begun in a round goes on in it
  // The length may not change on the way.
  bool first = self->result_length == 0;
  if (!first && total != request->total) return VC_E_PROTOCOL;
  if (request->whole && total > request->end) return VC_E_ARGUMENT;
  request->total = total;
  if (request->end > total) request->end = total;
  // Nor may a piece be empty or too long.
  if (request->at > request->end || got > request->end - request->at ||
      (got == 0 && request->at < request->end))
    return VC_E_PROTOCOL;
  memcpy(request->to, piece, got);
  request->to += got;
  request->at += got;
  self->result_length += got;
  return VC_OK;
}

// State: the numbers as the application has them, a u32 each.
static int take_state(void) {
  uint32_t total, got;
  const uint8_t *piece = piece_of(&total, &got);
  if (!piece || got != sizeof(struct vc_state) || !client_round(&self->round)) return VC_E_MODULE;
  memcpy(self->request.to, piece, got);
  return VC_OK;
}

// Names: those of files that have come so far, and a 0 behind them.
static int take_missing(void) {
  struct request *request = &self->request;
  uint32_t next, got;
  const uint8_t *piece = piece_of(&next, &got);
  if (!piece) return VC_E_MODULE;
  if (got >= request->room) return VC_E_ARGUMENT;
  for (uint32_t i = 0; i < got; i++)
    *request->to++ = (piece[i] > ' ' && piece[i] < 127) || piece[i] == '\n' ? piece[i] : '?';
  *request->to = 0;
  request->room -= got;
  self->result_length += got;
  request->at = next; // 0: these are all, and `end` is 0
  return VC_OK;
}

// What was sent has arrived.
static int take_receipt(void) {
  struct request *request = &self->request;
  size_t left = request->end - request->at;
  size_t length = left < self->piece_bytes ? left : self->piece_bytes;
  request->at += length;
  if (request->from) request->from += length;
  return VC_OK;
}

// The isolate has answered a message of a request.
static enum vc_next take_answer(void) {
  struct request *request = &self->request;
  uint32_t outcome = 0;
  if (!client_outcome(&outcome) || !client_detail((uint32_t *)&self->detail))
    return fail(VC_E_MODULE);
  int code = (int)outcome;
  if (code == VC_OK) code = request->take();
  if (code == VC_E_MODULE) return fail(code);
  if (code != VC_OK) return finish(vc_report(code, doing())); // a refusal leaves the session open
  if (request->at == request->end) return finish(VC_OK);
  code = ask();
  return code == VC_OK ? VC_NEXT_AGAIN : fail(code);
}

// ---- What the module says ----

static enum vc_next idle(void) {
  switch (self->operation) {
    case OPERATION_CONNECT: {
      int code = vc_save_record();
      if (code != VC_OK) return fail(code);
      self->in_session = true;
      vc_report_session();
      return finish(VC_OK);
    }
    case OPERATION_ASK: return take_answer();
    default: end_session(); return finish(VC_OK);
  }
}

// Sends what the module has to say.
static enum vc_next send_output(struct vc_wait *wait) {
  const struct vc_transport *transport = self->config->transport;
  uint32_t address, length;
  if (!client_outputLength(&length) || !client_output(&address)) return fail(VC_E_MODULE);
  const uint8_t *bytes = client_memory(address, length);
  if (!bytes) return fail(VC_E_MODULE);
  uint32_t taken = (uint32_t)transport->send(transport->context, bytes, length);
  if (taken > 0) {
    if (taken > length || !client_sent(taken)) return fail(VC_E_MODULE);
    self->since = now();
    return VC_NEXT_AGAIN;
  }
  if (link_state() == VC_LINK_OPEN)
    return wait_for(wait, VC_EVENT_WRITABLE, timeout(), VC_E_TIMEOUT);
  return VC_NEXT_AGAIN; // the module says what the end of the connection means
}

static enum vc_next receive_input(struct vc_wait *wait) {
  const struct vc_transport *transport = self->config->transport;
  size_t length = transport->receive(transport->context, self->shared, self->shared_bytes);
  if (length > 0) {
    if (length > self->shared_bytes) return fail(VC_E_MODULE);
    self->input_at = 0;
    self->input_end = length;
    self->since = now();
    return VC_NEXT_AGAIN;
  }
  if (link_state() == VC_LINK_OPEN)
    return wait_for(wait, VC_EVENT_READABLE, timeout(), VC_E_TIMEOUT);
  return VC_NEXT_AGAIN;
}

// Hands over what has come; how much of it was taken.
static bool give_input(uint32_t *taken) {
  TRACE_WORK_KIND("receive");
  *taken = 0;
  size_t left = self->input_end - self->input_at;
  if (!client_receive((uint32_t)self->input_at, (uint32_t)left, taken) || *taken > left) return false;
  self->input_at += *taken;
  return true;
}

static enum vc_next do_work(void) {
  TRACE_WORK_KIND("work");
  return client_work() ? VC_NEXT_AGAIN : fail(VC_E_MODULE);
}

// Has the key's owner sign.
static enum vc_next sign(struct vc_wait *wait) {
  const struct vc_signer *signer = self->config->signer;
  uint32_t purpose, content, length, address;
  if (!client_signPurpose(&purpose) || !client_signContent(&content) ||
      !client_signLength(&length) || !client_signature(&address))
    return fail(VC_E_MODULE);
  const uint8_t *bytes = client_memory(content, length);
  uint8_t *signature = client_memory(address, 64);
  if (!signer || !bytes || !signature) return fail(VC_E_MODULE);
  if (!self->is_signing) {
    self->sign_request = (struct vc_sign_request){(enum vc_sign_purpose)purpose, bytes, length};
    if (!signer->begin(signer->context, &self->sign_request)) return fail(VC_E_SIGNATURE);
    self->is_signing = true;
    self->since = now();
  }
  switch (signer->finish(signer->context, signature)) {
    case VC_SIGNED:
      self->is_signing = false;
      self->since = now();
      return client_signed() ? VC_NEXT_AGAIN : fail(VC_E_MODULE);
    case VC_SIGN_LATER: {
      enum vc_next next = wait_for(wait, VC_EVENT_SIGNATURE, timeout(), VC_E_SIGNATURE);
      if (wait->milliseconds > SIGNED_MS) wait->milliseconds = SIGNED_MS;
      return next;
    }
    default:
      self->is_signing = false;
      return fail(VC_E_SIGNATURE);
  }
}

static enum vc_next run(struct vc_wait *wait) {
  uint32_t next, code, taken;
  if (self->input_at < self->input_end) {
    // Before anything else, so that what nobody has asked for is seen as that.
    if (!give_input(&taken)) return fail(VC_E_MODULE);
    if (taken > 0) return VC_NEXT_AGAIN;
  } else if (link_state() == VC_LINK_CLOSED && !client_disconnected()) {
    return fail(VC_E_MODULE);
  }
  if (!client_step(&next)) return fail(VC_E_MODULE);
  switch (next) {
    case STEP_WORK: return do_work();
    case STEP_SIGN: return sign(wait);
    case STEP_IDLE: return idle();
    case STEP_CONNECT: return begin_connection();
    case STEP_SEND: return send_output(wait);
    case STEP_RECEIVE: return receive_input(wait);
    case STEP_PAUSE:
      // What comes and goes while the isolate is being asked is no progress.
      if (now() - self->began > timeout()) return fail(VC_E_TIMEOUT);
      enter(STAGE_PAUSE);
      return VC_NEXT_AGAIN;
    default:
      if (!client_failure(&code) || !client_detail((uint32_t *)&self->detail))
        return fail(VC_E_MODULE);
      return fail((int)code);
  }
}

// ---- Steps ----

static enum vc_next back_off_over(struct vc_wait *wait) {
  uint32_t passed = now() - self->since;
  if (passed < self->delay) {
    wait->milliseconds = self->delay - passed;
    return VC_NEXT_WAIT;
  }
  enter(STAGE_NETWORK);
  return VC_NEXT_AGAIN;
}

static enum vc_next pause_over(struct vc_wait *wait) {
  uint32_t passed = now() - self->since;
  if (passed < POLL_MS) {
    wait->milliseconds = POLL_MS - passed;
    return VC_NEXT_WAIT;
  }
  if (!client_poll()) return fail(VC_E_MODULE);
  enter(STAGE_RUN);
  return VC_NEXT_AGAIN;
}

static enum vc_next advance(struct vc_wait *wait) {
  switch (self->stage) {
    case STAGE_CONFIGURE: return configure();
    case STAGE_NETWORK: return await_network(wait);
    case STAGE_OPEN: return open_session();
    case STAGE_CONNECTING: return await_connection(wait);
    case STAGE_BACKOFF: return back_off_over(wait);
    case STAGE_PAUSE: return pause_over(wait);
    default: return run(wait);
  }
}

enum vc_next vc_step(struct vc_wait *wait) {
  *wait = (struct vc_wait){0, 0};
  if (self->operation == OPERATION_NONE) return VC_NEXT_DONE;
  const struct vc_transport *transport = self->config->transport;
  uint32_t poll_again = transport->poll ? transport->poll(transport->context) : ~0u;
  TRACE_WORK_BEGIN();
  enum vc_next next = advance(wait);
  TRACE_WORK_END();
  if (next == VC_NEXT_WAIT && wait->milliseconds > poll_again) wait->milliseconds = poll_again;
  return next;
}

// ---- Beginning ----

// What cannot be begun says so as what fails later does.
static int begin_failed(int code, const char *what) {
  if (self->operation != OPERATION_NONE) return code;
  self->detail = 0;
  self->outcome = code;
  return vc_report(code, what);
}

static bool is_complete(const struct vc_config *config) {
  const struct vc_transport *t = config->transport;
  return t && t->connect && t->state && t->send && t->receive && t->close && config->time &&
         config->time->milliseconds && config->entropy && config->entropy->read &&
         config->server_host && config->authority && config->certificate &&
         (config->private_key || config->signer) && config->policy_hash && config->scope_hash;
}

int vc_begin_connect(const struct vc_config *config) {
  if (self->operation != OPERATION_NONE) return VC_E_STATE;
  if (!config) return begin_failed(VC_E_ARGUMENT, "connecting");
  end_session();
  self->config = config;
  if (!is_complete(config)) {
    int code = begin_failed(VC_E_CONFIGURATION, "configuring");
    self->config = NULL;
    return code;
  }
  self->operation = OPERATION_CONNECT;
  self->attempt = 0;
  self->detail = 0;
  enter(STAGE_CONFIGURE);
  return VC_OK;
}

static int begin_ask(const struct request *request) {
  if (self->operation != OPERATION_NONE) return VC_E_STATE;
  self->request = *request;
  self->result_length = 0;
  int code = self->in_session ? ask() : VC_E_STATE;
  if (code != VC_OK) {
    begin_failed(code, doing());
    if (code == VC_E_MODULE) end_session();
    return code;
  }
  self->operation = OPERATION_ASK;
  self->detail = 0;
  return VC_OK;
}

static int begin_send(uint8_t type, uint32_t round, const char *file, size_t total, size_t offset,
                      const void *bytes, size_t length) {
  if (!file || (!bytes && length > 0) || offset > total || length > total - offset ||
      total > UINT32_MAX)
    return begin_failed(VC_E_ARGUMENT, "sending");
  return begin_ask(&(struct request){
      .type = type,
      .doing = "sending",
      .take = take_receipt,
      .name = file,
      .from = bytes,
      .at = offset,
      .end = offset + length,
      .total = total,
      .round = round,
  });
}

int vc_begin_send_part(enum vc_file_kind kind, const char *file, size_t total, size_t offset,
                       const void *bytes, size_t length) {
  static const uint8_t types[] = {MESSAGE_DATA, MESSAGE_PROGRAM, MESSAGE_STREAM};
  if ((unsigned)kind >= sizeof types) return begin_failed(VC_E_ARGUMENT, "sending");
  return begin_send(types[kind], 0, file, total, offset, bytes, length);
}

int vc_begin_stream_part(uint32_t round, const char *stream, size_t total, size_t offset,
                         const void *bytes, size_t length) {
  return begin_send(MESSAGE_STREAM, round, stream, total, offset, bytes, length);
}

int vc_begin_send(enum vc_file_kind kind, const char *file, const void *bytes, size_t length) {
  return vc_begin_send_part(kind, file, length, 0, bytes, length);
}

static int begin_result(const char *file, size_t offset, void *out, size_t capacity, bool whole) {
  if (!file || !out || (capacity == 0 && !whole) || offset > UINT32_MAX ||
      capacity > UINT32_MAX - offset)
    return begin_failed(VC_E_ARGUMENT, "fetching a result");
  return begin_ask(&(struct request){
      .type = MESSAGE_REQUEST_RESULT,
      .doing = "fetching a result",
      .take = take_result,
      .whole = whole,
      .name = file,
      .to = out,
      .at = offset,
      .end = offset + capacity,
      .round = offset > 0 ? self->round : 0,
  });
}

int vc_begin_result(const char *file, void *out, size_t capacity) {
  return begin_result(file, 0, out, capacity, true);
}

int vc_begin_result_part(const char *file, size_t offset, void *out, size_t capacity) {
  return begin_result(file, offset, out, capacity, false);
}

int vc_begin_state(struct vc_state *state) {
  static const char doing[] = "asking for the state";
  if (!state) return begin_failed(VC_E_ARGUMENT, doing);
  return begin_ask(&(struct request){
      .type = MESSAGE_REQUEST_STATE, .doing = doing, .take = take_state, .to = (uint8_t *)state});
}

int vc_begin_missing(char *names, size_t capacity) {
  static const char doing[] = "asking what is missing";
  if (!names || capacity == 0) return begin_failed(VC_E_ARGUMENT, doing);
  return begin_ask(&(struct request){
      .type = MESSAGE_REQUEST_MISSING,
      .doing = doing,
      .take = take_missing,
      .to = (uint8_t *)names,
      .room = capacity,
  });
}

int vc_begin_next_round(uint32_t round) {
  return begin_ask(&(struct request){
      .type = MESSAGE_REQUEST_NEXT_ROUND, .doing = "ending a round", .take = take_receipt, .round = round});
}

int vc_begin_shutdown(void) {
  return begin_ask(&(struct request){
      .type = MESSAGE_REQUEST_SHUTDOWN, .doing = "agreeing to the end", .take = take_receipt});
}

int vc_begin_close(void) {
  if (self->operation != OPERATION_NONE && self->operation != OPERATION_ASK) return VC_E_STATE;
  self->outcome = VC_OK;
  if (!self->in_session || !client_close()) {
    end_session();
    return VC_OK; // vc_step says that it is done
  }
  self->operation = OPERATION_CLOSE;
  enter(STAGE_RUN);
  return VC_OK;
}

void vc_cancel(void) {
  if (self->operation != OPERATION_NONE) finish(VC_E_CANCELLED);
  if (self->config) end_session();
}
