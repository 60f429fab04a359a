// Everything that a server may answer, for libFuzzer. A real session is recorded once; the client draws the same random
// numbers in each run, so that the recorded answers are good ones. A scene is the client's state before one of them. A run
// begins with a scene, which its first byte chooses, and gives the client other answers from there on:
//
//   as they are     a row of answers, each a u16 length (little-endian) and its bytes
//   inside TLS      a row of TLSInnerPlaintexts in the same form, which become records under the server's keys, each in an
//                   HTTP answer; the keys are looked for in the client's memory
//
// Then the connection ends.
//
// VC_FUZZ_PAGE    path of the page
// VC_FUZZ_TIME    seconds since 1970, for all runs
// VC_FUZZ_RECORD  where the answers of the page's server go: then a session is recorded, and nothing fuzzed
// VC_FUZZ_PLAY    the answers that were recorded
// VC_FUZZ_INSIDE  1: inside TLS
// VC_FUZZ_SEEDS   folder for a run of each scene that gives the recorded answers: then nothing is fuzzed
#include "fuzzer.h"

#include <posix-transport.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <veracruz/page.h>

#include "internal.h"

// Scenes are copies of all that the library holds: here its module's host is in sight.
#include "client-module.c"

enum { SCENES = 96, ANSWERS_MOST = 1 << 20, STEPS = 5000 };
/// What the application does, in this order.
enum phase { CONNECT, SEND, STATE, MISSING, RESULT, CLOSE, ENDED };

struct scene {
  struct client client;
  Z_client_instance_t instance;
  uint8_t memory[CLIENT_MEMORY_BYTES];
  enum phase phase;
  uint32_t clock;
  uint64_t random_state;
  size_t answer; // the recorded one that comes next
  bool has_keys;
  struct record_keys keys;
};
static struct scene *scenes[SCENES];
static size_t scene_count;

static uint8_t page_bytes[VC_PAGE_BYTES_MAX];
static struct vc_page page;
static struct vc_config config;
static uint64_t fixed_time;
static bool is_inside;

static struct part answers[SCENES];
static size_t answer_count;

static const uint8_t *input; // what is left of a run's answers
static size_t input_left;
static const uint8_t *part_bytes; // of the one that the client is getting
static size_t part_left;
static bool is_open, is_playing;
static size_t played; // recorded answers that were begun
static struct record_keys keys;
static enum phase phase;
static uint32_t clock_now;
static uint64_t random_state;
static FILE *record;

// ---- Seams ----

static bool read_entropy(void *context, void *out, size_t length) {
  (void)context;
  uint8_t *bytes = out;
  for (size_t i = 0; i < length; i++) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    bytes[i] = (uint8_t)random_state;
  }
  return true;
}

static bool seconds(void *context, uint64_t *out) {
  (void)context;
  *out = fixed_time;
  return true;
}

// No time passes but in waiting.
static uint32_t milliseconds(void *context) {
  (void)context;
  return clock_now;
}

static bool open_it(void *context, const char *host, uint16_t port) {
  (void)context;
  (void)host;
  (void)port;
  is_open = is_playing ? played < answer_count : input_left > 0;
  return true;
}

static enum vc_link state(void *context) {
  (void)context;
  return is_open ? VC_LINK_OPEN : VC_LINK_CLOSED;
}

static size_t take_all(void *context, const uint8_t *bytes, size_t length) {
  (void)context;
  (void)bytes;
  return is_open ? length : 0;
}

// The next part of the input; false: there is none.
static bool next_of_input(void) {
  static uint8_t sealed[SEALED_BYTES];
  if (input_left < 2) return false;
  size_t length = (size_t)input[0] | (size_t)input[1] << 8;
  input += 2;
  input_left -= 2;
  if (length > input_left) length = input_left;
  part_bytes = input;
  part_left = length;
  input += length;
  input_left -= length;
  if (is_inside && length > 0) {
    part_left = seal_answer(&keys, &answers[played], part_bytes, length, sealed);
    part_bytes = sealed;
  }
  return part_left > 0; // without bytes: the connection is cut here, and made again for the next one
}

static size_t next_part(void *context, uint8_t *out, size_t capacity) {
  (void)context;
  if (part_left == 0) {
    if (is_playing && played < answer_count) {
      part_bytes = answers[played].bytes;
      part_left = answers[played++].length;
    } else if (is_playing || !next_of_input()) {
      is_open = false;
      return 0;
    }
  }
  size_t length = part_left < capacity ? part_left : capacity;
  memcpy(out, part_bytes, length);
  part_bytes += length;
  part_left -= length;
  return length;
}

