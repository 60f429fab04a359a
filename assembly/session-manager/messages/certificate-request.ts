import {
  NO_ALERT,
  REFUSED_CERTIFICATE_REQUEST_CONTEXT,
  REFUSED_CERTIFICATE_REQUEST_MALFORMED,
  REFUSED_EXTENSION_MISPLACED,
  REFUSED_NO_SIGNATURE_ALGORITHMS,
} from "../alerts";
import {
  ECDSA_SECP256R1_SHA256,
  EXTENSION_COOKIE,
  EXTENSION_EARLY_DATA,
  EXTENSION_KEY_SHARE,
  EXTENSION_MAX_FRAGMENT_LENGTH,
  EXTENSION_PADDING,
  EXTENSION_POST_HANDSHAKE_AUTH,
  EXTENSION_PRE_SHARED_KEY,
  EXTENSION_PSK_KEY_EXCHANGE_MODES,
  EXTENSION_RECORD_SIZE_LIMIT,
  EXTENSION_SERVER_NAME,
  EXTENSION_SIGNATURE_ALGORITHMS,
  EXTENSION_SUPPORTED_GROUPS,
  EXTENSION_SUPPORTED_VERSIONS,
} from "../protocol";
import { WireReader } from "../wire-reader";
import { checkExtensionBlock } from "./extension-block";

/** A CertificateRequest of the handshake as a client reads it (RFC 8446 §4.3.2). */
export class CertificateRequest {
  /** Whether the server takes ecdsa_secp256r1_sha256. */
  takesEcdsa: bool = false;

  /** Reads the body. Returns `NO_ALERT`, or why not (`REFUSED_…`). Unknown extensions are ignored. */
  parse(message: WireReader): i32 {
    message.malformed = REFUSED_CERTIFICATE_REQUEST_MALFORMED;
    const contextLength = message.u8();
    message.bytes(contextLength);
    // Only a request after the handshake carries a context.
    if (contextLength !== 0) message.refuse(REFUSED_CERTIFICATE_REQUEST_CONTEXT);
    checkExtensionBlock(message);
    const extensions = message.enter(message.u16(), 2);
    let hasAlgorithms = false;
    while (!message.atEnd) {
      const type = message.u16();
      const outer = message.enter(message.u16(), 0);
      if (type === EXTENSION_SIGNATURE_ALGORITHMS) {
        hasAlgorithms = true;
        const list = message.enter(message.u16(), 2);
        while (!message.atEnd) if (message.u16() === ECDSA_SECP256R1_SHA256) this.takesEcdsa = true;
        message.leave(list);
      } else {
        if (belongsElsewhere(type)) message.refuse(REFUSED_EXTENSION_MISPLACED);
        message.bytes(message.remaining);
      }
      message.leave(outer);
    }
    message.leave(extensions);
    const refusal = message.finish();
    return refusal === NO_ALERT && !hasAlgorithms ? REFUSED_NO_SIGNATURE_ALGORITHMS : refusal;
  }
}

/** Whether an extension is known, but for other messages than this one (the table of §4.2). */
function belongsElsewhere(type: u32): bool {
  return (
    type === EXTENSION_SERVER_NAME ||
    type === EXTENSION_MAX_FRAGMENT_LENGTH ||
    type === EXTENSION_SUPPORTED_GROUPS ||
    type === EXTENSION_PADDING ||
    type === EXTENSION_RECORD_SIZE_LIMIT ||
    type === EXTENSION_PRE_SHARED_KEY ||
    type === EXTENSION_EARLY_DATA ||
    type === EXTENSION_SUPPORTED_VERSIONS ||
    type === EXTENSION_COOKIE ||
    type === EXTENSION_PSK_KEY_EXCHANGE_MODES ||
    type === EXTENSION_POST_HANDSHAKE_AUTH ||
    type === EXTENSION_KEY_SHARE
  );
}
