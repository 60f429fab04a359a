// Sends the first file of a page with a key that PSA Crypto owns, for ports.test.ts: psa-client PAGE. The key comes on
// standard input, in hexadecimal, and is forgotten once PSA Crypto has it; "none": there is none.
#include <posix-transport.h>
#include <psa-signer.h>
#include <stdio.h>
#include <string.h>
#include <veracruz/page.h>

static bool import_key(psa_key_id_t *key) {
  char line[80];
  uint8_t bytes[32];
  psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
  printf("key?\n");
  fflush(stdout);
  if (!fgets(line, sizeof line, stdin) || strlen(line) < 64) return false;
  for (int i = 0; i < 32; i++)
    if (sscanf(line + 2 * i, "%2hhx", &bytes[i]) != 1) return false;
  psa_set_key_type(&attributes, PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_SECP_R1));
  psa_set_key_bits(&attributes, 256);
  psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_SIGN_MESSAGE);
  psa_set_key_algorithm(&attributes, PSA_ALG_ECDSA(PSA_ALG_SHA_256));
  return psa_import_key(&attributes, bytes, sizeof bytes, key) == PSA_SUCCESS;
}

int main(int argc, char **argv) {
  static uint8_t bytes[VC_PAGE_BYTES_MAX];
  static struct vc_page page;
  static struct vc_psa_key owner;
  static const struct vc_signer signer = VC_PSA_SIGNER(&owner);
  FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
  if (!file || fread(bytes, 1, sizeof bytes, file) == 0 || vc_page_read(bytes, &page)) return 64;
  fclose(file);
  if (psa_crypto_init() != PSA_SUCCESS) return 1;
  if (!import_key(&owner.key)) owner.key = 0;
  vc_set_log(&vc_posix_log);
  page.config.private_key = NULL;
  page.config.signer = &signer;
  page.config.transport = &vc_posix_transport;
  page.config.time = &vc_posix_time;
  page.config.entropy = &vc_posix_entropy;
  page.config.attempts = 1;
  int code = vc_connect(&page.config);
  if (code == VC_OK) code = vc_send_data(page.files[0].name, page.files[0].bytes, page.files[0].length);
  vc_close();
  psa_destroy_key(owner.key);
  mbedtls_psa_crypto_free();
  printf("psa: end %d\n", code);
  return code == VC_OK ? 0 : 1;
}