static void close_it(void *context) {
  (void)context;
  is_open = false;
}

static const struct vc_transport fuzzed = {open_it, state, take_all, next_part, close_it, NULL, NULL, NULL, NULL};

static size_t receive_and_record(void *context, uint8_t *out, size_t capacity) {
  size_t length = vc_posix_transport.receive(context, out, capacity);
  uint8_t head[2] = {(uint8_t)length, (uint8_t)(length >> 8)};
  if (length > 0 && (fwrite(head, 2, 1, record) != 1 || fwrite(out, length, 1, record) != 1)) abort();
  return length;
}

// ---- Scenes ----

// The scene before the answer that comes next: the latest one before the client takes it.
static void keep_scene(void) {
  if (played >= SCENES || part_left > 0) return;
  if (!scenes[played]) scenes[played] = calloc(1, sizeof *scenes[played]);
  struct scene *scene = scenes[played];
  const uint8_t *memory = client_memory(0, CLIENT_MEMORY_BYTES);
  if (!scene || !memory) abort();
  scene->client = vc_client;
  scene->instance = instance;
  memcpy(scene->memory, memory, CLIENT_MEMORY_BYTES);
  scene->phase = phase;
  scene->clock = clock_now;
  scene->random_state = random_state;
  scene->answer = played;
}

static void enter_scene(const struct scene *scene) {
  vc_client = scene->client;
  instance = scene->instance;
  memcpy(client_memory(0, CLIENT_MEMORY_BYTES), scene->memory, CLIENT_MEMORY_BYTES);
  phase = scene->phase;
  clock_now = scene->clock;
  random_state = scene->random_state;
  played = scene->answer;
  keys = scene->keys;
  part_left = 0;
  is_open = true;
}

// ---- The application ----

static int begin(enum phase which) {
  static uint8_t result[700];
  static char names[256];
  static struct vc_state how_far;
  switch (which) {
    case CONNECT: return vc_begin_connect(&config);
    case SEND:
      return vc_begin_send(page.files[0].kind, page.files[0].name, page.files[0].bytes, page.files[0].length);
    case STATE: return vc_begin_state(&how_far);
    case MISSING: return vc_begin_missing(names, sizeof names);
    case RESULT: return vc_begin_result_part(page.files[0].name, 0, result, sizeof result);
    default: return vc_begin_close();
  }
}

// Goes on to the end: the outcome of what went wrong first, or VC_OK.
static int run(bool is_rehearsal) {
  struct vc_wait wait;
  int failure = VC_OK;
  for (int i = 0; i < STEPS; i++) {
    if (is_rehearsal && vc_client.started) keep_scene();
    enum vc_next next = vc_step(&wait);
    if (next == VC_NEXT_WAIT) {
      clock_now += wait.milliseconds;
      if (record) vc_posix_transport.wait(NULL, wait.events, wait.milliseconds);
    }
    if (next != VC_NEXT_DONE) continue;
    int code = vc_outcome();
    // The module has no traps, whatever comes.
    if (code == VC_E_MODULE) abort();
    for (;;) {
      if (code != VC_OK && failure == VC_OK) failure = code;
      phase = failure != VC_OK && phase < CLOSE ? CLOSE : (enum phase)(phase + 1);
      if (phase == ENDED) {
        vc_cancel();
        return failure;
      }
      code = begin(phase);
      if (code == VC_OK) break;
    }
  }
  abort(); // it goes on without end
}

static int run_from_beginning(bool is_rehearsal) {
  random_state = 0x9e3779b97f4a7c15;
  clock_now = 0;
  phase = CONNECT;
  if (begin(CONNECT) != VC_OK) abort();
  return run(is_rehearsal);
}

static size_t read_whole(const char *path, uint8_t *bytes, size_t most) {
  FILE *file = path ? fopen(path, "rb") : NULL;
  if (!file) {
    fprintf(stderr, "fuzzer: %s cannot be read\n", path ? path : "a file that was not named");
    exit(2);
  }
  size_t length = fread(bytes, 1, most, file);
  fclose(file);
  return length;
}

