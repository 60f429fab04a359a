// Drives the client's library as an application may: with every call of a seam failing once, cancelled at every step,
// with a key and a record elsewhere, in parts. A test runs it against a real server (seams.test.ts).
//
//   harness MODE PAGE [STORE]
#define _DEFAULT_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <posix-transport.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <veracruz/page.h>

static struct vc_page page;
static struct vc_config config;

// ---- Seams that fail when they are called for the `fail_at`-th time ----

static unsigned calls, fail_at;
static bool fails(void) { return ++calls == fail_at; }

static bool connect_or_fail(void *context, const char *host, uint16_t port) {
  return !fails() && vc_posix_transport.connect(context, host, port);
}

static enum vc_link state(void *context) { return vc_posix_transport.state(context); }

static size_t send_or_fail(void *context, const uint8_t *bytes, size_t length) {
  if (fails()) vc_posix_transport.close(context);
  return vc_posix_transport.send(context, bytes, length);
}

static size_t receive_or_fail(void *context, uint8_t *out, size_t capacity) {
  if (fails()) vc_posix_transport.close(context);
  return vc_posix_transport.receive(context, out, capacity);
}

static void close_it(void *context) { vc_posix_transport.close(context); }

static bool ready(void *context) {
  (void)context;
  return !fails();
}

static void wait_for(void *context, uint32_t events, uint32_t milliseconds) {
  vc_posix_transport.wait(context, events, milliseconds);
}

static bool entropy_or_fail(void *context, void *out, size_t length) {
  return !fails() && vc_posix_entropy.read(context, out, length);
}

static bool seconds_or_fail(void *context, uint64_t *seconds) {
  return !fails() && vc_posix_time.seconds(context, seconds);
}

// ---- Calls of the system by the POSIX transport, as the linker redirects them ----

static unsigned system_calls, system_fail_at;
static bool system_fails(int error) {
  errno = error;
  return ++system_calls == system_fail_at;
}

#define REDIRECTED(type, name, parameters, arguments, error, failure) \
  type __real_##name parameters;                                      \
  type __wrap_##name parameters;                                      \
  type __wrap_##name parameters { return system_fails(error) ? failure : __real_##name arguments; }

REDIRECTED(void *, calloc, (size_t count, size_t size), (count, size), ENOMEM, NULL)
REDIRECTED(int, socket, (int family, int type, int protocol), (family, type, protocol), EMFILE, -1)
REDIRECTED(int, fcntl, (int fd, int command, int flags), (fd, command, flags), EINVAL, -1)
REDIRECTED(int, connect, (int fd, const struct sockaddr *to, socklen_t size), (fd, to, size), ENETUNREACH, -1)
REDIRECTED(int, getsockopt, (int fd, int level, int name, void *value, socklen_t *size),
           (fd, level, name, value, size), ENOBUFS, -1)
REDIRECTED(ssize_t, send, (int fd, const void *bytes, size_t size, int flags), (fd, bytes, size, flags), ECONNRESET, -1)
REDIRECTED(int, pthread_create, (pthread_t *thread, const pthread_attr_t *with, void *(*body)(void *), void *argument),
           (thread, with, body, argument), EAGAIN, EAGAIN)

// Looking whether something has come is no reading of it, and happens as often as time allows.
ssize_t __real_recv(int fd, void *out, size_t size, int flags);
ssize_t __wrap_recv(int fd, void *out, size_t size, int flags);
ssize_t __wrap_recv(int fd, void *out, size_t size, int flags) {
  return !(flags & MSG_PEEK) && system_fails(ECONNRESET) ? -1 : __real_recv(fd, out, size, flags);
}

// A record in a file: the policy's hash, then the record.
struct kept {
  uint8_t policy_hash[32];
  struct vc_record record;
};

static bool load(void *context, const uint8_t *policy_hash, struct vc_record *record) {
  struct kept kept;
  if (fails()) return false;
  FILE *file = fopen(context, "rb");
  if (!file) return true;
  bool whole = fread(&kept, sizeof kept, 1, file) == 1;
  fclose(file);
  if (whole && memcmp(kept.policy_hash, policy_hash, 32) == 0) *record = kept.record;
  return whole;
}

