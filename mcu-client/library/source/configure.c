// Hands the configuration to the module, and moves the record between module and store.
#include <string.h>

#include "internal.h"

// What a call of the module answered.
static int answered(bool called, uint32_t answer) { return called ? (int)answer : VC_E_MODULE; }

// Puts bytes into the module's buffer at `offset`.
static bool put(const void *bytes, size_t length, size_t offset) {
  if (length > vc_client.shared_bytes - offset) return false;
  memcpy(vc_client.shared + offset, bytes, length);
  return true;
}

// The name as it goes into the header Host: an IPv6 address in brackets (RFC 3986 section 3.2.2).
static int set_host(void) {
  const char *host = vc_client.config->server_host;
  size_t length = strlen(host), at = 0;
  bool in_brackets = memchr(host, ':', length) != NULL;
  uint32_t answer = 0;
  if (length > vc_client.shared_bytes - 2) return VC_E_CONFIGURATION;
  if (in_brackets) vc_client.shared[at++] = '[';
  memcpy(vc_client.shared + at, host, length);
  at += length;
  if (in_brackets) vc_client.shared[at++] = ']';
  return answered(client_setHost((uint32_t)at, &answer), answer);
}

static int set_authority(void) {
  const struct vc_config *config = vc_client.config;
  uint32_t answer = 0, length = (uint32_t)config->authority_length;
  if (!put(config->authority, config->authority_length, 0)) return VC_E_CONFIGURATION;
  return answered(client_setAuthority(length, &answer), answer);
}

static int set_identity(void) {
  const struct vc_config *config = vc_client.config;
  uint32_t answer = 0, length = HASH_BYTES + (uint32_t)config->certificate_length;
  // The certificate first: where it does not fit, no key is left behind.
  if (!put(config->certificate, config->certificate_length, HASH_BYTES)) return VC_E_CONFIGURATION;
  if (config->signer) memset(vc_client.shared, 0, 32);
  else memcpy(vc_client.shared, config->private_key, 32);
  // The module wipes the key from the buffer, whatever it answers.
  return answered(client_setIdentity(length, config->signer != NULL, &answer), answer);
}

static int set_runtime_hash(const uint8_t *hash, uint32_t kind) {
  uint32_t answer = 0;
  if (!hash) return VC_OK;
  memcpy(vc_client.shared, hash, HASH_BYTES);
  return answered(client_setRuntimeHash(kind, &answer), answer);
}

static int set_policy(void) {
  const struct vc_config *config = vc_client.config;
  uint32_t answer = 0;
  memcpy(vc_client.shared, config->policy_hash, HASH_BYTES);
  memcpy(vc_client.shared + HASH_BYTES, config->scope_hash, HASH_BYTES);
  if (!client_setPolicy(config->most_isolates, &answer)) return VC_E_MODULE;
  if ((int)answer != VC_OK) return (int)answer;
  return client_setAcceptedRestart(config->accept_restart) ? vc_load_record() : VC_E_MODULE;
}

static int set_minimum_versions(void) {
  const char *minima = vc_client.config->minimum_versions;
  uint32_t answer = 0, length = minima ? (uint32_t)strlen(minima) : 0;
  if (minima && !put(minima, length, 0)) return VC_E_CONFIGURATION;
  return answered(client_setMinimumVersions(length, &answer), answer);
}

bool vc_get_record(struct vc_record *record) {
  uint32_t address;
  if (!vc_client.started || !client_recordedNumber(&record->number) || record->number == 0)
    return false;
  const uint8_t *key = client_recordedKey(&address) ? client_memory(address, HASH_BYTES) : NULL;
  if (!key) return false;
  memcpy(record->key, key, HASH_BYTES);
  return true;
}

int vc_load_record(void) {
  const struct vc_store *store = vc_client.config->store;
  struct vc_record *saved = &vc_client.saved;
  if (!store) return VC_OK;
  memset(saved, 0, sizeof *saved);
  if (!store->load(store->context, vc_client.config->policy_hash, saved)) return VC_E_STORE;
  if (saved->number == 0) return VC_OK; // what is in RAM stays
  memcpy(vc_client.shared, saved->key, HASH_BYTES);
  return client_setRecord(saved->number) ? VC_OK : VC_E_MODULE;
}

int vc_save_record(void) {
  const struct vc_store *store = vc_client.config->store;
  struct vc_record now;
  if (!store) return VC_OK;
  if (!vc_get_record(&now)) return VC_E_MODULE;
  if (now.number == vc_client.saved.number && memcmp(now.key, vc_client.saved.key, HASH_BYTES) == 0)
    return VC_OK;
  if (!store->save(store->context, vc_client.config->policy_hash, &now)) return VC_E_STORE;
  vc_client.saved = now;
  return VC_OK;
}

int vc_configure(void) {
  struct client *client = &vc_client;
  const struct vc_config *config = client->config;
  uint32_t address;
  if (!client->started && !(client_start() && client__initialize())) return VC_E_MODULE;
  client->started = true;
  if (!client_buffer(&address) || !client_bufferBytes(&client->shared_bytes) ||
      !client_pieceBytes(&client->piece_bytes))
    return VC_E_MODULE;
  client->shared = client_memory(address, client->shared_bytes);
  if (!client->shared) return VC_E_MODULE;
  int code = set_host();
  if (code == VC_OK) code = set_authority();
  if (code == VC_OK) code = set_identity();
  if (code == VC_OK) code = set_policy();
  if (code == VC_OK) code = set_runtime_hash(config->runtime_hash_linux, KIND_LINUX);
  if (code == VC_OK) code = set_runtime_hash(config->runtime_hash_mcu, KIND_MCU);
  if (code == VC_OK) code = set_minimum_versions();
  if (code != VC_OK) return code;
  uint32_t suite = config->aes ? SUITE_AES_128_GCM : SUITE_CHACHA20_POLY1305;
  bool set = client_setAllowDevelopment(config->allow_development) && client_setSuite(suite) &&
             client_setHybridRequired(config->hybrid_required);
  return set ? VC_OK : VC_E_MODULE;
}
