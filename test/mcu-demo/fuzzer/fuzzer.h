// What the two files of the fuzzer share.
#ifndef FUZZER_H
#define FUZZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// A part of a recorded session: what one call of `receive` gave.
struct part {
  const uint8_t *bytes;
  size_t length;
};

/// Keys of the server's records from some point on, and the number of the next one.
struct record_keys {
  uint8_t key[32], iv[12];
  uint64_t sequence;
};

/// Looks in a memory of the client for the keys that open the record in an HTTP answer. False: there is none in it, or no
/// keys of it.
bool find_keys(const uint8_t *memory, size_t size, const struct part *answer, struct record_keys *keys);

/// Decrypts the records in an HTTP answer, one after the other, and hands each over: its content with the type behind it.
void open_records(struct record_keys *keys, const struct part *answer, void (*take)(const uint8_t *, size_t));

/// Seals `length` bytes of TLSInnerPlaintext, and puts the record into an HTTP answer for the session of `like`.
/// @param out of SEALED_BYTES
/// @return the answer's length
size_t seal_answer(struct record_keys *keys, const struct part *like, const uint8_t *inner, size_t length, uint8_t *out);
enum { INNER_MOST = 4096, SEALED_BYTES = 8192 };

#endif
