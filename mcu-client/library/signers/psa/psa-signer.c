#include "psa-signer.h"

enum { SIGNATURE_BYTES = 64 };

bool vc_psa_begin(void *psa_key, const struct vc_sign_request *request) {
  ((struct vc_psa_key *)psa_key)->request = request;
  return true;
}

enum vc_signed vc_psa_finish(void *psa_key, uint8_t *signature) {
  struct vc_psa_key *owner = psa_key;
  const struct vc_sign_request *request = owner->request;
  size_t length = 0;
  owner->request = NULL;
  if (!request) return VC_SIGN_REFUSED;
  psa_status_t status = psa_sign_message(owner->key, PSA_ALG_ECDSA(PSA_ALG_SHA_256), request->content,
                                         request->length, signature, SIGNATURE_BYTES, &length);
  return status == PSA_SUCCESS && length == SIGNATURE_BYTES ? VC_SIGNED : VC_SIGN_REFUSED;
}

void vc_psa_cancel(void *psa_key) { ((struct vc_psa_key *)psa_key)->request = NULL; }
