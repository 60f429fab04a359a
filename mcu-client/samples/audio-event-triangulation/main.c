// A device that has heard a clap: it sends its recording, and nobody but the isolate ever learns what it
// heard. On a board with a microphone the recording would be made here; on an emulated one it comes with
// the device's page.
#include <string.h>

#include "../../arch/console.h"
#include "../common/provider.h"

static uint32_t u32_at(const uint8_t *bytes) {
  uint32_t value;
  memcpy(&value, bytes, sizeof value);
  return value;
}

// Rate and loudest sample of a WAV file, as a recorder would show its level.
static void describe(const struct vc_page_file *file) {
  enum { HEAD = 12, CHUNK = 8 };
  uint32_t rate = 0, samples = 0, loudest = 0, loudest_at = 0;
  for (size_t at = HEAD; at + CHUNK <= file->length;) {
    const uint8_t *chunk = file->bytes + at;
    size_t length = u32_at(chunk + 4);
    at += CHUNK;
    if (length > file->length - at) break;
    if (memcmp(chunk, "fmt ", 4) == 0 && length >= 16) rate = u32_at(chunk + CHUNK + 4);
    if (memcmp(chunk, "data", 4) == 0) {
      samples = length / 2;
      for (uint32_t i = 0; i < samples; i++) {
        int16_t sample;
        memcpy(&sample, chunk + CHUNK + 2 * i, sizeof sample);
        uint32_t level = sample < 0 ? -(int32_t)sample : sample;
        if (level > loudest) loudest = level, loudest_at = i;
      }
    }
    at += length + (length & 1);
  }
  console_print("device: heard %u samples at %u Hz, the loudest is number %u\n", samples, rate,
                loudest_at);
}

int main(void) {
  struct vc_page page;
  provider_start("audio-event-triangulation", &page);
  for (size_t i = 0; i < page.file_count; i++)
    if (page.files[i].kind == VC_FILE_DATA) describe(&page.files[i]);
  provider_run(&page);
}
