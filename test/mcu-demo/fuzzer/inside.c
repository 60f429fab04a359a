// Inside TLS: opens the records of a recorded server, and makes others under the same keys (RFC 8446 section 5.2), for
// ChaCha20-Poly1305.
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzzer.h"

enum { HEADER = 5, TAG = 16, IV = 12, KEY = 32, BODY_MOST = 16384, SEQUENCE_MOST = 64 };

static void nonce_of(const uint8_t iv[IV], uint64_t sequence, uint8_t nonce[IV]) {
  memcpy(nonce, iv, IV);
  for (int i = 0; i < 8; i++) nonce[IV - 1 - i] ^= (uint8_t)(sequence >> (8 * i));
}

// Looking the cipher up takes longer than it does: once for each direction.
static EVP_CIPHER_CTX *context(bool sealing) {
  static EVP_CIPHER_CTX *contexts[2];
  EVP_CIPHER_CTX **one = &contexts[sealing];
  if (*one) return *one;
  *one = EVP_CIPHER_CTX_new();
  if (!*one || EVP_CipherInit_ex(*one, EVP_chacha20_poly1305(), NULL, NULL, NULL, sealing) != 1) abort();
  return *one;
}

static bool open_record(const uint8_t key[KEY], const uint8_t iv[IV], uint64_t sequence, const uint8_t *record,
                        size_t length, uint8_t *out) {
  uint8_t nonce[IV];
  int part, size = (int)(length - HEADER - TAG);
  EVP_CIPHER_CTX *c = context(false);
  nonce_of(iv, sequence, nonce);
  return EVP_DecryptInit_ex(c, NULL, NULL, key, nonce) == 1 &&
         EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, TAG, (void *)(record + length - TAG)) == 1 &&
         EVP_DecryptUpdate(c, NULL, &part, record, HEADER) == 1 &&
         EVP_DecryptUpdate(c, out, &part, record + HEADER, size) == 1 &&
         EVP_DecryptFinal_ex(c, out + size, &part) == 1;
}

// The TLS bytes in the body of an HTTP answer: the base64 words behind the session's number.
static size_t tls_of(const struct part *answer, uint8_t *out) {
  char text[BODY_MOST + 1];
  if (answer->length > BODY_MOST) return 0;
  memcpy(text, answer->bytes, answer->length);
  text[answer->length] = 0;
  char *body = strstr(text, "\r\n\r\n");
  if (!body || strncmp(text, "HTTP/1.1 200", 12) != 0) return 0;
  size_t total = 0;
  strtok(body + 4, " ");
  for (char *word; (word = strtok(NULL, " ")) != NULL;) {
    size_t length = strlen(word);
    if (length % 4 != 0) return 0;
    int got = EVP_DecodeBlock(out + total, (const uint8_t *)word, (int)length);
    if (got < 0) return 0;
    total += (size_t)got;
    for (size_t i = length; i > 0 && word[i - 1] == '='; i--) total--;
  }
  return total;
}

static size_t record_length(const uint8_t *tls, size_t length) {
  if (length < HEADER + TAG + 1 || tls[0] != 23) return 0;
  size_t whole = HEADER + ((size_t)tls[3] << 8 | tls[4]);
  return whole <= length && whole > HEADER + TAG ? whole : 0;
}

static bool try_keys(const uint8_t *memory, size_t key, size_t iv, uint64_t from, uint64_t to, const uint8_t *record,
                     size_t length, struct record_keys *keys) {
  static uint8_t out[BODY_MOST];
  for (uint64_t sequence = from; sequence <= to; sequence++)
    if (open_record(memory + key, memory + iv, sequence, record, length, out)) {
      memcpy(keys->key, memory + key, KEY);
      memcpy(keys->iv, memory + iv, IV);
      keys->sequence = sequence;
      return true;
    }
  return false;
}

bool find_keys(const uint8_t *memory, size_t size, const struct part *answer, struct record_keys *keys) {
  static uint8_t tls[BODY_MOST];
  static size_t key_at, iv_at; // where they were found before
  static const uint8_t none[IV];
  size_t length = record_length(tls, tls_of(answer, tls));
  if (length == 0) return false;
  if (iv_at > 0 && try_keys(memory, key_at, iv_at, 0, SEQUENCE_MOST, tls, length, keys)) return true;
  // An IV lies before the nonce that was made of it last; the key is somewhere.
  for (size_t at = 0; at + 2 * IV <= size; at += 4) {
    const uint8_t *iv = memory + at, *nonce = iv + IV;
    uint64_t last = 0;
    for (int i = 4; i < IV; i++) last = last << 8 | (uint64_t)(iv[i] ^ nonce[i]);
    if (memcmp(iv, nonce, 4) != 0 || last > SEQUENCE_MOST || memcmp(iv, none, IV) == 0) continue;
    for (size_t key = 0; key + KEY <= size; key += 4)
      if (try_keys(memory, key, at, last, last + 1, tls, length, keys)) {
        key_at = key;
        iv_at = at;
        return true;
      }
  }
  return false;
}

void open_records(struct record_keys *keys, const struct part *answer, void (*take)(const uint8_t *, size_t)) {
  static uint8_t tls[BODY_MOST], out[BODY_MOST];
  size_t total = tls_of(answer, tls), length;
  for (size_t at = 0; (length = record_length(tls + at, total - at)) > 0; at += length)
    if (open_record(keys->key, keys->iv, keys->sequence, tls + at, length, out)) {
      keys->sequence++;
      take(out, length - HEADER - TAG);
    }
}

size_t seal_answer(struct record_keys *keys, const struct part *like, const uint8_t *inner, size_t length, uint8_t *out) {
  uint8_t record[HEADER + INNER_MOST + TAG], nonce[IV], text[2 * INNER_MOST], session[16];
  int part;
  EVP_CIPHER_CTX *c = context(true);
  if (length > INNER_MOST) length = INNER_MOST;
  size_t sealed = length + TAG;
  memcpy(record, (uint8_t[]){23, 3, 3, (uint8_t)(sealed >> 8), (uint8_t)sealed}, HEADER);
  nonce_of(keys->iv, keys->sequence++, nonce);
  if (EVP_EncryptInit_ex(c, NULL, NULL, keys->key, nonce) != 1 ||
      EVP_EncryptUpdate(c, NULL, &part, record, HEADER) != 1 ||
      EVP_EncryptUpdate(c, record + HEADER, &part, inner, (int)length) != 1 ||
      EVP_EncryptFinal_ex(c, record + HEADER + length, &part) != 1 ||
      EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, TAG, record + HEADER + length) != 1)
    abort();
  EVP_EncodeBlock(text, record, (int)(HEADER + sealed));
  // The session's number stands in front, as in the recorded answer.
  const uint8_t *end = like->bytes + like->length, *body = like->bytes;
  while (body + 4 < end && memcmp(body, "\r\n\r\n", 4) != 0) body++;
  size_t digits = 0;
  for (body += 4; body < end && digits < sizeof session - 1 && *body >= '0' && *body <= '9'; body++)
    session[digits++] = *body;
  session[digits] = 0;
  size_t body_length = digits + 1 + strlen((const char *)text);
  int written = snprintf((char *)out, SEALED_BYTES, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s %s", body_length,
                         (const char *)session, (const char *)text);
  return written > 0 && written < SEALED_BYTES ? (size_t)written : 0;
}
