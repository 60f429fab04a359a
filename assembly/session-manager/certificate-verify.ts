import { wipe } from "../crypto/constant-time";
import { ecdsaSignatureFromDer, ecdsaSignatureToDer } from "../crypto/ecdsa-signature";
import { verifyUnder } from "../crypto/known-keys";
import { p256Sign } from "../crypto/p256";
import { SHA256_LENGTH, sha256 } from "../crypto/sha256";
import { Certificate } from "../x509/certificate";
import {
  NO_ALERT,
  REFUSED_CERTIFICATE_VERIFY_MALFORMED,
  REFUSED_SIGNATURE_ALGORITHM,
  REFUSED_SIGNATURE_ENCODING,
  REFUSED_SIGNATURE_WRONG,
} from "./alerts";
import { Handshake, HandshakeMessage } from "./handshake";
import { Identity } from "./identity";
import { CERTIFICATE, CERTIFICATE_VERIFY, ECDSA_SECP256R1_SHA256 } from "./protocol";
import { HandshakeState, TlsSession } from "./session";
import { WireReader } from "./wire-reader";

/** "TLS 1.3, server CertificateVerify" and a zero byte (RFC 8446 §4.4.3). */
const CONTEXT: usize = memory.data<u8>([
  0x54, 0x4c, 0x53, 0x20, 0x31, 0x2e, 0x33, 0x2c, 0x20, 0x73, 0x65, 0x72, 0x76, 0x65, 0x72, 0x20,
  0x43, 0x65, 0x72, 0x74, 0x69, 0x66, 0x69, 0x63, 0x61, 0x74, 0x65, 0x56, 0x65, 0x72, 0x69, 0x66,
  0x79, 0x00,
]);
const CONTEXT_LENGTH: u32 = 34;
/** Where "server" stands in it; "client" is as long. */
const CONTEXT_ROLE: usize = 9;
/** "client" */
const CLIENT: usize = memory.data<u8>([0x63, 0x6c, 0x69, 0x65, 0x6e, 0x74]);

const PADDING: u32 = 64;
/** Bytes that a CertificateVerify signs. */
export const CONTENT_LENGTH: u32 = PADDING + CONTEXT_LENGTH + SHA256_LENGTH;
/** DER of an Ecdsa-Sig-Value, at most. */
const MAX_SIGNATURE: u32 = 72;

/** What a key here and a key elsewhere have in common. Inlined: a module uses it once or twice. */
export class CertificateVerify {
  /** What is signed at the present transcript: `CONTENT_LENGTH` bytes at `content`. */
  @inline static content(handshake: Handshake, byServer: bool, content: usize): void {
    memory.fill(content, 0x20, PADDING);
    memory.copy(content + PADDING, CONTEXT, CONTEXT_LENGTH);
    if (!byServer) memory.copy(content + PADDING + CONTEXT_ROLE, CLIENT, 6);
    handshake.transcript.hash(content + PADDING + CONTEXT_LENGTH);
  }

  /** Sends the signature, r ‖ s, at `signature`; `der`: room for 72 bytes. */
  @inline static send(
    session: TlsSession,
    handshake: Handshake,
    signature: usize,
    der: usize,
  ): bool {
    const length: u32 = ecdsaSignatureToDer(signature, der);
    const writer = handshake.compose();
    writer.u8(CERTIFICATE_VERIFY);
    writer.u24(4 + length);
    writer.u16(ECDSA_SECP256R1_SHA256);
    writer.u16(length);
    writer.bytes(der, length);
    return session.sendComposed(writer);
  }
}

/** The digest, 32 bytes at `digest`, of what a CertificateVerify signs at the present transcript. */
function signedDigest(handshake: Handshake, byServer: bool, digest: usize): void {
  const content = changetype<usize>(new StaticArray<u8>(CONTENT_LENGTH as i32));
  CertificateVerify.content(handshake, byServer, content);
  sha256(content, CONTENT_LENGTH, digest);
}

/** Sends our Certificate (RFC 8446 §4.4.2), empty if there is none. False when that is impossible. */
export function sendCertificate(
  session: TlsSession,
  handshake: Handshake,
  identity: Identity | null,
): bool {
  const length: u32 = identity != null ? identity.chainLength : 0;
  const writer = handshake.compose();
  writer.u8(CERTIFICATE);
  writer.u24(4 + length);
  writer.u8(0); // certificate_request_context
  writer.u24(length);
  return session.sendComposed(writer) && (identity == null || session.send(identity.chain, length));
}

/** Signs the transcript and sends CertificateVerify. False when there is no randomness or memory. */
export function sendCertificateVerify(
  session: TlsSession,
  handshake: Handshake,
  identity: Identity,
  byServer: bool,
): bool {
  const scratch = handshake.scratch;
  const digest = scratch + 64;
  const fresh = scratch + 96;
  const der = scratch + 128; // 72 bytes
  signedDigest(handshake, byServer, digest);
  if (!session.config.drbg.fill(fresh, 32)) return false;
  const signed = p256Sign(scratch, identity.privateKey, digest, fresh);
  wipe(fresh, 32);
  if (!signed) return false;
  return CertificateVerify.send(session, handshake, scratch, der);
}

/**
 * Checks the peer's CertificateVerify (RFC 8446 §4.4.3) against the transcript so far and the key of its
 * certificate, 65 bytes. Returns `NO_ALERT`, or why not (`REFUSED_…`).
 */
function checkCertificateVerify(
  session: TlsSession,
  handshake: Handshake,
  message: WireReader,
  publicKey: usize,
  byServer: bool,
): i32 {
  message.malformed = REFUSED_CERTIFICATE_VERIFY_MALFORMED;
  const algorithm = message.u16();
  const length = message.u16();
  const signature = message.bytes(length);
  if (message.finish() !== NO_ALERT) return message.refusal;
  if (algorithm !== ECDSA_SECP256R1_SHA256) return REFUSED_SIGNATURE_ALGORITHM;
  const scratch = handshake.scratch;
  const digest = scratch + 64;
  if (length > MAX_SIGNATURE || !ecdsaSignatureFromDer(signature, length, scratch))
    return REFUSED_SIGNATURE_ENCODING;
  signedDigest(handshake, byServer, digest);
  return verifyUnder(session.config.knownKeys, scratch, digest, publicKey)
    ? NO_ALERT
    : REFUSED_SIGNATURE_WRONG;
}

/**
 * Waits for the peer's CertificateVerify (RFC 8446 Appendix A, WAIT_CV of both roles), and goes on with
 * another state.
 */
export class ExpectsCertificateVerify extends HandshakeState {
  /** @param leaf the peer's certificate, whose key must have signed */
  constructor(
    private leaf: Certificate,
    private byServer: bool,
    private next: HandshakeState,
  ) {
    super();
  }

  expects(type: u32): bool {
    return type === CERTIFICATE_VERIFY;
  }

  receive(session: TlsSession, _type: u32, message: HandshakeMessage): HandshakeState {
    const handshake = session.handshake!;
    const refusal = checkCertificateVerify(
      session,
      handshake,
      message,
      this.leaf.publicKey,
      this.byServer,
    );
    if (refusal !== NO_ALERT) return session.fail(refusal);
    handshake.transcript.add(message.start, message.length);
    return this.next;
  }
}
