import { ctEqual } from "../crypto/constant-time";
import { ALERT_DECODE_ERROR, ALERT_DECRYPT_ERROR, NO_ALERT } from "./alerts";
import { Handshake } from "./handshake";
import { finishedMac } from "./key-schedule";
import { FINISHED, HASH_LENGTH } from "./protocol";
import { TlsSession } from "./session";
import { WireReader } from "./wire-reader";

/** Sends our Finished (RFC 8446 §4.4.4) under a handshake traffic secret, and ends its record. */
export function sendFinished(session: TlsSession, handshake: Handshake, secret: usize): bool {
  const verifyData = handshake.secondScratch;
  finishedMac(secret, handshake.hashTranscript(), verifyData);
  const writer = handshake.compose();
  writer.u8(FINISHED);
  writer.u24(HASH_LENGTH);
  writer.bytes(verifyData, HASH_LENGTH);
  return session.sendComposed(writer) && session.writer.flush();
}

/** Checks the peer's Finished. Returns `NO_ALERT`, or the alert to send. */
export function checkFinished(handshake: Handshake, message: WireReader, secret: usize): i32 {
  if (message.remaining !== HASH_LENGTH) return ALERT_DECODE_ERROR;
  const verifyData = handshake.secondScratch;
  finishedMac(secret, handshake.hashTranscript(), verifyData);
  return ctEqual(verifyData, message.position, HASH_LENGTH) ? NO_ALERT : ALERT_DECRYPT_ERROR;
}