static void rehearse(const char *path) {
  static uint8_t bytes[ANSWERS_MOST];
  size_t length = read_whole(path, bytes, sizeof bytes);
  for (size_t at = 0; at + 2 < length && answer_count < SCENES;) {
    size_t part = (size_t)bytes[at] | (size_t)bytes[at + 1] << 8;
    answers[answer_count++] = (struct part){bytes + at + 2, part};
    at += 2 + part;
  }
  is_playing = true;
  int code = run_from_beginning(true);
  is_playing = false;
  printf("fuzzer: played back %zu answers: %d\n", answer_count, code);
  // Scenes after the last answer, or without the keys of the next one, are of no use.
  for (size_t i = answer_count; is_inside && i-- > 0;) // once found, keys are found again in earlier scenes
    if (scenes[i])
      scenes[i]->has_keys = find_keys(scenes[i]->memory, sizeof scenes[i]->memory, &answers[i], &scenes[i]->keys);
  for (size_t i = 0; i < SCENES; i++) {
    struct scene *scene = scenes[i];
    scenes[i] = NULL;
    if (scene && i < answer_count && (!is_inside || scene->has_keys)) scenes[scene_count++] = scene;
    else free(scene);
  }
  printf("fuzzer: %zu scenes\n", scene_count);
  if (scene_count == 0) exit(2);
}

// ---- Seeds ----

static FILE *seed;
static void put_part(const uint8_t *bytes, size_t length) {
  uint8_t head[2] = {(uint8_t)length, (uint8_t)(length >> 8)};
  if (fwrite(head, 2, 1, seed) != 1 || fwrite(bytes, length, 1, seed) != 1) abort();
}

static void write_seeds(const char *folder) {
  for (size_t i = 0; i < scene_count; i++) {
    char path[512];
    struct record_keys reading = scenes[i]->keys;
    snprintf(path, sizeof path, "%s/scene-%zu", folder, i);
    seed = fopen(path, "wb");
    if (!seed || fputc((int)i, seed) == EOF) exit(2);
    for (size_t at = scenes[i]->answer; at < answer_count; at++)
      if (is_inside) open_records(&reading, &answers[at], put_part);
      else put_part(answers[at].bytes, answers[at].length);
    fclose(seed);
  }
}

static void record_session(const char *path) {
  static struct vc_transport recording;
  static struct vc_time time;
  record = fopen(path, "wb");
  if (!record) exit(2);
  recording = vc_posix_transport;
  recording.receive = receive_and_record;
  config.transport = &recording;
  time = *config.time;
  time.milliseconds = vc_posix_time.milliseconds;
  config.time = &time;
  vc_set_log(&vc_posix_log);
  printf("fuzzer: recorded, %d\n", run_from_beginning(false));
  fclose(record);
  exit(0);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  static const struct vc_time time = {milliseconds, seconds, NULL};
  static const struct vc_entropy entropy = {read_entropy, NULL};
  (void)argc;
  (void)argv;
  const char *time_text = getenv("VC_FUZZ_TIME"), *record_path = getenv("VC_FUZZ_RECORD");
  const char *seeds = getenv("VC_FUZZ_SEEDS"), *inside = getenv("VC_FUZZ_INSIDE");
  read_whole(getenv("VC_FUZZ_PAGE"), page_bytes, sizeof page_bytes);
  if (vc_page_read(page_bytes, &page) || page.file_count == 0 || !time_text) {
    fprintf(stderr, "fuzzer: VC_FUZZ_PAGE is no page with a file, or VC_FUZZ_TIME is missing\n");
    exit(2);
  }
  fixed_time = strtoull(time_text, NULL, 10);
  is_inside = inside && *inside == '1';
  config = page.config;
  config.transport = &fuzzed;
  config.time = &time;
  config.entropy = &entropy;
  config.attempts = 2;
  if (record_path) record_session(record_path);
  rehearse(getenv("VC_FUZZ_PLAY"));
  if (seeds) {
    write_seeds(seeds);
    exit(0);
  }
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  enter_scene(scenes[data[0] % scene_count]);
  // A second attempt costs new keys, as much as all else: a few runs have one.
  config.attempts = data[0] >= 0xf0 ? 2 : 1;
  input = data + 1;
  input_left = size - 1;
  int code = run(false);
  if (getenv("VC_FUZZ_TELL")) printf("fuzzer: outcome %d\n", code);
  return 0;
}
