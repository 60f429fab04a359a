// A principal on a POSIX system: does what a device's page says. Exit codes are those of a device: 0, the negated code
// of the client, 64 without a good page, 2 for wrong arguments, 1 where a file cannot be written.
#define _DEFAULT_SOURCE

#include <getopt.h>
#include <posix-transport.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <veracruz/page.h>

enum { LOST_MAX = 8, RESULT_WAIT_MS = 250, PART_BYTES = 4096, NAMES_BYTES = 8192 };
enum { EXIT_FILE = 1, EXIT_USAGE = 2, EXIT_NO_PAGE = 64 };

static const char usage[] =
    "Usage: posix-client [OPTIONS] PAGE [HOST:PORT]\n"
    "  PAGE          a page of `vc-mcu-client provision`\n"
    "  HOST:PORT     the Veracruz server; default: the page's. A name, an IPv4 or an IPv6 address\n"
    "  --next-round  before anything else, end the previous round\n"
    "  --state       print how far the computation is and which files are missing, after all is sent\n"
    "  --output FILE the page's result goes to FILE, in parts, however long it is; default: to standard output, in\n"
    "                hexadecimal\n"
    "SIGINT and SIGTERM cancel what is under way.\n"
    "Exit codes: 0, 1 for a file that cannot be written, 2 for wrong arguments, 64 for a page that is none, else a VC_E_\n"
    "code without its sign.\n";

struct task {
  struct vc_page page;
  bool next_round, state;
  const char *output;
  size_t sent; // files, so far
};

static volatile sig_atomic_t is_cancelled;
static void on_signal(int number) {
  (void)number;
  is_cancelled = 1;
}

// Takes an operation to its end; to another one where it is cancelled: in order, where there is a session.
static int finish(int begun) {
  struct vc_wait wait;
  bool is_closing = false;
  if (begun != VC_OK) return begun;
  for (enum vc_next next; (next = vc_step(&wait)) != VC_NEXT_DONE;) {
    if (is_cancelled && !is_closing) {
      is_closing = true;
      if (vc_begin_close() != VC_OK) vc_cancel();
    } else if (next == VC_NEXT_WAIT) {
      vc_posix_transport.wait(NULL, wait.events, wait.milliseconds);
    }
  }
  return is_cancelled ? VC_E_CANCELLED : vc_outcome();
}

static bool put(FILE *file, const uint8_t *bytes, size_t length) {
  if (file != stdout) return fwrite(bytes, 1, length, file) == length;
  for (size_t i = 0; i < length; i++) printf("%02x", bytes[i]);
  return true;
}

// Reads a file in parts. Another reader may end the round meanwhile: then VC_E_ROUND, and it begins anew.
static int fetch(const char *name, FILE *file) {
  uint8_t part[PART_BYTES];
  size_t at = 0, total = 0;
  if (file != stdout && (fseek(file, 0, SEEK_SET) != 0)) return EXIT_FILE;
  do {
    int code = finish(vc_begin_result_part(name, at, part, sizeof part));
    if (code != VC_OK) return code;
    total = vc_result_total();
    if (at == 0) printf("device: %s, %zu bytes%s", name, total, file == stdout ? ": " : "\n");
    if (!put(file, part, vc_result_length())) return EXIT_FILE;
    at += vc_result_length();
  } while (at < total);
  if (file == stdout) printf("\n");
  return VC_OK;
}

static int fetch_when_ready(const struct task *task) {
  FILE *file = task->output ? fopen(task->output, "wb") : stdout;
  int code = file ? VC_E_NOT_READY : EXIT_FILE;
  // While others have not sent theirs.
  while (code == VC_E_NOT_READY || code == VC_E_ROUND) {
    code = fetch(task->page.result, file);
    if (code == VC_E_NOT_READY) vc_posix_transport.wait(NULL, 0, RESULT_WAIT_MS);
    if (is_cancelled) code = VC_E_CANCELLED;
  }
  if (file && file != stdout && fclose(file) != 0 && code == VC_OK) code = EXIT_FILE;
  return code;
}

static int show_state(void) {
  static const char *const kinds[] = {"initial", "provisioning", "streaming", "ready", "result", "ended"};
  static char names[NAMES_BYTES];
  struct vc_state state;
  int code = finish(vc_begin_state(&state));
  if (code == VC_OK) code = finish(vc_begin_missing(names, sizeof names));
  if (code != VC_OK) return code;
  printf("device: state %s, round %u of %u, failed runs %u of %u\n",
         state.kind < sizeof kinds / sizeof *kinds ? kinds[state.kind] : "unknown", (unsigned)state.round,
         (unsigned)state.max_rounds, (unsigned)state.failed_runs, (unsigned)state.max_failed_runs);
  for (char *name = names, *end; (end = strchr(name, '\n')) != NULL; name = end + 1)
    printf("device: missing %.*s\n", (int)(end - name), name);
  return VC_OK;
}

