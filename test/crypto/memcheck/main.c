// Runs the primitives, compiled from WebAssembly by wasm2c as in the firmware, natively under
// Valgrind's memcheck, with every secret marked undefined: memcheck then reports each branch and each
// address that depends on a secret. What is made public on purpose is marked defined again where it
// leaves the primitive, here; what a primitive itself makes public is reported, and memcheck.test.ts
// knows the places.
//
// Prints the results in hexadecimal, one line each, to be compared with those of the same module in V8.
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <valgrind/memcheck.h>

#include "crypto.h"

// Functions of the module's own object file (exports.c), where its memory is known.
uint8_t *module_bytes(u32 address, u32 length);

static Z_crypto_instance_t instance;
struct Z_platform_instance_t {
  u32 drawn;
};

__attribute__((noreturn)) void wasm_rt_trap(wasm_rt_trap_t trap) {
  fprintf(stderr, "trap: %s\n", wasm_rt_trap_name(trap));
  exit(2);
}

// The random source counts up, and what it gives is secret.
u32 Z_platformZ_random(struct Z_platform_instance_t *platform, u32 pointer, u32 length) {
  uint8_t *bytes = module_bytes(pointer, length);
  for (u32 i = 0; i < length; i++) bytes[i] = (uint8_t)platform->drawn++;
  (void)VALGRIND_MAKE_MEM_UNDEFINED(bytes, length);
  return 0;
}

// `length` bytes that begin with `first` and go on by 7.
static u32 bytes_from(uint8_t first, u32 length) {
  u32 address = Z_cryptoZ_allocate(&instance, length + 16);
  uint8_t *bytes = module_bytes(address, length + 16);
  for (u32 i = 0; i < length; i++) bytes[i] = (uint8_t)(first + 7 * i);
  return address;
}

static u32 secret_from(uint8_t first, u32 length) {
  u32 address = bytes_from(first, length);
  (void)VALGRIND_MAKE_MEM_UNDEFINED(module_bytes(address, length), length);
  return address;
}

// A result that a primitive says with its return value, or that leaves it, is no secret any more.
static u32 public_value(u32 value) {
  (void)VALGRIND_MAKE_MEM_DEFINED(&value, sizeof value);
  return value;
}

static void make_public(u32 address, u32 length) {
  (void)VALGRIND_MAKE_MEM_DEFINED(module_bytes(address, length), length);
}

static void print(const char *name, u32 address, u32 length) {
  make_public(address, length);
  printf("%s ", name);
  for (u32 i = 0; i < length; i++) printf("%02x", module_bytes(address, length)[i]);
  printf("\n");
}

static void expect(const char *what, u32 returned) {
  if (public_value(returned)) return;
  fprintf(stderr, "%s returned false\n", what);
  exit(3);
}

static void aead(const char *name, u32 (*make)(Z_crypto_instance_t *), u32 length) {
  u32 object = make(&instance), key = secret_from(1, 32), nonce = bytes_from(2, 12);
  u32 aad = bytes_from(3, 21), data = secret_from(4, length), tag = bytes_from(0, 16);
  Z_cryptoZ_aeadSetKey(&instance, object, key);
  Z_cryptoZ_aeadSeal(&instance, object, nonce, aad, 21, data, length, tag);
  print(name, data, length); // ciphertext and tag are sent
  print(name, tag, 16);
  expect(name, Z_cryptoZ_aeadOpen(&instance, object, nonce, aad, 21, data, length, tag));
  module_bytes(tag, 16)[7] ^= 1;
  if (public_value(Z_cryptoZ_aeadOpen(&instance, object, nonce, aad, 21, data, length, tag))) exit(4);
}

static void ml_kem(void) {
  enum { KEY = 96, PAIR_SIZE = KEY + 1184 };
  u32 pair = bytes_from(12, PAIR_SIZE), secret = bytes_from(0, 32), ciphertext = bytes_from(0, 1088);
  (void)VALGRIND_MAKE_MEM_UNDEFINED(module_bytes(pair, 64), 64);
  Z_cryptoZ_mlKem768Generate(&instance, pair);
  print("ek", pair + KEY, 1184);
  u32 m = secret_from(13, 32);
  expect("encapsulate", Z_cryptoZ_mlKem768Encapsulate(&instance, secret, ciphertext, pair + KEY, m));
  print("ct", ciphertext, 1088);
  print("encaps", secret, 32);
  Z_cryptoZ_mlKem768Decapsulate(&instance, secret, pair, ciphertext);
  print("decaps", secret, 32);
  module_bytes(ciphertext, 1088)[7] ^= 1;
  Z_cryptoZ_mlKem768Decapsulate(&instance, secret, pair, ciphertext);
  print("reject", secret, 32);
}

