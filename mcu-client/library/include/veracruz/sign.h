// The seam to the owner of the client's private key, where that is not the client itself: a secure element, PSA
// Crypto of TF-M. The owner makes ECDSA signatures with P-256 and SHA-256, and may take its time.
#ifndef VERACRUZ_SIGN_H
#define VERACRUZ_SIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// What a signature is for, so that the owner may look at what it signs.
enum vc_sign_purpose {
  VC_SIGN_ADMISSION = 1, ///< a signature base (RFC 9421 section 2.5): ASCII; lets us in before strangers
  VC_SIGN_HANDSHAKE = 2, ///< the content of a CertificateVerify (RFC 8446 section 4.4.3): 130 bytes
};

struct vc_sign_request {
  enum vc_sign_purpose purpose;
  const uint8_t *content; ///< what is to be signed; good until the owner has answered or `cancel` was called
  size_t length;
};

/// What an owner answers.
enum vc_signed { VC_SIGNED, VC_SIGN_LATER, VC_SIGN_REFUSED };

struct vc_signer {
  /// Asks for a signature over SHA-256 of the content; `finish` answers, which is called until it does so.
  /// @param request stays as it is until then, or until `cancel`
  /// @return false: it cannot be made. The call ends with VC_E_SIGNATURE.
  bool (*begin)(void *context, const struct vc_sign_request *request);

  /// @param signature receives r, then s: 64 bytes, big-endian
  enum vc_signed (*finish)(void *context, uint8_t *signature);

  /// The signature is not wanted any more.
  void (*cancel)(void *context);

  void *context; ///< handed to each function
};

#endif
