import {
  MAX_HEAD,
  writeArrayHead,
  writeAscii,
  writeBytes,
  writeBytesHead,
  writeInteger,
  writeMapHead,
  writeTag,
} from "../cbor/cbor-writer";
import { P256_SIGNATURE_LENGTH, p256Sign } from "../crypto/p256";
import {
  SHA256_LENGTH,
  SHA256_STATE_SIZE,
  sha256Finish,
  sha256Reset,
  sha256Update,
} from "../crypto/sha256";
import { ALGORITHM_ES256, HEADER_KCWT } from "./claim-keys";

/**
 * COSE_Sign1 (RFC 9052 §4.2) with ES256 (RFC 9053 §2.1), tagged. The unprotected header is empty, or holds the
 * certificate of the signer's key.
 */

const COSE_SIGN1: u32 = 18;
const ALGORITHM: i32 = 1;
/** Bytes of the protected header, the map {1: -7}. */
const PROTECTED_LENGTH: usize = 3;

/** Bytes that a token has beyond its payload and the payload's head: d2 84 43 a10126 a0 … 5840 …. */
const FRAME: usize = 1 + 1 + 1 + PROTECTED_LENGTH + 1 + 2 + <usize>P256_SIGNATURE_LENGTH;

/** Bytes of scratch that `sign1` needs. */
const SIGNATURE_AT: usize = SHA256_STATE_SIZE;
const DIGEST_AT: usize = SIGNATURE_AT + <usize>P256_SIGNATURE_LENGTH;
const PREFIX_AT: usize = DIGEST_AT + <usize>SHA256_LENGTH;
const SCRATCH: usize = PREFIX_AT + 32;

/** Length of the token around a payload of that length, with a certificate of that length or (0) none. */
export function sign1Length(payloadLength: usize, certificateLength: usize): usize {
  const headLength: usize =
    payloadLength < 24 ? 1 : payloadLength < 0x100 ? 2 : payloadLength < 0x10000 ? 3 : MAX_HEAD;
  // The certificate's header parameter, 13, takes one byte.
  const certified: usize = certificateLength === 0 ? 0 : 1 + certificateLength;
  return FRAME + headLength + payloadLength + certified;
}

function writeProtected(at: usize): usize {
  let end = writeBytesHead(at, PROTECTED_LENGTH);
  end = writeMapHead(end, 1);
  end = writeInteger(end, ALGORITHM);
  return writeInteger(end, ALGORITHM_ES256);
}

/**
 * Signs a payload and writes the token at `token`, where `sign1Length` bytes fit; the two must not
 * overlap.
 *
 * @param fresh 32 random bytes for this signature alone
 * @param certificate, certificateLength a CWT with the signer's key, for the unprotected header; length 0: none
 * @returns false when the private key cannot sign; nothing is stored then
 */
export function sign1(
  token: usize,
  payload: usize,
  payloadLength: usize,
  privateKey: usize,
  fresh: usize,
  certificate: usize,
  certificateLength: usize,
): bool {
  const scratch = heap.alloc(SCRATCH);
  const prefix = scratch + PREFIX_AT;
  // Sig_structure, RFC 9052 §4.4: ["Signature1", protected header, external data (none), payload].
  let end = writeArrayHead(prefix, 4);
  end = writeAscii(end, "Signature1");
  end = writeProtected(end);
  end = writeBytesHead(end, 0);
  end = writeBytesHead(end, payloadLength);
  sha256Reset(scratch);
  sha256Update(scratch, prefix, end - prefix);
  sha256Update(scratch, payload, payloadLength);
  sha256Finish(scratch, scratch + DIGEST_AT);
  const signed = p256Sign(scratch + SIGNATURE_AT, privateKey, scratch + DIGEST_AT, fresh);
  if (signed) {
    let at = writeTag(token, COSE_SIGN1);
    at = writeArrayHead(at, 4);
    at = writeProtected(at);
    at = writeMapHead(at, certificateLength === 0 ? 0 : 1);
    if (certificateLength !== 0) {
      at = writeInteger(at, HEADER_KCWT);
      memory.copy(at, certificate, certificateLength);
      at += certificateLength;
    }
    at = writeBytes(at, payload, payloadLength);
    writeBytes(at, scratch + SIGNATURE_AT, P256_SIGNATURE_LENGTH);
  }
  heap.free(scratch);
  return signed;
}
