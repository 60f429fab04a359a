// The first stage: measures the images in flash, derives the attestation key that belongs to exactly these
// images on this device, has the device's identity certify it (dice.h), locks the device secret, and starts the image.
//
// It is the immutable part of the root of trust: small, write-protected where the board can, and the
// only code that sees the device secret. A changed image gets another key and another certificate, and so can show
// neither the old image's measurement nor a token that its key would sign; the device's identity stays the same.
#include <string.h>

#include "../../arch/console.h"
#include "../../arch/cortex-m.h"
#include "../../hal/board.h"
#include "../../hal/secret.h"
#include "../../common/trace.h"
#include "../../common/boot-record.h"
#include "../../common/sha256.h"
#include "board-config.h"
#include "dice.h"
#include "refuse.h"
#ifdef UPDATES
#include "load.h"
#endif

extern uint8_t __heap_start[], __heap_end[];
extern uint32_t __stack_limit[], __stack_top[];
extern const uint8_t __main_start[], __main_size[], __image_start[], __image_end[];
#ifdef TWO_WORLDS
extern const uint8_t __outside_start[], __outside_size[];
extern uint8_t __outside_ram[], __outside_ram_size[];
#endif

void refuse(const char *why) {
  console_print("first stage: %s\n", why);
  board_exit(1);
}

static void hash(const uint8_t *from, size_t length, uint8_t digest[SHA256_BYTES]) {
  struct sha256 hash;
  sha256_init(&hash);
  sha256_update(&hash, from, length);
  sha256_final(&hash, digest);
}

// Bytes of the image that begins at `start`.
static size_t image_size(const uint8_t *start, size_t limit) {
  const struct image_header *header = (const struct image_header *)(start + IMAGE_HEADER_OFFSET);
  if (header->magic != IMAGE_HEADER_MAGIC) refuse("there is no image to start");
  if (header->size < IMAGE_HEADER_OFFSET + sizeof *header || header->size > limit)
    refuse("the image's size is wrong");
  return header->size;
}

// The version that an image gives itself: what is printable, the rest zero.
static void image_version(const uint8_t *start, char version[IMAGE_VERSION_BYTES]) {
  const struct image_header *header = (const struct image_header *)(start + IMAGE_HEADER_OFFSET);
  memset(version, 0, IMAGE_VERSION_BYTES);
  for (int i = 0; i < IMAGE_VERSION_BYTES && header->version[i] > ' ' && header->version[i] <= '~'; i++)
    version[i] = header->version[i];
}

// Provisioning: a device that never had a secret makes its own.
static void provision(uint8_t secret[SECRET_BYTES]) {
  if (!entropy_read(secret, SECRET_BYTES)) refuse("no entropy to make the device secret of");
  if (!secret_store(secret)) refuse("the device secret cannot be stored");
  console_print("first stage: provisioned, the device secret is made\n");
}

// Leaves this image: the other's vectors, its stack, its reset handler; or what the board has for that. Our own stack is cleared on the way
// out: what functions wipe does not include what the compiler put aside, as of a block that was hashed.
_Noreturn static void start(const uint8_t *image) {
  const uint32_t *vectors = (const uint32_t *)image;
  secret_exit_function leave = secret_exit();
  uint32_t stack = leave ? (uint32_t)__stack_top : vectors[0];
  uint32_t entry = leave ? (uint32_t)leave : vectors[1];
  register uint32_t argument __asm("r0") = (uint32_t)image;
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
      : "r"(stack), "r"(entry), "r"(0), "r"(__stack_top), "r"(argument)
      : "cc", "memory");
  __builtin_unreachable();
}

int main(void) {
  TRACE_START();
  // After a reset RAM still holds what the image before had in it.
  memset(__heap_start, 0, (size_t)(__heap_end - __heap_start));
#ifdef BOARD_CORE_RAM_START
  memset((void *)BOARD_CORE_RAM_START, 0, 1u << BOARD_CORE_RAM_LOG2);
#endif
#ifdef UPDATES
  if (!load_images()) refuse("no slot has images that the owner signed");
#endif
  size_t main_size = image_size(__main_start, (size_t)__main_size);
#ifdef TWO_WORLDS
  memset(__outside_ram, 0, (size_t)__outside_ram_size);
  size_t outside_size = image_size(__outside_start, (size_t)__outside_size);
#endif

  uint8_t secret[SECRET_BYTES];
  switch (secret_read(secret)) {
    case SECRET_PRESENT: break;
    case SECRET_ABSENT: provision(secret); break;
    default: refuse("the device secret cannot be read");
  }
  // The record's place may be where the secret was loaded to: it is written last.
  struct boot_record record = {.magic = BOOT_RECORD_MAGIC, .lifecycle = device_lifecycle(secret_lock())};
  hash(__main_start, main_size, record.measurement);
  image_version(__main_start, record.version);
#ifdef TWO_WORLDS
  hash(__outside_start, outside_size, record.outside);
  image_version(__outside_start, record.outside_version);
  record.worlds = 2;
#else
  record.worlds = 1;
#endif
  hash(__image_start, (size_t)(__image_end - __image_start), record.implementation);
  bool certified = dice_certify(secret, &record);
  wipe(secret, sizeof secret);
  if (!certified) refuse("the certificate cannot be made");
  if (!entropy_read(record.boot_seed, sizeof record.boot_seed)) refuse("no entropy");
  __boot_record = record;
  start(__main_start);
}