static bool save(void *context, const uint8_t *policy_hash, const struct vc_record *record) {
  struct kept kept = {.record = *record};
  if (fails()) return false;
  memcpy(kept.policy_hash, policy_hash, 32);
  FILE *file = fopen(context, "wb");
  bool whole = file && fwrite(&kept, sizeof kept, 1, file) == 1;
  if (file) fclose(file);
  printf("harness: saved isolate %u\n", (unsigned)record->number);
  return whole;
}

// ---- The key's owner is the test: content in hexadecimal on standard output, the signature on standard input ----

static unsigned asked; // how often before it answers
static bool begin_signature(void *context, const struct vc_sign_request *request) {
  (void)context;
  asked = 0;
  printf("sign %d ", request->purpose);
  for (size_t i = 0; i < request->length; i++) printf("%02x", request->content[i]);
  printf("\n");
  fflush(stdout);
  return true;
}

static enum vc_signed finish_signature(void *context, uint8_t *signature) {
  char line[256];
  (void)context;
  if (++asked < 3) return VC_SIGN_LATER;
  if (!fgets(line, sizeof line, stdin) || strlen(line) < 128) return VC_SIGN_REFUSED;
  for (int i = 0; i < 64; i++) sscanf(line + 2 * i, "%2hhx", &signature[i]);
  return VC_SIGNED;
}

static void cancel_signature(void *context) {
  (void)context;
  printf("harness: signature cancelled\n");
}

// ---- What an application does ----

static const struct vc_page_file *file(void) { return &page.files[0]; }

static int run_once(void) {
  int code = vc_connect(&config);
  if (code == VC_OK) code = vc_send_data(file()->name, file()->bytes, file()->length);
  vc_close();
  return code;
}

// Every call of a seam fails in turn, the others do what they should.
static int with_faults(void) {
  fail_at = 0;
  calls = 0;
  printf("harness: clean %d\n", run_once());
  unsigned most = calls;
  for (unsigned i = 1; i <= most; i++) {
    calls = 0;
    fail_at = i;
    printf("harness: fault %u of %u: %d\n", i, most, run_once());
  }
  fail_at = 0;
  return run_once();
}

// The same with each call of the system.
static int with_system_faults(void) {
  system_calls = 0;
  printf("harness: clean %d\n", run_once());
  unsigned most = system_calls;
  for (unsigned i = 1; i <= most; i++) {
    system_calls = 0;
    system_fail_at = i;
    printf("harness: fault %u of %u: %d\n", i, most, run_once());
  }
  system_fail_at = 0;
  return run_once();
}

static int step_to_end(unsigned most) {
  struct vc_wait wait;
  for (unsigned i = 0; most == 0 || i < most; i++) {
    enum vc_next next = vc_step(&wait);
    if (next == VC_NEXT_DONE) return vc_outcome();
    if (next == VC_NEXT_WAIT) wait_for(NULL, wait.events, wait.milliseconds);
  }
  return 1; // not yet
}

// Cancelled after more and more steps, in connecting and then in sending. The server admits a principal so often only.
static int with_cancels(void) {
  enum { STRIDE = 6, SENDINGS = 8 };
  unsigned sendings = 0;
  for (unsigned most = 1; sendings < SENDINGS; most += STRIDE) {
    if (vc_begin_connect(&config) != VC_OK) return 99;
    int code = step_to_end(most);
    if (code == VC_OK) {
      if (vc_begin_send(VC_FILE_DATA, file()->name, file()->bytes, file()->length) != VC_OK) return 98;
      code = step_to_end(++sendings * 3);
    }
    if (code != 1) return code;
    bool connecting = sendings == 0;
    if (vc_begin_shutdown() != VC_E_STATE) return 97;
    // In order, where there is a session; else at once.
    if (!connecting && sendings % 2 == 0) {
      if (vc_begin_close() != VC_OK || step_to_end(0) != VC_OK) return 92;
    } else {
      if (connecting && vc_begin_close() != VC_E_STATE) return 91;
      vc_cancel();
      if (vc_outcome() != VC_E_CANCELLED) return 96;
    }
    printf("harness: cancelled after %u\n", most);
  }
  return run_once();
}

