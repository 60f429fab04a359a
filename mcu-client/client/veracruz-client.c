// Drives the client's module (assembly/mcu-client) over a TCP connection: moves bytes, waits, and says on
// the console what went wrong. What is sent, and to whom, is decided in the module.
#include "veracruz-client.h"

#include <string.h>

#include "../arch/console.h"
#include "../arch/cortex-m.h"
#include "../hal/board.h"
#include "../isolate/trace.h"
#include "../net/network.h"
#include "client.h"
#include "module.h"
#include "platform-interface.h"
#include "tcp-client.h"

enum { STEP_IDLE, STEP_CONNECT, STEP_SEND, STEP_RECEIVE, STEP_PAUSE, STEP_FAILED };
enum { KIND_LINUX = 1, KIND_MCU = 2 };
enum { SUITE_CHACHA20_POLY1305 = 1, SUITE_AES_128_GCM = 2 };
enum { HASH_BYTES = 32, MAX_NAME = 64 };
enum { POLL_MS = 50, BACKOFF_MS = 500, BACKOFF_MOST_MS = 30000, TIMEOUT_MS = 20000 };

static const struct vc_config *config;
static uint8_t *shared; // the module's buffer
static uint32_t shared_bytes, piece_bytes;
static bool started; // the module: before that, none of its exports may be called
static bool in_session;
static int detail;

const char *vc_code_name(int code) {
  static const char *const names[] = {
      "OK",           "CONFIGURATION", "NETWORK",     "CONNECT",  "HTTP",     "SERVER",
      "TLS",          "CHAIN",         "KIND",        "LIFECYCLE", "RUNTIME_HASH", "POLICY_HASH",
      "IDENTITY",     "CLOSED",        "MEMORY",      "ENTROPY",  "TIMEOUT",  "PROTOCOL",
      "ROLE",         "NOT_READY",     "GENERIC",     "PROGRAM",  "RETURN_CODE", "REQUEST",
      "ARGUMENT",     "STATE",         "MODULE",      "EXPIRED",
  };
  return code <= 0 && -code < (int)(sizeof names / sizeof names[0]) ? names[-code] : "unknown";
}

int vc_detail(void) { return detail; }

// What the isolate or the server explains: bytes from outside, of which only plain ones are shown.
static void print_text(void) {
  uint32_t address, length;
  if (!started) return;
  if (!client_textLength(&length) || length == 0 || !client_text(&address)) return;
  const uint8_t *text = client_memory(address, length);
  if (!text) return;
  console_print(": ");
  for (uint32_t i = 0; i < length; i++) {
    char shown[2] = {text[i] >= ' ' && text[i] < 127 ? (char)text[i] : '?', 0};
    console_print("%s", shown);
  }
}

// Every failure ends here: a code, and a line on the console.
static int report(int code, const char *doing) {
  if (code == VC_OK) return code;
  console_print("vc: error %d %s, %s, detail %d", code, vc_code_name(code), doing, detail);
  if (code == VC_E_MODULE)
    console_print(": %s", module_failure() ? module_failure() : "a pointer out of its memory");
  else
    print_text();
  console_print("\n");
  return code;
}

static void wait(void) {
  if (config->waiting) config->waiting();
  network_arm();
  wait_for_interrupt();
  network_poll();
}

static void end_session(void) {
  in_session = false;
  tcp_client_close();
  if (started) client_forget();
}

// Waits for the connection to open. False: it does not.
static bool connect_tcp(uint32_t timeout) {
  if (!tcp_client_open(config->server_host, config->server_port)) return false;
  uint32_t start = clock_ms();
  while (tcp_client_state() == TCP_CONNECTION_OPENING && clock_ms() - start < timeout) wait();
  return tcp_client_state() == TCP_CONNECTION_OPEN;
}

