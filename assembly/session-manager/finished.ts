import { ctEqual } from "../crypto/constant-time";
import { SHA256_LENGTH } from "../crypto/sha256";
import { NO_ALERT, REFUSED_FINISHED_LENGTH, REFUSED_FINISHED_WRONG } from "./alerts";
import { Handshake } from "./handshake";
import { finishedMac } from "./key-schedule";
import { FINISHED } from "./protocol";
import { TlsSession } from "./session";
import { WireReader } from "./wire-reader";

/** Sends our Finished (RFC 8446 §4.4.4) under a handshake traffic secret, and ends its record. */
export function sendFinished(session: TlsSession, handshake: Handshake, secret: usize): bool {
  const verifyData = handshake.secondScratch;
  finishedMac(secret, handshake.hashTranscript(), verifyData);
  const writer = handshake.compose();
  writer.u8(FINISHED);
  writer.u24(SHA256_LENGTH);
  writer.bytes(verifyData, SHA256_LENGTH);
  return session.sendComposed(writer) && session.writer.flush();
}

/** Checks the peer's Finished. Returns `NO_ALERT`, or why not (`REFUSED_…`). */
export function checkFinished(handshake: Handshake, message: WireReader, secret: usize): i32 {
  if (message.remaining !== SHA256_LENGTH) return REFUSED_FINISHED_LENGTH;
  const verifyData = handshake.secondScratch;
  finishedMac(secret, handshake.hashTranscript(), verifyData);
  return ctEqual(verifyData, message.position, SHA256_LENGTH) ? NO_ALERT : REFUSED_FINISHED_WRONG;
}