static int send_file(const struct vc_page_file *file) {
  int code = finish(vc_begin_send(file->kind, file->name, file->bytes, file->length));
  if (code == VC_OK) printf("device: sent %s, %zu bytes\n", file->name, file->length);
  return code;
}

static int work(struct task *task) {
  const struct vc_page *page = &task->page;
  int code = finish(vc_begin_connect(&page->config));
  if (code == VC_OK && task->next_round) {
    code = finish(vc_begin_next_round(0));
    if (code == VC_OK) task->next_round = false;
  }
  for (; code == VC_OK && task->sent < page->file_count; ++task->sent) {
    code = send_file(&page->files[task->sent]);
    if (code != VC_OK) return code;
  }
  if (code == VC_OK && task->state) code = show_state();
  if (code == VC_OK && page->result) code = fetch_when_ready(task);
  if (code == VC_OK && page->shutdown) code = finish(vc_begin_shutdown());
  return code;
}

static bool session_lost(int code) {
  return code == VC_E_CLOSED || code == VC_E_TIMEOUT || code == VC_E_TLS || code == VC_E_HTTP ||
         code == VC_E_SERVER;
}

// Splits HOST:PORT at its last colon.
static bool set_server(struct vc_config *config, char *server) {
  char *colon = strrchr(server, ':'), *end;
  if (!colon || colon == server) return false;
  unsigned long port = strtoul(colon + 1, &end, 10);
  if (*end || end == colon + 1 || port == 0 || port > 65535) return false;
  *colon = 0;
  config->server_host = server;
  config->server_port = (uint16_t)port;
  return true;
}

// Reads the options; -1: go on, else the exit code.
static int read_options(int argc, char **argv, struct task *task) {
  static const struct option options[] = {
      {"help", no_argument, NULL, 'h'},   {"next-round", no_argument, NULL, 'n'},
      {"state", no_argument, NULL, 's'},  {"output", required_argument, NULL, 'o'},
      {NULL, 0, NULL, 0},
  };
  for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
    if (option == 'n') task->next_round = true;
    else if (option == 's') task->state = true;
    else if (option == 'o') task->output = optarg;
    else {
      fputs(usage, option == 'h' ? stdout : stderr);
      return option == 'h' ? 0 : EXIT_USAGE;
    }
  }
  if (optind < argc && argc - optind <= 2) return -1;
  fputs(usage, stderr);
  return EXIT_USAGE;
}

static int read_page(const char *path, struct vc_page *page) {
  static uint8_t bytes[VC_PAGE_BYTES_MAX];
  FILE *file = fopen(path, "rb");
  size_t length = file ? fread(bytes, 1, sizeof bytes, file) : 0;
  if (file) fclose(file);
  const char *fault = length > 0 ? vc_page_read(bytes, page) : "it cannot be read";
  if (!fault) return VC_OK;
  fprintf(stderr, "posix-client: the page %s: %s\n", path, fault);
  return EXIT_NO_PAGE;
}

int main(int argc, char **argv) {
  static struct task task;
  const struct sigaction action = {.sa_handler = on_signal};
  setvbuf(stdout, NULL, _IOLBF, 0);
  int wrong = read_options(argc, argv, &task);
  if (wrong >= 0) return wrong;
  wrong = read_page(argv[optind], &task.page);
  if (wrong != VC_OK) return wrong;
  struct vc_config *config = &task.page.config;
  if (optind + 1 < argc && !set_server(config, argv[optind + 1])) {
    fprintf(stderr, "posix-client: %s: expected HOST:PORT\n", argv[optind + 1]);
    return EXIT_USAGE;
  }
  config->transport = &vc_posix_transport;
  config->time = &vc_posix_time;
  config->entropy = &vc_posix_entropy;
  vc_set_log(&vc_posix_log);
  sigaction(SIGINT, &action, NULL); // without SA_RESTART: a wait ends
  sigaction(SIGTERM, &action, NULL);
  int code = VC_OK;
  for (int lost = 0; lost < LOST_MAX && !is_cancelled; lost++) {
    code = work(&task);
    if (!session_lost(code)) break;
    printf("device: the session was lost\n");
  }
  vc_close();
  if (is_cancelled) code = VC_E_CANCELLED;
  const char *name = code == EXIT_FILE ? "the file cannot be written" : vc_code_name(code);
  printf("device: %s, %zu files sent\n", code == VC_OK ? "done" : name, task.sent);
  return code < 0 ? -code : code;
}