// Hands bytes over until the module has all of them. False: the connection ended, or no progress.
static int send_output(uint32_t timeout) {
  uint32_t start = clock_ms(), address, length;
  for (;;) {
    if (!client_outputLength(&length) || !client_output(&address)) return VC_E_MODULE;
    if (length == 0) return VC_OK;
    const uint8_t *bytes = client_memory(address, length);
    if (!bytes) return VC_E_MODULE;
    uint32_t taken = (uint32_t)tcp_client_send(bytes, length);
    if (taken > 0) {
      if (!client_sent(taken)) return VC_E_MODULE;
      start = clock_ms();
      continue;
    }
    if (tcp_client_state() != TCP_CONNECTION_OPEN) {
      if (!client_disconnected()) return VC_E_MODULE;
      return VC_OK; // the module says what that means
    }
    if (clock_ms() - start > timeout) return VC_E_TIMEOUT;
    wait();
  }
}

static int receive_input(uint32_t timeout) {
  uint32_t start = clock_ms();
  for (;;) {
    uint32_t length = (uint32_t)tcp_client_receive(shared, shared_bytes);
    if (length > 0) {
      TRACE_BEGIN();
      bool taken = client_receive(length);
      TRACE_END("receive");
      return taken ? VC_OK : VC_E_MODULE;
    }
    if (tcp_client_state() != TCP_CONNECTION_OPEN)
      return client_disconnected() ? VC_OK : VC_E_MODULE;
    if (clock_ms() - start > timeout) return VC_E_TIMEOUT;
    wait();
  }
}

// Goes on until the request is answered, or the session has ended.
static int run(void) {
  uint32_t timeout = config->timeout_ms ? config->timeout_ms : TIMEOUT_MS, next, code;
  uint32_t last_progress = clock_ms();
  detail = 0;
  for (;;) {
    network_poll();
    if (tcp_client_state() == TCP_CONNECTION_CLOSED && !client_disconnected()) return VC_E_MODULE;
    TRACE_BEGIN();
    bool stepped = client_step(&next);
    TRACE_END("step");
    if (!stepped) return VC_E_MODULE;
    int result = VC_OK;
    switch (next) {
      case STEP_IDLE:
        return VC_OK;
      case STEP_CONNECT:
        if (!connect_tcp(timeout)) return VC_E_CONNECT;
        if (!client_connected()) return VC_E_MODULE;
        break;
      case STEP_SEND:
        result = send_output(timeout);
        break;
      case STEP_RECEIVE:
        result = receive_input(timeout);
        break;
      case STEP_PAUSE:
        if (clock_ms() - last_progress > timeout) return VC_E_TIMEOUT;
        for (uint32_t start = clock_ms(); clock_ms() - start < POLL_MS;) wait();
        if (!client_poll()) return VC_E_MODULE;
        continue;
      default:
        if (!client_failure(&code) || !client_detail((uint32_t *)&detail)) return VC_E_MODULE;
        return (int)code;
    }
    if (result != VC_OK) return result;
    if (next == STEP_CONNECT) last_progress = clock_ms();
  }
}

// A call inside of a session: an error of the session ends it, a refusal by the isolate does not.
static int exchange(const char *doing) {
  uint32_t outcome = 0;
  int code = run();
  if (code == VC_OK && (!client_outcome(&outcome) || !client_detail((uint32_t *)&detail)))
    code = VC_E_MODULE;
  if (code == VC_OK && (int)outcome != VC_OK) return report((int)outcome, doing);
  if (code != VC_OK) {
    report(code, doing);
    end_session();
  }
  return code;
}

// ---- Connecting ----

static bool put(const void *bytes, size_t length) {
  if (length > shared_bytes) return false;
  memcpy(shared, bytes, length);
  return true;
}

// What a call of the module answered.
static int answered(bool called, uint32_t answer) { return called ? (int)answer : VC_E_MODULE; }

static int set_host(void) {
  uint32_t answer = 0;
  size_t length = strlen(config->server_host);
  if (!put(config->server_host, length)) return VC_E_CONFIGURATION;
  return answered(client_setHost(length, &answer), answer);
}

static int set_authority(void) {
  uint32_t answer = 0;
  if (!put(config->authority, config->authority_length)) return VC_E_CONFIGURATION;
  return answered(client_setAuthority(config->authority_length, &answer), answer);
}

