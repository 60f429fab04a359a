// A private key that PSA Crypto owns: in TF-M, in a secure element behind a driver, or in Mbed TLS. The client never sees
// it. Tests run this against Mbed TLS; nobody has run it against TF-M or a secure element.
#ifndef VERACRUZ_PSA_SIGNER_H
#define VERACRUZ_PSA_SIGNER_H

#include <psa/crypto.h>
#include <veracruz/sign.h>

#ifdef __cplusplus
extern "C" {
#endif

/// The context of the signer; for the signer alone but for `key`.
struct vc_psa_key {
  psa_key_id_t key; ///< P-256 pair; usage PSA_KEY_USAGE_SIGN_MESSAGE, algorithm PSA_ALG_ECDSA(PSA_ALG_SHA_256)
  const struct vc_sign_request *request;
};

/// The functions of a signer; their context is a struct vc_psa_key. vc_psa_finish makes the signature, and so takes as
/// long as PSA's does: it is one step of the client. PSA Crypto has been initialised (psa_crypto_init).
bool vc_psa_begin(void *psa_key, const struct vc_sign_request *request);
enum vc_signed vc_psa_finish(void *psa_key, uint8_t *signature);
void vc_psa_cancel(void *psa_key);

/// For the `signer` of a configuration, whose `private_key` is NULL.
#define VC_PSA_SIGNER(psa_key) {vc_psa_begin, vc_psa_finish, vc_psa_cancel, (void *)(psa_key)}

#ifdef __cplusplus
}
#endif

#endif
