/**
 * Authenticated encryption with associated data, as TLS 1.3 uses it: 12-byte nonces, 16-byte tags,
 * one whole record at a time, in place.
 */

/** Authenticated encryption with associated data (RFC 5116), with one key. */
export abstract class Aead {
  /** Bytes of the key: 16 or 32. */
  abstract get keyLength(): i32;

  /** Takes `keyLength` bytes at `key`. */
  abstract setKey(key: usize): void;

  /**
   * Encrypts `length` bytes at `data` in place and writes the tag, 16 bytes, at `tag` (which may follow
   * `data` at once). A nonce must never be used twice with one key.
   */
  abstract seal(
    nonce: usize,
    aad: usize,
    aadLength: usize,
    data: usize,
    length: usize,
    tag: usize,
  ): void;

  /**
   * Checks the tag over `aad` and the ciphertext at `data`, then decrypts `length` bytes in place.
   * False when the tag is wrong: `data` is then untouched, still ciphertext.
   */
  abstract open(
    nonce: usize,
    aad: usize,
    aadLength: usize,
    data: usize,
    length: usize,
    tag: usize,
  ): bool;

  /** Overwrites the key; `setKey` before further use. */
  abstract wipe(): void;
}
