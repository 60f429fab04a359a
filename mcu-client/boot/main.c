// The first stage: measures the image in flash, derives the attestation key that belongs to exactly this
// image on this device, locks the device secret, and starts the image.
//
// It is the immutable part of the root of trust: small, write-protected where the board can, and the
// only code that sees the device secret. A changed image gets another key, and so can show neither the
// old image's measurement nor a token that its key would sign.
#include <string.h>

#include "../arch/console.h"
#include "../arch/cortex-m.h"
#include "../hal/board.h"
#include "../hal/secret.h"
#include "../isolate/trace.h"
#include "record.h"
#include "sha256.h"

extern uint8_t __heap_start[], __heap_end[];
extern uint32_t __stack_limit[], __stack_top[];
extern const uint8_t __main_start[], __main_size[], __image_start[], __image_end[];

_Noreturn static void refuse(const char *why) {
  console_print("first stage: %s\n", why);
  board_exit(1);
}

static void hash(const uint8_t *from, size_t length, uint8_t digest[SHA256_BYTES]) {
  struct sha256 hash;
  sha256_init(&hash);
  sha256_update(&hash, from, length);
  sha256_final(&hash, digest);
}

// Provisioning: a device that never had a secret makes its own.
static void provision(uint8_t secret[SECRET_BYTES]) {
  if (!entropy_read(secret, SECRET_BYTES)) refuse("no entropy to make the device secret of");
  if (!secret_store(secret)) refuse("the device secret cannot be stored");
  console_print("first stage: provisioned, the device secret is made\n");
}

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

// HMAC(secret, label || measurement || counter), the first one that is a private key: the counter is 0
// but for one case in 2^32.
static void derive_key(const uint8_t secret[SECRET_BYTES], const uint8_t measurement[SHA256_BYTES],
                       uint8_t key[32]) {
  static const char label[] = "veracruz-attestation-key-v1";
  uint8_t input[sizeof label - 1 + SHA256_BYTES + 1];
  memcpy(input, label, sizeof label - 1);
  memcpy(input + sizeof label - 1, measurement, SHA256_BYTES);
  uint8_t *counter = input + sizeof input - 1;
  *counter = 0;
  do hmac_sha256(secret, input, sizeof input, key);
  while (!is_private_key(key) && ++*counter != 0);
}

// Leaves this image: the other's vectors, its stack, its reset handler. Our own stack is cleared on the way
// out: what functions wipe does not include what the compiler put aside, as of a block that was hashed.
_Noreturn static void start(const uint8_t *image) {
  const uint32_t *vectors = (const uint32_t *)image;
  interrupts_disable();
  SYST_CSR = 0;
  SCB_VTOR = (uint32_t)image;
  MPU_CTRL = 0; // the image sets up its own
  barrier();
  uint32_t *at = __stack_limit;
  __asm volatile(
      "0: str %3, [%0], #4\n"
      "cmp %0, %4\n"
      "blo 0b\n"
#if __ARM_ARCH == 8
      "msr msplim, %3\n"
#endif
      "msr msp, %1\n"
      "bx %2\n"
      : "+r"(at)
      : "r"(vectors[0]), "r"(vectors[1]), "r"(0), "r"(__stack_top)
      : "cc", "memory");
  __builtin_unreachable();
}

int main(void) {
  TRACE_START();
  // After a reset RAM still holds what the image before had in it.
  memset(__heap_start, 0, (size_t)(__heap_end - __heap_start));
  const struct image_header *header =
      (const struct image_header *)(__main_start + IMAGE_HEADER_OFFSET);
  if (header->magic != IMAGE_HEADER_MAGIC) refuse("there is no image to start");
  if (header->size < IMAGE_HEADER_OFFSET + sizeof *header || header->size > (size_t)__main_size)
    refuse("the image's size is wrong");

  uint8_t secret[SECRET_BYTES];
  switch (secret_read(secret)) {
    case SECRET_PRESENT: break;
    case SECRET_ABSENT: provision(secret); break;
    default: refuse("the device secret cannot be read");
  }
  struct boot_record *record = &__boot_record;
  record->magic = BOOT_RECORD_MAGIC;
  record->lifecycle = device_lifecycle();
  hash(__main_start, header->size, record->measurement);
  hash(__image_start, (size_t)(__image_end - __image_start), record->implementation);
  derive_key(secret, record->measurement, record->attestation_key);
  wipe(secret, sizeof secret);
  if (!entropy_read(record->boot_seed, sizeof record->boot_seed)) refuse("no entropy");
  secret_lock();
  start(__main_start);
}
