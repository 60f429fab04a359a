// Peers image: wolfSSL's primitives, counted as the bench image counts ours. Prints, for each,
//   count NAME INSTRUCTIONS
// and ends with 1 where one of them fails.
#include <string.h>

#include <wolfssl/wolfcrypt/settings.h>
#include <wolfssl/wolfcrypt/aes.h>
#include <wolfssl/wolfcrypt/chacha20_poly1305.h>
#include <wolfssl/wolfcrypt/curve25519.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/random.h>
#include <wolfssl/wolfcrypt/sha256.h>

#include "../../arch/console.h"
#include "../../common/counter.h"
#include "../../hal/board.h"

enum { RECORD = 4096 };

static WC_RNG rng;
static ecc_key own, peer;
static mp_int r, s;
static curve25519_key x_own, x_peer;
static Aes aes;
static uint8_t record[RECORD], digest[32], secret[32], tag[16], nonce[12], key[32];
static uint32_t record_length;
static int outcome;

int peer_random(unsigned char *out, unsigned int length) {
  static uint32_t state = 0x9e3779b9;
  for (unsigned int i = 0; i < length; i++) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    out[i] = (unsigned char)state;
  }
  return 0;
}

static void sign(void *context) { outcome = wc_ecc_sign_hash_ex(digest, 32, &rng, &own, &r, &s); }

static void verify(void *context) {
  int valid = 0;
  outcome = wc_ecc_verify_hash_ex(&r, &s, digest, 32, &valid, &own);
  if (outcome == 0 && valid != 1) outcome = -1;
}

static void public_key(void *context) { outcome = wc_ecc_make_pub_ex(&own, NULL, &rng); }

static void agree(void *context) {
  word32 length = sizeof secret;
  outcome = wc_ecc_shared_secret(&own, &peer, secret, &length);
}

static void x25519_public(void *context) {
  outcome = wc_curve25519_make_pub(32, secret, 32, key);
}

static void x25519(void *context) {
  word32 length = sizeof secret;
  outcome = wc_curve25519_shared_secret_ex(&x_own, &x_peer, secret, &length, EC25519_LITTLE_ENDIAN);
}

static void chacha(void *context) {
  outcome = wc_ChaCha20Poly1305_Encrypt(key, nonce, NULL, 0, record, record_length, record, tag);
}

static void sha256(void *context) { outcome = wc_Sha256Hash(record, record_length, digest); }

static void gcm(void *context) {
  outcome = wc_AesGcmEncrypt(&aes, record, record, record_length, nonce, 12, tag, 16, NULL, 0);
}

static void check(const char *name) {
  if (outcome == 0) return;
  console_print("error: %s: %d\n", name, outcome);
  board_exit(1);
}

static void count(const char *name, counted_function function) {
  uint64_t instructions = count_instructions(function, NULL);
  check(name);
  console_print("count %s %U\n", name, instructions);
}

/// Of nothing, and of a record.
static void count_lengths(const char *empty, const char *full, counted_function function) {
  record_length = 0;
  count(empty, function);
  record_length = RECORD;
  count(full, function);
}

int main(void) {
  outcome = wc_InitRng(&rng);
  check("random numbers");
  peer_random(record, sizeof record);
  peer_random(digest, sizeof digest);
  peer_random(key, sizeof key);
  key[0] &= 248;
  key[31] = (key[31] & 127) | 64;
  if (wc_ecc_init(&own) || wc_ecc_init(&peer) || wc_curve25519_init(&x_own) || wc_curve25519_init(&x_peer)) outcome = -1;
  check("keys");
  outcome = wc_ecc_make_key_ex(&rng, 32, &own, ECC_SECP256R1);
  check("P-256 key");
  outcome = wc_ecc_make_key_ex(&rng, 32, &peer, ECC_SECP256R1);
  check("P-256 key");
  outcome = wc_curve25519_make_key(&rng, 32, &x_own) || wc_curve25519_make_key(&rng, 32, &x_peer);
  check("X25519 key");
  if (mp_init(&r) || mp_init(&s)) outcome = -1;
  outcome = wc_AesInit(&aes, NULL, INVALID_DEVID) || wc_AesGcmSetKey(&aes, key, 16);
  check("AES key");

  count("p256PublicKey", public_key);
  count("p256Sign", sign);
  count("p256Verify", verify);
  count("p256Ecdh", agree);
  count("x25519", x25519);
  count("x25519PublicKey", x25519_public);
  count_lengths("chacha_empty", "chacha_long", chacha);
  count_lengths("sha256_empty", "sha256_long", sha256);
  count_lengths("gcm_empty", "gcm_long", gcm);
  return 0;
}
