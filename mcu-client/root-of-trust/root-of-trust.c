#include "root-of-trust.h"

#include <string.h>

#include "../arch/console.h"
#include "../common/boot-record.h"
#include "../common/sha256.h"
#include "../hal/board.h"
#include "attestation.h"
#include "../module/module.h"
#include "platform-interface.h"
#include "../common/trace.h"

extern const uint8_t __image_size[];

__attribute__((section(".image_header"), used)) static const struct image_header header = {
    IMAGE_HEADER_MAGIC,
    (uint32_t)__image_size,
    ISOLATE_VERSION,
};

uint8_t root_of_trust_measurement[32];
uint16_t root_of_trust_lifecycle;
uint8_t root_of_trust_instance[33];

// PSA callers outside the secure world have negative client IDs.
enum { CLIENT_ID = -1, PUBLIC_KEY_BYTES = 65, INSTANCE_ID_BYTES = 33 };

// Where arguments and results lie in the module's exchange area.
enum { KEY = 0, ENTROPY = 32, IMPLEMENTATION = 64, SEED = 96, EXCHANGE_USED = 128 };
enum { TYPE = 0, VALUE = 32, SIGNER = 64, VERSION = 96 };
enum { IDENTITY_KEY = 0, CERTIFICATE = 128 };
enum { CSR = 96, MAX_CSR_BYTES = ROOT_OF_TRUST_ASKED_MAX - CSR };
enum { ENROLMENT_BYTES = 32, REATTESTATION_BYTES = 64 };

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
  memcpy(root_of_trust_instance, bytes, sizeof root_of_trust_instance);
  print_hex("instance", bytes, INSTANCE_ID_BYTES);
  if (!attestation_publicKey(exchange, exchange_size, &length)) return false;
  print_hex("key", bytes, PUBLIC_KEY_BYTES);
  print_hex("implementation", record->implementation, 32);
  print_hex("measurement", record->measurement, 32);
  if (record->worlds == 2) print_hex("outside", record->outside, 32);
  console_print("\n");
  if (board_is_development)
    console_print("DEVELOPMENT-GRADE root of trust: no real secrets\n");
  return true;
}

static bool add_component(const char type[4], const uint8_t measurement[32], const char version[IMAGE_VERSION_BYTES]) {
  uint8_t *bytes = exchange_bytes();
  uint32_t status, length = 0;
  memset(bytes, 0, EXCHANGE_USED);
  memcpy(bytes + TYPE, type, 4);
  memcpy(bytes + VALUE, measurement, 32);
  while (length < IMAGE_VERSION_BYTES && version[length]) length++;
  memcpy(bytes + VERSION, version, length);
  // Nobody signs the image: the first stage measures whatever it finds.
  return attestation_addSoftwareComponent(exchange + TYPE, 4, exchange + VALUE, 32,
                                          exchange + SIGNER, 32, exchange + VERSION, length,
                                          &status) &&
         status == PSA_SUCCESS;
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

  // What the first stage has certified of this start; a token that said anything else would be refused.
  if (record->certificate_length > sizeof record->certificate ||
      exchange_size < CERTIFICATE + sizeof record->certificate)
    return false;
  memcpy(bytes + IDENTITY_KEY, record->identity_key, sizeof record->identity_key);
  memcpy(bytes + CERTIFICATE, record->certificate, record->certificate_length);
  if (!attestation_certified(exchange + IDENTITY_KEY, exchange + CERTIFICATE, record->certificate_length, &status) ||
      status != PSA_SUCCESS)
    return false;
  return add_component("ARoT", record->measurement, record->version) &&
         (record->worlds == 1 || add_component("NSPE", record->outside, record->outside_version)) &&
         print_identity(record);
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

static void call(bool worked) {
  if (worked) return;
  console_print("fatal: root of trust: %s\n", root_of_trust_failure());
  board_reset();
}

void root_of_trust_runtime_starts(void) { call(attestation_runtimeStarts()); }

int32_t root_of_trust_token(const uint8_t *asked, uint32_t asked_length, uint8_t *token,
                            uint32_t capacity) {
  if (asked_length != ENROLMENT_BYTES && asked_length != REATTESTATION_BYTES &&
      (asked_length <= CSR || asked_length > CSR + MAX_CSR_BYTES))
    return E_ARGUMENT;
  uint8_t *bytes = exchange_bytes();
  uint32_t room = capacity < exchange_size ? capacity : exchange_size, answer;
  memcpy(bytes, asked, asked_length);
  // The token takes the place of what it was asked with.
  if (asked_length == ENROLMENT_BYTES)
    call(attestation_enrolmentToken(exchange, exchange, room, &answer));
  else if (asked_length == REATTESTATION_BYTES)
    call(attestation_reattestationToken(exchange, exchange + 32, exchange, room, &answer));
  else
    call(attestation_certificationToken(exchange, exchange + 32, exchange + 64, exchange + CSR,
                                        asked_length - CSR, exchange, room, &answer));
  int32_t length = (int32_t)answer;
  if (length == PSA_ERROR_BUFFER_TOO_SMALL) return E_CAPACITY;
  if (length == PSA_ERROR_INVALID_ARGUMENT) return E_ARGUMENT;
  if (length < 0) return E_UNAVAILABLE;
  memcpy(token, bytes, (uint32_t)length);
  return length;
}
