import {
  REFUSED_CERTIFICATE_CONTEXT,
  REFUSED_CERTIFICATE_ENTRY_EXTENSION,
  REFUSED_CERTIFICATE_MESSAGE_MALFORMED,
} from "../alerts";
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

  /** Reads the body. Returns `NO_ALERT`, or why not (`REFUSED_…`). An empty list is no fault here. */
  parse(message: WireReader): i32 {
    message.malformed = REFUSED_CERTIFICATE_MESSAGE_MALFORMED;
    const contextLength = message.u8();
    message.bytes(contextLength);
    // Our request, if any, has an empty context, and a server's own certificate has none.
    if (contextLength !== 0) message.refuse(REFUSED_CERTIFICATE_CONTEXT);
    this.listLength = message.u24();
    const outer = message.enter(this.listLength, 0);
    this.list = message.position;
    while (!message.atEnd) {
      const length = message.u24();
      message.bytes(length);
      const extensionsLength = message.u16();
      message.bytes(extensionsLength);
      if (length === 0) message.fail();
      if (extensionsLength !== 0) message.refuse(REFUSED_CERTIFICATE_ENTRY_EXTENSION);
      this.count++;
    }
    message.leave(outer);
    return message.finish();
  }
}