static int set_identity(void) {
  uint32_t answer = 0;
  if (config->certificate_length > shared_bytes - 32) return VC_E_CONFIGURATION;
  memcpy(shared, config->private_key, 32);
  memcpy(shared + 32, config->certificate, config->certificate_length);
  // The module wipes the key from the buffer, whatever it answers.
  return answered(client_setIdentity(32 + config->certificate_length, &answer), answer);
}

static int set_runtime_hash(const uint8_t *hash, uint32_t kind) {
  uint32_t answer = 0;
  if (!hash) return VC_OK;
  if (!put(hash, HASH_BYTES)) return VC_E_CONFIGURATION;
  return answered(client_setRuntimeHash(kind, &answer), answer);
}

static int configure(void) {
  uint32_t address;
  const struct vc_config *c = config;
  if (!client_buffer(&address) || !client_bufferBytes(&shared_bytes) ||
      !client_pieceBytes(&piece_bytes))
    return VC_E_MODULE;
  shared = client_memory(address, shared_bytes);
  if (!shared) return VC_E_MODULE;
  if (!c->server_host || !c->authority || !c->certificate || !c->private_key || !c->policy_hash)
    return VC_E_CONFIGURATION;
  int code = set_host();
  if (code == VC_OK) code = set_authority();
  if (code == VC_OK) code = set_identity();
  if (code != VC_OK) return code;
  if (!put(c->policy_hash, HASH_BYTES)) return VC_E_CONFIGURATION;
  if (!client_setPolicyHash()) return VC_E_MODULE;
  code = set_runtime_hash(c->runtime_hash_linux, KIND_LINUX);
  if (code == VC_OK) code = set_runtime_hash(c->runtime_hash_mcu, KIND_MCU);
  if (code != VC_OK) return code;
  uint32_t suite = c->aes ? SUITE_AES_128_GCM : SUITE_CHACHA20_POLY1305;
  return client_setAllowDevelopment(c->allow_development) && client_setSuite(suite) ? VC_OK
                                                                                     : VC_E_MODULE;
}

static int set_time(void) {
  uint64_t now;
  if (!config->time || !config->time(&now)) {
    console_print("vc: no clock: dates are not checked\n");
    return client_setTime(~0u, ~0u) ? VC_OK : VC_E_MODULE;
  }
  if (now >= config->policy_expiry) return VC_E_EXPIRED;
  return client_setTime((uint32_t)now, (uint32_t)(now >> 32)) ? VC_OK : VC_E_MODULE;
}

static int connect_once(void) {
  uint32_t answer, timeout = config->timeout_ms ? config->timeout_ms : TIMEOUT_MS;
  detail = 0;
  for (uint32_t start = clock_ms(); !network_up(); wait())
    if (clock_ms() - start > timeout) return VC_E_NETWORK;
  int code = set_time();
  if (code != VC_OK) return code;
  TRACE_BEGIN();
  bool opened = client_open(&answer);
  TRACE_END("open");
  if (!opened) return VC_E_MODULE;
  return (int)answer != VC_OK ? (int)answer : run();
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
    case VC_E_TIMEOUT: return true;
    default: return false;
  }
}

static void back_off(uint32_t attempt) {
  uint32_t delay = config->backoff_ms ? config->backoff_ms : BACKOFF_MS, random = 0;
  while (attempt-- > 0 && delay < BACKOFF_MOST_MS) delay *= 2;
  if (delay > BACKOFF_MOST_MS) delay = BACKOFF_MOST_MS;
  // Not all devices at once when a server comes back: up to a quarter more.
  if (entropy_read(&random, sizeof random)) delay += random % (delay / 4 + 1);
  console_print("vc: trying again in %u ms\n", delay);
  for (uint32_t start = clock_ms(); clock_ms() - start < delay;) wait();
}