static int finish(int begun) { return begun == VC_OK ? step_to_end(0) : begun; }

// Sends the file in parts that fit no piece, and reads the result back in others.
static int in_parts(void) {
  enum { PART = 1500, BACK = 700 };
  const struct vc_page_file *whole = file();
  uint8_t back[BACK];
  int code = vc_connect(&config);
  for (size_t at = 0; code == VC_OK && at < whole->length; at += PART) {
    uint8_t part[PART]; // as an application that never has all of it
    size_t length = whole->length - at < PART ? whole->length - at : PART;
    memcpy(part, whole->bytes + at, length);
    code = finish(vc_begin_send_part(VC_FILE_DATA, whole->name, whole->length, at, part, length));
  }
  size_t at = 0, total = 1;
  while (code == VC_OK && page.result && at < total) {
    code = finish(vc_begin_result_part(page.result, at, back, sizeof back));
    if (code != VC_OK) break;
    total = vc_result_total();
    bool same = total == whole->length && memcmp(back, whole->bytes + at, vc_result_length()) == 0;
    if (!same) return 95;
    at += vc_result_length();
  }
  printf("harness: read %zu of %zu\n", at, total);
  vc_close();
  return code;
}

// What is asked of rounds and of what is missing; the test has seen the last round to its end.
static int rounds(void) {
  static char names[256];
  char little[1];
  struct vc_state state;
  uint8_t item[8] = {0};
  int code = vc_connect(&config);
  if (code == VC_OK) code = vc_request_state(&state);
  if (code != VC_OK) return code;
  printf("harness: state %u, round %u of %u\n", (unsigned)state.kind, (unsigned)state.round,
         (unsigned)state.max_rounds);
  if (vc_round() != state.round) return 94;
  if (vc_begin_send_part((enum vc_file_kind)7, "stream-0", 8, 0, item, 8) != VC_E_ARGUMENT) return 93;
  printf("harness: old round: %d\n",
         finish(vc_begin_stream_part(state.round - 1, "stream-0", sizeof item, 0, item, sizeof item)));
  int crowded = vc_request_missing(little, sizeof little);
  int listed = vc_request_missing(names, sizeof names);
  printf("harness: no room: %d, room: %d, %zu bytes: %s", crowded, listed, vc_result_length(), names);
  vc_close();
  return code;
}

int main(int argc, char **argv) {
  static uint8_t bytes[VC_PAGE_BYTES_MAX];
  static const struct vc_transport transport = {
      connect_or_fail, state, send_or_fail, receive_or_fail, close_it, ready, NULL, wait_for, NULL,
  };
  static struct vc_time time;
  static const struct vc_entropy entropy = {entropy_or_fail, NULL};
  static struct vc_store store = {load, save, NULL};
  static const struct vc_signer signer = {begin_signature, finish_signature, cancel_signature, NULL};
  if (argc < 3) return 64;
  FILE *page_file = fopen(argv[2], "rb");
  if (!page_file || fread(bytes, 1, sizeof bytes, page_file) == 0) return 64;
  fclose(page_file);
  if (vc_page_read(bytes, &page)) return 64;
  vc_set_log(&vc_posix_log);
  time = vc_posix_time;
  time.seconds = seconds_or_fail;
  config = page.config;
  config.transport = &transport;
  config.time = &time;
  config.entropy = &entropy;
  config.attempts = 2;
  config.backoff_ms = 1;
  if (argc > 3) {
    store.context = argv[3];
    config.store = &store;
  }
  int code = 64;
  if (strcmp(argv[1], "once") == 0) code = run_once();
  if (strcmp(argv[1], "faults") == 0) code = with_faults();
  if (strcmp(argv[1], "system-faults") == 0) code = with_system_faults();
  if (strcmp(argv[1], "cancels") == 0) code = with_cancels();
  if (strcmp(argv[1], "parts") == 0) code = in_parts();
  if (strcmp(argv[1], "rounds") == 0) code = rounds();
  if (strcmp(argv[1], "sign") == 0) {
    config.signer = &signer;
    config.private_key = NULL;
    code = run_once();
  }
  printf("harness: end %d\n", code);
  return code == VC_OK ? 0 : 1;
}
