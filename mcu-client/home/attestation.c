// The platform interface's way to the root of trust.
#include <string.h>

#include "../root-of-trust/root-of-trust.h"
#include "platform-interface.h"
#include "trusted-memory.h"

static uint8_t asked[ROOT_OF_TRUST_ASKED_MAX];

int32_t platform_certificationToken(uint32_t challenge, uint32_t policy_hash, uint32_t scope_hash,
                                    uint32_t csr, uint32_t csr_length, uint32_t token,
                                    uint32_t capacity) {
  if (csr_length > sizeof asked - 96) return E_ARGUMENT;
  const uint8_t *from[] = {runtime_bytes(challenge, 32), runtime_bytes(policy_hash, 32),
                           runtime_bytes(scope_hash, 32)};
  const uint8_t *request = runtime_bytes(csr, csr_length);
  uint8_t *to = runtime_bytes(token, capacity);
  if (!from[0] || !from[1] || !from[2] || !request || !to) return 0;
  for (uint32_t i = 0; i < 3; i++) memcpy(asked + 32 * i, from[i], 32);
  memcpy(asked + 96, request, csr_length);
  return root_of_trust_token(asked, 96 + csr_length, to, capacity);
}

int32_t platform_reattestationToken(uint32_t nonce, uint32_t exporter, uint32_t token,
                                    uint32_t capacity) {
  const uint8_t *from = runtime_bytes(nonce, 32), *binding = runtime_bytes(exporter, 32);
  uint8_t *to = runtime_bytes(token, capacity);
  if (!from || !binding || !to) return 0;
  memcpy(asked, from, 32);
  memcpy(asked + 32, binding, 32);
  return root_of_trust_token(asked, 64, to, capacity);
}

int32_t platform_enrolmentToken(uint32_t challenge, uint32_t token, uint32_t capacity) {
  const uint8_t *from = runtime_bytes(challenge, 32);
  uint8_t *to = runtime_bytes(token, capacity);
  if (!from || !to) return 0;
  memcpy(asked, from, 32);
  return root_of_trust_token(asked, 32, to, capacity);
}
