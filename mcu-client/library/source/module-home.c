// What the client's module asks of its home: random numbers, and how far its memory goes.
#include "internal.h"

int32_t platform_random(uint32_t pointer, uint32_t length) {
  uint8_t *out = client_memory(pointer, length);
  const struct vc_entropy *entropy = vc_client.config->entropy;
  if (!out) {
    module_fail("a pointer outside of the client's memory");
    return E_UNAVAILABLE;
  }
  return entropy->read(entropy->context, out, length) ? 0 : E_UNAVAILABLE;
}

uint32_t platform_memoryLimit(void) { return CLIENT_MEMORY_BYTES; }
