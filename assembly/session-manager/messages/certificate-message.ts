import {
  ALERT_BAD_CERTIFICATE,
  ALERT_DECODE_ERROR,
  ALERT_ILLEGAL_PARAMETER,
  ALERT_UNSUPPORTED_EXTENSION,
  NO_ALERT,
} from "../alerts";
import { MAX_CERTIFICATES } from "../protocol";
import { WireReader } from "../wire-reader";

/**
 * A Certificate message (RFC 8446 §4.4.2), the peer's: checks its shape and finds the certificates.
 * We ask for no extension that could come back in its entries, so any there is unsolicited.
 */
export class CertificateMessage {
  count: u32 = 0;
  /** The certificate_list without its length. */
  list: usize = 0;
  listLength: u32 = 0;

  /** Reads the body. Returns `NO_ALERT`, or the alert to send. An empty list is no fault here. */
  parse(message: WireReader): i32 {
    const contextLength = message.u8();
    message.bytes(contextLength);
    if (message.failed) return ALERT_DECODE_ERROR;
    // Our request, if any, has an empty context, and a server's own certificate has none.
    if (contextLength !== 0) return ALERT_ILLEGAL_PARAMETER;
    this.listLength = message.u24();
    const outer = message.enter(this.listLength, 0);
    this.list = message.position;
    let hasExtensions = false;
    while (!message.atEnd) {
      const length = message.u24();
      message.bytes(length);
      const extensionsLength = message.u16();
      message.bytes(extensionsLength);
      if (length === 0) message.fail();
      if (extensionsLength !== 0) hasExtensions = true;
      this.count++;
    }
    message.leave(outer);
    if (message.failed || !message.atEnd) return ALERT_DECODE_ERROR;
    if (hasExtensions) return ALERT_UNSUPPORTED_EXTENSION;
    return this.count > MAX_CERTIFICATES ? ALERT_BAD_CERTIFICATE : NO_ALERT;
  }
}
