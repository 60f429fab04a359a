#include "dice.h"

#include <string.h>

#include "../../common/sha256.h"
#include "../../common/trace.h"
#include "../../hal/board.h"
#include "dice-compiled.h"
#include "refuse.h"

// The module is called without a way back: where it traps, nothing is started.
void wasm_rt_trap(wasm_rt_trap_t trap) {
  (void)trap;
  refuse("the certificate cannot be made");
}

// What its home does for it (assembly/crypto/home.ts): there is one SHA-256 here. The home is the module's memory.
struct Z_home_instance_t {
  wasm_rt_memory_t *memory;
};
static uint8_t *range(const wasm_rt_memory_t *memory, uint32_t at, uint32_t length) {
  if (at > memory->size || length > memory->size - at) wasm_rt_trap(WASM_RT_TRAP_OOB);
  return memory->data + at;
}
void Z_homeZ_sha256Compress(struct Z_home_instance_t *home, uint32_t state, uint32_t data, uint32_t blocks) {
  uint32_t *H = (uint32_t *)range(home->memory, state, SHA256_BYTES);
  for (; blocks > 0; blocks--, data += SHA256_BLOCK) sha256_compress(H, range(home->memory, data, SHA256_BLOCK));
}

// It calls nothing by a table.
uint32_t wasm_rt_register_func_type(uint32_t parameters, uint32_t results, ...) { return parameters << 1 | results; }

// What it is handed: assembly/dice/certificate.ts has the layout of a component.
struct dice_component {
  uint8_t type[4], measurement[32], signer[32], version[IMAGE_VERSION_BYTES], version_length;
};
// In its exchange area.
enum {
  PRIVATE_KEY = 0,
  FRESH = 32,
  IMPLEMENTATION = 32,
  DIGEST = 64,
  PUBLIC_KEY = 96,
  COMPONENTS = 96,
  CERTIFICATE = 64,
};

// Whether a big-endian number is a P-256 private key: 1 to n - 1 (SP 800-186). Constant time.
static bool is_private_key(const uint8_t key[32]) {
  static const uint8_t n[32] = {0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff,
                                0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
                                0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};
  uint32_t borrow = 0, any = 0;
  for (int i = 31; i >= 0; i--) {
    borrow = ((uint32_t)key[i] - n[i] - borrow) >> 31;
    any |= key[i];
  }
  return borrow == 1 && any != 0;
}

// HMAC(secret, label || digest || counter), the first one that is a private key: the counter is 0 but for one case in
// 2^32. The labels differ in length, so that no input is another one's.
enum { LABEL_MAX = 24 };
static void derive_key(const uint8_t secret[SECRET_BYTES], const char *label, const uint8_t digest[SHA256_BYTES],
                       uint8_t key[32]) {
  uint8_t input[LABEL_MAX + SHA256_BYTES + 1];
  size_t length = strlen(label);
  memcpy(input, label, length);
  memcpy(input + length, digest, SHA256_BYTES);
  length += SHA256_BYTES;
  input[length] = 0;
  do hmac_sha256(secret, input, length + 1, key);
  while (!is_private_key(key) && ++input[length] != 0);
}

static void component(struct dice_component *to, const char type[4], const uint8_t measurement[32],
                      const char version[IMAGE_VERSION_BYTES]) {
  // Nobody signs the image: the signer stays zero.
  memset(to, 0, sizeof *to);
  memcpy(to->type, type, sizeof to->type);
  memcpy(to->measurement, measurement, sizeof to->measurement);
  memcpy(to->version, version, IMAGE_VERSION_BYTES);
  while (to->version_length < IMAGE_VERSION_BYTES && version[to->version_length]) to->version_length++;
}

bool dice_certify(const uint8_t secret[SECRET_BYTES], struct boot_record *record) {
  static Z_dice_instance_t dice;
  static struct Z_home_instance_t home = {&dice.w2c_memory};
  Z_dice_init_module();
  Z_dice_instantiate(&dice, &home);
  Z_diceZ__initialize(&dice);
  uint32_t area = Z_diceZ_exchange(&dice);
  uint8_t *bytes = dice.w2c_memory.data + area;

  derive_key(secret, "veracruz-identity-key-v1", record->implementation, bytes + PRIVATE_KEY);
  TRACE_BEGIN();
  bool done = Z_diceZ_identify(&dice, area + PRIVATE_KEY, area + PUBLIC_KEY);
  memcpy(record->identity_key, bytes + PUBLIC_KEY, sizeof record->identity_key);

  memcpy(bytes + IMPLEMENTATION, record->implementation, 32);
  struct dice_component *components = (struct dice_component *)(bytes + COMPONENTS);
  // The proxy attestation server looks for the trusted runtime under this measurement type.
  component(components, "ARoT", record->measurement, record->version);
  if (record->worlds == 2) component(components + 1, "NSPE", record->outside, record->outside_version);
  done = done && Z_diceZ_describe(&dice, record->lifecycle, area + IMPLEMENTATION, area + COMPONENTS,
                                  record->worlds, area + DIGEST);
  derive_key(secret, "veracruz-alias-key-v1", bytes + DIGEST, record->attestation_key);

  memcpy(bytes + PRIVATE_KEY, record->attestation_key, 32);
  done = done && entropy_read(bytes + FRESH, 32);
  if (done)
    record->certificate_length = Z_diceZ_certify(&dice, area + PRIVATE_KEY, area + FRESH, area + CERTIFICATE,
                                                 sizeof record->certificate);
  TRACE_END("certificate");
  memcpy(record->certificate, bytes + CERTIFICATE, record->certificate_length);
  wipe(dice.w2c_memory.data, dice.w2c_memory.size);
  return done && record->certificate_length != 0;
}