int vc_connect(const struct vc_config *new_config) {
  detail = 0;
  if (!new_config) return report(VC_E_ARGUMENT, "connecting");
  vc_close();
  config = new_config;
  if (!started && !(client_start() && client__initialize())) return report(VC_E_MODULE, "starting");
  started = true;
  int code = configure();
  if (code != VC_OK) return report(code, "configuring");
  for (uint32_t attempt = 0;; attempt++) {
    code = connect_once();
    if (code == VC_OK) break;
    report(code, "connecting");
    end_session();
    if (!may_pass(code) || attempt + 1 == config->attempts) return code;
    back_off(attempt);
  }
  in_session = true;
  uint32_t kind = 0, lifecycle = 0;
  client_isolateKind(&kind);
  client_isolateLifecycle(&lifecycle);
  console_print("vc: isolate attested: kind %s, lifecycle %x; runtime and policy as agreed\n",
                kind == KIND_MCU ? "mcu" : "linux", lifecycle);
  return VC_OK;
}

// ---- Requests ----

// Begins a request whose name, and bytes behind it, are put in the module's buffer.
static int ask(uint32_t type, const char *name, uint32_t offset, uint32_t total, const void *bytes,
               uint32_t length) {
  uint32_t answer;
  size_t name_length = strlen(name), stored = bytes ? length : 0;
  if (!in_session) return VC_E_STATE;
  if (name_length > MAX_NAME || name_length + stored > shared_bytes) return VC_E_ARGUMENT;
  memcpy(shared, name, name_length);
  if (bytes) memcpy(shared + name_length, bytes, stored);
  if (!client_ask(type, name_length, offset, total, length, &answer)) return VC_E_MODULE;
  return (int)answer;
}

static int begin_failed(int code, const char *doing) {
  detail = 0;
  report(code, doing);
  if (code == VC_E_MODULE) end_session();
  return code;
}

static int send_file(uint32_t type, const char *file, const uint8_t *bytes, size_t length) {
  if (!file || (!bytes && length > 0)) return begin_failed(VC_E_ARGUMENT, "sending");
  size_t at = 0;
  do { // an empty file is one empty piece
    uint32_t part = length - at < piece_bytes ? (uint32_t)(length - at) : piece_bytes;
    int code = ask(type, file, (uint32_t)at, (uint32_t)length, bytes ? bytes + at : shared, part);
    if (code != VC_OK) return begin_failed(code, "sending");
    code = exchange("sending");
    if (code != VC_OK) return code;
    at += part;
  } while (at < length);
  return VC_OK;
}

int vc_send_data(const char *file, const void *bytes, size_t length) {
  return send_file(MESSAGE_DATA, file, bytes, length);
}

int vc_send_program(const char *file, const void *bytes, size_t length) {
  return send_file(MESSAGE_PROGRAM, file, bytes, length);
}

int vc_request_result(const char *file, void *out, size_t capacity, size_t *length) {
  static const char doing[] = "fetching a result";
  uint32_t at = 0, total, got, address;
  if (!file || !out || !length) return begin_failed(VC_E_ARGUMENT, doing);
  do {
    int code = ask(MESSAGE_REQUEST_RESULT, file, at, 0, NULL, piece_bytes);
    if (code != VC_OK) return begin_failed(code, doing);
    code = exchange(doing);
    if (code != VC_OK) return code;
    if (!client_total(&total) || !client_pieceLength(&got) || !client_piece(&address))
      return begin_failed(VC_E_MODULE, doing);
    const uint8_t *piece = client_memory(address, got);
    if (!piece) return begin_failed(VC_E_MODULE, doing);
    if (total > capacity) return begin_failed(VC_E_ARGUMENT, doing);
    // The length may not change on the way, nor a piece be empty or too long.
    if (got > total - at || (got == 0 && at < total)) return begin_failed(VC_E_PROTOCOL, doing);
    memcpy((uint8_t *)out + at, piece, got);
    at += got;
  } while (at < total);
  *length = total;
  return VC_OK;
}

int vc_request_shutdown(void) {
  int code = ask(MESSAGE_REQUEST_SHUTDOWN, "", 0, 0, NULL, 0);
  return code == VC_OK ? exchange("agreeing to the end")
                       : begin_failed(code, "agreeing to the end");
}

void vc_close(void) {
  if (in_session && client_close()) run();
  end_session();
}
