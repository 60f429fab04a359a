#include "root-of-trust.h"

#include <string.h>

#include "../arch/console.h"
#include "../boot/record.h"
#include "../boot/sha256.h"
#include "../hal/board.h"
#include "attestation.h"
#include "module.h"
#include "platform-interface.h"
#include "trace.h"
#include "trusted-memory.h"

extern const uint8_t __image_size[];

__attribute__((section(".image_header"), used)) static const struct image_header header = {
    IMAGE_HEADER_MAGIC,
    (uint32_t)__image_size,
};

uint8_t root_of_trust_measurement[32];
uint16_t root_of_trust_lifecycle;

// PSA callers outside the secure world have negative client IDs.
enum { CLIENT_ID = -1, PUBLIC_KEY_BYTES = 65, INSTANCE_ID_BYTES = 33 };

// Where arguments and results lie in the module's exchange area.
enum { KEY = 0, ENTROPY = 32, IMPLEMENTATION = 64, SEED = 96, EXCHANGE_USED = 128 };
enum { TYPE = 0, VALUE = 32, SIGNER = 64 };
enum { NONCE = 0, TOKEN = 64 };

static uint32_t exchange, exchange_size;

static uint8_t *exchange_bytes(void) { return attestation_memory(exchange, exchange_size); }

static void print_hex(const char *what, const uint8_t *bytes, uint32_t length) {
  console_print(" %s=", what);
  for (uint32_t i = 0; i < length; i++) {
    static const char digits[] = "0123456789abcdef";
    console_write((char[]){digits[bytes[i] >> 4], digits[bytes[i] & 15]}, 2);
  }
}

// One line that a provisioning command reads; nothing in it is secret.
static bool print_identity(const struct boot_record *record) {
  uint8_t *bytes = exchange_bytes();
  uint32_t length;
  console_print("identity board=%s lifecycle=%x", board_name, record->lifecycle);
  if (!attestation_instanceId(exchange, exchange_size, &length)) return false;
  print_hex("instance", bytes, INSTANCE_ID_BYTES);
  if (!attestation_publicKey(exchange, exchange_size, &length)) return false;
  print_hex("key", bytes, PUBLIC_KEY_BYTES);
  print_hex("implementation", record->implementation, 32);
  print_hex("measurement", record->measurement, 32);
  console_print("\n");
  if (board_is_development)
    console_print("DEVELOPMENT-GRADE root of trust: no real secrets\n");
  return true;
}

static bool initialise(struct boot_record *record) {
  uint32_t status;
  if (!attestation_start() || !attestation__initialize()) return false;
  if (!attestation_exchange(&exchange) || !attestation_exchangeSize(&exchange_size)) return false;
  uint8_t *bytes = exchange_bytes();
  if (!bytes || exchange_size < EXCHANGE_USED) return false;
  memcpy(bytes + KEY, record->attestation_key, 32);
  wipe(record->attestation_key, 32);
  if (!entropy_read(bytes + ENTROPY, 32)) return false;
  memcpy(bytes + IMPLEMENTATION, record->implementation, 32);
  memcpy(bytes + SEED, record->boot_seed, 32);
  TRACE_BEGIN();
  if (!attestation_initialise(exchange + KEY, exchange + ENTROPY, exchange + IMPLEMENTATION,
                              record->lifecycle, (uint32_t)CLIENT_ID, exchange + SEED, 32, &status) ||
      status != PSA_SUCCESS)
    return false;
  TRACE_END("key");

  // The proxy attestation server looks for the trusted runtime under this measurement type.
  static const char type[] = "ARoT";
  memset(bytes, 0, EXCHANGE_USED);
  memcpy(bytes + TYPE, type, sizeof type - 1);
  memcpy(bytes + VALUE, record->measurement, 32);
  // Nobody signs the image: the first stage measures whatever is there.
  return attestation_addSoftwareComponent(exchange + TYPE, sizeof type - 1, exchange + VALUE, 32,
                                          exchange + SIGNER, 32, 0, 0, &status) &&
         status == PSA_SUCCESS && print_identity(record);
}

bool root_of_trust_start(void) {
  struct boot_record *record = &__boot_record;
  if (record->magic != BOOT_RECORD_MAGIC) {
    module_fail("no first stage has measured this image");
    return false;
  }
  memcpy(root_of_trust_measurement, record->measurement, 32);
  root_of_trust_lifecycle = (uint16_t)record->lifecycle;
  bool started = initialise(record);
  wipe(record, sizeof *record);
  if (!started) module_fail("the root of trust cannot start");
  return started;
}

int32_t platform_attestationToken(uint32_t nonce, uint32_t nonce_length, uint32_t token,
                                  uint32_t capacity) {
  if (nonce_length != 32 && nonce_length != 48 && nonce_length != 64) return E_ARGUMENT;
  const uint8_t *from = runtime_bytes(nonce, nonce_length);
  uint8_t *to = runtime_bytes(token, capacity);
  if (!from || !to) return 0;
  uint8_t *bytes = exchange_bytes();
  uint32_t room = exchange_size - TOKEN, answer;
  memcpy(bytes + NONCE, from, nonce_length);
  if (!attestation_getToken(exchange + NONCE, nonce_length, exchange + TOKEN,
                            capacity < room ? capacity : room, &answer))
    return 0; // the module has failed, and with it the firmware
  int32_t length = (int32_t)answer;
  if (length == PSA_ERROR_BUFFER_TOO_SMALL) return E_CAPACITY;
  if (length < 0) return E_UNAVAILABLE;
  memcpy(to, bytes + TOKEN, (uint32_t)length);
  return length;
}
