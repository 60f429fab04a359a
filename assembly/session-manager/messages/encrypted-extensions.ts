import {
  REFUSED_ENCRYPTED_EXTENSIONS_MALFORMED,
  REFUSED_EXTENSION_NOT_OFFERED,
  REFUSED_RECORD_SIZE_LIMIT,
} from "../alerts";
import {
  CERTIFICATE_REQUEST,
  ECDSA_SECP256R1_SHA256,
  ENCRYPTED_EXTENSIONS,
  EXTENSION_RECORD_SIZE_LIMIT,
  EXTENSION_SERVER_NAME,
  EXTENSION_SIGNATURE_ALGORITHMS,
  EXTENSION_SUPPORTED_GROUPS,
  MAX_PLAINTEXT,
  MIN_RECORD_SIZE_LIMIT,
} from "../protocol";
import { WireReader } from "../wire-reader";
import { WireWriter } from "../wire-writer";
import { checkExtensionBlock } from "./extension-block";
import { forbiddenExtension } from "./server-hello";

/** Writes EncryptedExtensions (RFC 8446 §4.3.1). `recordSizeLimit` 0 leaves that extension out. */
export function writeEncryptedExtensions(writer: WireWriter, recordSizeLimit: u32): void {
  const length: u32 = recordSizeLimit !== 0 ? 6 : 0;
  writer.u8(ENCRYPTED_EXTENSIONS);
  writer.u24(2 + length);
  writer.u16(length);
  if (recordSizeLimit === 0) return;
  writer.u16(EXTENSION_RECORD_SIZE_LIMIT);
  writer.u16(2);
  writer.u16(recordSizeLimit);
}

/** EncryptedExtensions as a client reads it. */
export class EncryptedExtensions {
  /** Value of record_size_limit, or 0. */
  recordSizeLimit: u32 = 0;

  /** Reads the body. `namedServer`: whether we sent server_name. Returns `NO_ALERT`, or why not (`REFUSED_…`). */
  parse(message: WireReader, namedServer: bool): i32 {
    message.malformed = REFUSED_ENCRYPTED_EXTENSIONS_MALFORMED;
    checkExtensionBlock(message);
    const extensions = message.enter(message.u16(), 0);
    while (!message.atEnd) {
      const type = message.u16();
      const outer = message.enter(message.u16(), 0);
      if (type === EXTENSION_RECORD_SIZE_LIMIT) {
        this.recordSizeLimit = message.u16();
        const inRange =
          this.recordSizeLimit >= MIN_RECORD_SIZE_LIMIT &&
          this.recordSizeLimit <= MAX_PLAINTEXT + 1;
        if (!inRange) message.refuse(REFUSED_RECORD_SIZE_LIMIT);
      } else if (type === EXTENSION_SERVER_NAME) {
        // An acknowledgement, which is empty (RFC 6066 §3).
        if (!namedServer) message.refuse(REFUSED_EXTENSION_NOT_OFFERED);
      } else if (type === EXTENSION_SUPPORTED_GROUPS) {
        // What the server would prefer another time: of no use without resumption.
        const list = message.enter(message.u16(), 2);
        while (!message.atEnd) message.u16();
        message.leave(list);
      } else {
        message.refuse(forbiddenExtension(type));
      }
      message.leave(outer);
    }
    message.leave(extensions);
    return message.finish();
  }
}

/** Writes a CertificateRequest that asks for ecdsa_secp256r1_sha256 (RFC 8446 §4.3.2). */
export function writeCertificateRequest(writer: WireWriter): void {
  writer.u8(CERTIFICATE_REQUEST);
  writer.u24(11);
  writer.u8(0); // certificate_request_context
  writer.u16(8);
  writer.u16(EXTENSION_SIGNATURE_ALGORITHMS);
  writer.u16(4);
  writer.u16(2);
  writer.u16(ECDSA_SECP256R1_SHA256);
}