static void secrets(void) {
  u32 digest = bytes_from(5, 32), fresh = secret_from(6, 32), out = bytes_from(0, 128);
  u32 scalar = secret_from(7, 32), message = secret_from(8, 300), peer = bytes_from(0, 65);

  Z_cryptoZ_sha256(&instance, message, 300, out);
  print("sha256", out, 32);
  Z_cryptoZ_hmacSha256(&instance, message, 100, message, 300, out);
  print("hmac", out, 32);
  Z_cryptoZ_hkdfExtract(&instance, digest, 32, scalar, 32, out);
  print("extract", out, 32);
  Z_cryptoZ_hkdfExpandLabel(&instance, scalar, digest, 10, message, 32, out, 100);
  print("expand", out, 100);
  Z_cryptoZ_labelledSecretExpand(&instance, scalar, digest, 10, message, 32, out);
  print("labels", out, 64);
  aead("chacha", Z_cryptoZ_newChaCha20Poly1305, 200);
  aead("gcm", Z_cryptoZ_newAes128Gcm, 200);

  Z_cryptoZ_sha3_256(&instance, message, 300, out);
  print("sha3", out, 32);
  ml_kem();

  Z_cryptoZ_x25519PublicKey(&instance, out, scalar);
  print("x25519", out, 32);
  u32 base = secret_from(9, 32); // a peer's key is public; its secrecy must not matter all the same
  expect("x25519", Z_cryptoZ_x25519(&instance, out, scalar, base));
  print("x25519", out, 32);

  expect("public key", Z_cryptoZ_p256PublicKey(&instance, peer, scalar));
  print("p256", peer, 65);
  u32 other = secret_from(10, 32);
  expect("ecdh", Z_cryptoZ_p256Ecdh(&instance, out, other, peer));
  print("ecdh", out, 32);
  expect("sign", Z_cryptoZ_p256Sign(&instance, out, scalar, digest, fresh));
  print("sign", out, 64);
  expect("verify", Z_cryptoZ_p256Verify(&instance, out, digest, peer));

  u32 drbg = Z_cryptoZ_newDrbg(&instance);
  expect("drbg", Z_cryptoZ_drbgFill(&instance, drbg, out, 100));
  print("drbg", out, 100);
  expect("generate", Z_cryptoZ_p256GeneratePrivateKey(&instance, out, drbg));
  print("generate", out, 32);

  u32 equal = Z_cryptoZ_ctEqual(&instance, scalar, fresh, 32);
  if (public_value(equal)) exit(5);
}

// Verification takes variable time, and a table looked up by a secret is the leak that counts do not
// show: with secrets in them, memcheck must report both, or it would not report anything else either.
static void leaks(void) {
  u32 key = bytes_from(7, 32), digest = bytes_from(5, 32), signature = bytes_from(0, 64);
  u32 fresh = bytes_from(6, 32), peer = bytes_from(0, 65);
  expect("public key", Z_cryptoZ_p256PublicKey(&instance, peer, key));
  expect("sign", Z_cryptoZ_p256Sign(&instance, signature, key, digest, fresh));
  (void)VALGRIND_MAKE_MEM_UNDEFINED(module_bytes(digest, 32), 32);
  expect("verify", Z_cryptoZ_p256Verify(&instance, signature, digest, peer));
  u32 table = bytes_from(0, 256), index = secret_from(11, 8);
  u64 found = Z_cryptoZ_peek(&instance, table + (u32)(Z_cryptoZ_peek(&instance, index) & 0x7f));
  if (public_value((u32)found) == 0x12345678) exit(6);
}

int main(int count, char **arguments) {
  static struct Z_platform_instance_t platform;
  Z_crypto_init_module();
  Z_crypto_instantiate(&instance, &platform);
  Z_cryptoZ__initialize(&instance);
  if (count == 2 && strcmp(arguments[1], "secrets") == 0) secrets();
  else if (count == 2 && strcmp(arguments[1], "leaks") == 0) leaks();
  else return 1;
  return 0;
}
