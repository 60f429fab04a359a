#include "manifest.h"

#include <string.h>

#include "../common/labels.h"

// CBOR (RFC 8949) in its deterministic encoding: each head as short as it can be.
enum { UNSIGNED = 0, BYTES = 2, TEXT = 3, ARRAY = 4, MAP = 5 };

// What is left to read. Once something was not as it must be, nothing more is.
struct cursor {
  const uint8_t *at;
  size_t left;
  bool good;
};

static const uint8_t *take(struct cursor *from, size_t length) {
  static const uint8_t nothing[P256_SIGNATURE_BYTES];
  if (!from->good || length > from->left) {
    from->good = false;
    return length <= sizeof nothing ? nothing : NULL;
  }
  const uint8_t *bytes = from->at;
  from->at += length;
  from->left -= length;
  return bytes;
}

static uint64_t head(struct cursor *from, uint8_t major) {
  uint8_t initial = *take(from, 1), info = initial & 31;
  if (initial >> 5 != major || info > 27) from->good = false;
  if (!from->good || info < 24) return info;
  size_t width = (size_t)1 << (info - 24);
  const uint8_t *bytes = take(from, width);
  uint64_t value = 0;
  for (size_t i = 0; i < width; i++) value = value << 8 | bytes[i];
  if (value < (width == 1 ? 24u : (uint64_t)1 << 4 * width)) from->good = false;
  return value;
}

static void want(struct cursor *from, uint8_t major, uint64_t value) {
  if (head(from, major) != value) from->good = false;
}

static void want_bytes(struct cursor *from, const void *bytes, size_t length) {
  if (memcmp(take(from, length), bytes, length) != 0) from->good = false;
}

static void want_string(struct cursor *from, uint8_t major, const char *text) {
  size_t length = strlen(text);
  want(from, major, length);
  want_bytes(from, text, length);
}

static const uint8_t *take_string(struct cursor *from, size_t length) {
  want(from, BYTES, length);
  return take(from, length);
}

// What a byte string holds. It begins where `from` stands.
static struct cursor inside(struct cursor *from) {
  uint64_t length = head(from, BYTES);
  if (length > from->left) from->good = false;
  struct cursor content = {from->at, from->good ? (size_t)length : 0, from->good};
  if (from->good) take(from, (size_t)length);
  return content;
}

static bool is_read(const struct cursor *cursor) { return cursor->good && cursor->left == 0; }

// COSE_Sign1, tagged, ES256, without unprotected headers (RFC 9052, section 4.2; RFC 9053, section 2.1), up to its
// payload.
static const uint8_t SIGN1[] = {0xD2, 0x84, 0x43, 0xA1, 0x01, 0x26, 0xA0};
// [algorithm SHA-256, 32 bytes]: SUIT_Digest up to its bytes.
static const uint8_t DIGEST[] = {0x82, 0x2F, 0x58, SHA256_BYTES};
static const uint8_t PAYLOAD_DETACHED = 0xF6;

// Sig_structure (RFC 9052, section 4.4) over a payload of up to 255 bytes, and its signature.
static bool is_signed(const uint8_t *payload, size_t length, const struct owner *owner, const uint8_t *signature) {
  static const uint8_t context[] = "\x84\x6ASignature1\x43\xA1\x01\x26\x40";
  uint8_t heads[2] = {0x58, (uint8_t)length}, digest[SHA256_BYTES];
  struct sha256 hash;
  sha256_init(&hash);
  sha256_update(&hash, context, sizeof context - 1);
  sha256_update(&hash, heads, sizeof heads);
  sha256_update(&hash, payload, length);
  sha256_final(&hash, digest);
  return p256_verify(owner->key, digest, signature);
}

// Commands and parameters of draft-ietf-suit-manifest.
enum {
  CONDITION_VENDOR = 1,
  CONDITION_CLASS = 2,
  CONDITION_IMAGE = 3,
  SET_COMPONENT = 12,
  OVERRIDE_PARAMETERS = 20,
  INVOKE = 23,
  VENDOR = 1,
  CLASS = 2,
  IMAGE_DIGEST = 3,
  IMAGE_SIZE = 14,
  REPORT_ALL = 15,
  REPORT_FAILURE = 2,
};

static void command(struct cursor *from, uint32_t name, uint32_t argument) {
  want(from, UNSIGNED, name);
  want(from, UNSIGNED, argument);
}

// The parameters of one image and what they are checked for.
static enum manifest_outcome read_component(struct cursor *from, uint32_t index, const struct owner *owner,
                                            struct component *component) {
  command(from, SET_COMPONENT, index);
  want(from, UNSIGNED, OVERRIDE_PARAMETERS);
  want(from, MAP, 4);
  want(from, UNSIGNED, VENDOR);
  const uint8_t *vendor = take_string(from, IDENTIFIER_BYTES);
  want(from, UNSIGNED, CLASS);
  const uint8_t *class = take_string(from, IDENTIFIER_BYTES);
  want(from, UNSIGNED, IMAGE_DIGEST);
  struct cursor digest = inside(from);
  want_bytes(&digest, DIGEST, sizeof DIGEST);
  memcpy(component->digest, take(&digest, SHA256_BYTES), SHA256_BYTES);
  want(from, UNSIGNED, IMAGE_SIZE);
  uint64_t size = head(from, UNSIGNED);
  component->size = (uint32_t)size;
  command(from, CONDITION_VENDOR, REPORT_ALL);
  command(from, CONDITION_CLASS, REPORT_ALL);
  if (!from->good || !is_read(&digest) || size == 0 || size > UINT32_MAX) return MANIFEST_MALFORMED;
  if (memcmp(vendor, owner->vendor, IDENTIFIER_BYTES) != 0) return MANIFEST_VENDOR;
  if (memcmp(class, owner->class, IDENTIFIER_BYTES) != 0) return MANIFEST_CLASS;
  return MANIFEST_GOOD;
}

