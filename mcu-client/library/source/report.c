// Names of codes, and lines on the console.
#include <string.h>

#include "internal.h"

// Names in one text each: a table of pointers to them would be as long again.
const char *vc_code_name(int code) {
#define NAME_OF(number, name) name "\0"
  const char *at = VC_CODES(NAME_OF);
  for (; code < 0 && *at; code++) at += strlen(at) + 1;
  return code == 0 && *at ? at : "unknown";
}

static const struct vc_log *log;

void vc_set_log(const struct vc_log *new_log) { log = new_log; }

void vc_log(const char *format, ...) {
  if (!log) return;
  va_list arguments;
  va_start(arguments, format);
  log->print(log->context, format, arguments);
  va_end(arguments);
}

// A TLS NamedGroup, as it is written.
static const char *key_exchange_name(uint32_t group) {
  switch (group) {
    case X25519MLKEM768: return "X25519MLKEM768";
    case X25519: return "X25519";
    case SECP256R1: return "secp256r1";
    default: return "unknown";
  }
}

size_t vc_text(char *out, size_t capacity) {
  uint32_t address, length = 0;
  const uint8_t *text = NULL;
  if (capacity == 0) return 0;
  if (vc_client.started && client_textLength(&length) && client_text(&address))
    text = client_memory(address, length);
  if (!text) length = 0;
  if (length > capacity - 1) length = (uint32_t)(capacity - 1);
  for (uint32_t i = 0; i < length; i++)
    out[i] = text[i] >= ' ' && text[i] < 127 ? (char)text[i] : '?';
  out[length] = 0;
  return length;
}

static const char *alert_name(int alert) {
  for (const char *at = ALERT_NAMES; *at; at += strlen(at) + 1)
    if ((uint8_t)*at == alert + 1) return at + 1;
  return NULL;
}

// Where the detail is an alert: its name, and the number of our reason (assembly/session-manager/alerts.ts; their
// names would take 3 KiB of flash), or that the isolate sent it. Else the detail's number.
static void print_detail(int code) {
  int detail = vc_client.detail;
  bool is_tls = code == VC_E_TLS || code == VC_E_CHAIN || code == VC_E_IDENTITY;
  const char *name = is_tls ? alert_name(detail) : NULL;
  uint32_t refusal;
  if (!name || !client_refusal(&refusal)) {
    vc_log("detail %d", detail);
    return;
  }
  bool is_own = ((int)refusal & REFUSAL_ALERT) == detail && (int)refusal >= 0;
  if (is_own) vc_log("alert %s sent, reason %u", name, (unsigned)refusal >> 8);
  else vc_log("alert %s received", name);
}

int vc_report(int code, const char *doing) {
  char text[128];
  if (code == VC_OK) return code;
  vc_log("vc: error %d %s, %s, ", code, vc_code_name(code), doing);
  print_detail(code);
  if (code == VC_E_MODULE)
    vc_log(": %s", module_failure() ? module_failure() : "a pointer out of its memory");
  else if (vc_text(text, sizeof text) > 0)
    vc_log(": %s", text);
  vc_log("\n");
  return code;
}

// Which isolate of the computation it is. That it has restarted is to be seen.
static void print_number(void) {
  uint32_t number = 0, highest = 0;
  client_isolateNumber(&number);
  client_highestNumber(&highest);
  vc_log("vc: computation committed to isolate %u of %u%s\n", (unsigned)number,
         (unsigned)vc_client.config->most_isolates, number > 1 ? ": IT HAS RESTARTED" : "");
  if (highest > number)
    vc_log("vc: WARNING: isolate %u has begun it as well\n", (unsigned)highest);
}

void vc_report_session(void) {
  uint32_t kind = 0, lifecycle = 0, group = 0;
  client_isolateKind(&kind);
  client_isolateLifecycle(&lifecycle);
  client_keyExchange(&group);
  vc_log("vc: isolate attested: kind %s, lifecycle %x; runtime and policy as agreed\n",
         kind == KIND_MCU ? "mcu" : "linux", (unsigned)lifecycle);
  vc_log("vc: key exchange %s\n", key_exchange_name(group));
  print_number();
}