// The manifest itself, once it is known to be the owner's.
static enum manifest_outcome read_content(struct cursor *from, const struct owner *owner, uint32_t components,
                                          struct manifest *manifest) {
  static const char *const names[][MANIFEST_COMPONENTS] = {{"isolate"}, {"secure", "outside"}};
  want(from, MAP, 5);
  command(from, 1, 1); // version
  want(from, UNSIGNED, 2);
  manifest->sequence = head(from, UNSIGNED);
  want(from, UNSIGNED, 3);
  struct cursor common = inside(from);
  want(&common, MAP, 2);
  want(&common, UNSIGNED, 2);
  want(&common, ARRAY, components);
  for (uint32_t i = 0; i < components; i++) {
    want(&common, ARRAY, 1);
    want_string(&common, BYTES, names[components - 1][i]);
  }
  want(&common, UNSIGNED, 4);
  struct cursor shared = inside(&common);
  want(&shared, ARRAY, 8 * components);
  enum manifest_outcome outcome = MANIFEST_GOOD;
  for (uint32_t i = 0; i < components && outcome == MANIFEST_GOOD; i++)
    outcome = read_component(&shared, i, owner, &manifest->components[i]);
  if (outcome != MANIFEST_GOOD) return outcome;

  want(from, UNSIGNED, 7); // validate
  struct cursor validate = inside(from);
  want(&validate, ARRAY, 4 * components);
  for (uint32_t i = 0; i < components; i++) {
    command(&validate, SET_COMPONENT, i);
    command(&validate, CONDITION_IMAGE, REPORT_ALL);
  }
  want(from, UNSIGNED, 9); // invoke
  struct cursor invoke = inside(from);
  want(&invoke, ARRAY, 4);
  command(&invoke, SET_COMPONENT, 0);
  command(&invoke, INVOKE, REPORT_FAILURE);
  bool whole = is_read(&common) && is_read(&shared) && is_read(&validate) && is_read(&invoke) && is_read(from);
  return whole ? MANIFEST_GOOD : MANIFEST_MALFORMED;
}

enum manifest_outcome manifest_read(const uint8_t *bytes, size_t length, const struct owner *owner, uint32_t components,
                                    struct manifest *manifest) {
  static const uint8_t envelope[] = {0xD8, 0x6B, 0xA2, 0x02}; // tag 107, two entries, the first is authentication
  memset(manifest, 0, sizeof *manifest);
  if (components < 1 || components > MANIFEST_COMPONENTS || length > MANIFEST_MAX) return MANIFEST_MALFORMED;
  struct cursor from = {bytes, length, true};
  want_bytes(&from, envelope, sizeof envelope);
  struct cursor wrapper = inside(&from);
  want(&wrapper, ARRAY, 2);
  struct cursor payload = inside(&wrapper), block = inside(&wrapper), digest = payload;
  want_bytes(&digest, DIGEST, sizeof DIGEST);
  const uint8_t *claimed = take(&digest, SHA256_BYTES);
  want_bytes(&block, SIGN1, sizeof SIGN1);
  want_bytes(&block, &PAYLOAD_DETACHED, 1);
  const uint8_t *signature = take_string(&block, P256_SIGNATURE_BYTES);
  want(&from, UNSIGNED, 3);
  const uint8_t *wrapped = from.at;
  struct cursor content = inside(&from);
  if (!is_read(&from) || !is_read(&wrapper) || !is_read(&digest) || !is_read(&block)) return MANIFEST_MALFORMED;

  // The digest is that of the manifest with the head of its byte string.
  struct sha256 hash;
  sha256_init(&hash);
  sha256_update(&hash, wrapped, (size_t)(bytes + length - wrapped));
  sha256_final(&hash, manifest->digest);
  if (memcmp(manifest->digest, claimed, SHA256_BYTES) != 0 ||
      !is_signed(payload.at, payload.left, owner, signature))
    return MANIFEST_FORGED;
  return read_content(&content, owner, components, manifest);
}

bool confirmation_read(const uint8_t *bytes, size_t length, const struct owner *owner,
                       const uint8_t digest[SHA256_BYTES], const uint8_t instance[INSTANCE_BYTES]) {
  struct cursor from = {bytes, length, length <= CONFIRMATION_MAX};
  want_bytes(&from, SIGN1, sizeof SIGN1);
  struct cursor payload = inside(&from), content = payload;
  want(&content, ARRAY, 3);
  want_string(&content, TEXT, CONFIRMATION_LABEL);
  want(&content, BYTES, SHA256_BYTES);
  want_bytes(&content, digest, SHA256_BYTES);
  want(&content, BYTES, INSTANCE_BYTES);
  want_bytes(&content, instance, INSTANCE_BYTES);
  const uint8_t *signature = take_string(&from, P256_SIGNATURE_BYTES);
  return is_read(&from) && is_read(&content) && is_signed(payload.at, payload.left, owner, signature);
}
