/** The key schedule and record protection, with their inner values, for known answers. */

import { SHA256_LENGTH } from "../crypto/sha256";
import { finishedMac, KeySchedule, updateTrafficSecret } from "../session-manager/key-schedule";
import { RecordProtection } from "../session-manager/record-protection";
import { Transcript } from "../session-manager/transcript";

let schedule: KeySchedule = new KeySchedule();
let transcript: Transcript = new Transcript();
let protection: RecordProtection = new RecordProtection(1);

export function allocate(length: u32): usize {
  return heap.alloc(length);
}

export function deriveHandshakeSecrets(shared: usize, transcriptHash: usize): void {
  schedule = new KeySchedule();
  schedule.deriveHandshakeSecrets(shared, SHA256_LENGTH, transcriptHash);
}

export function deriveApplicationSecrets(transcriptHash: usize): void {
  schedule.deriveApplicationSecrets(transcriptHash);
}

/** 0 and 1: client's and server's handshake secret; 2 and 3: of application data; 4: of exporters. */
export function secret(index: u32): usize {
  if (index === 0) return schedule.clientHandshakeSecret;
  if (index === 1) return schedule.serverHandshakeSecret;
  if (index === 2) return schedule.clientApplicationSecret;
  if (index === 3) return schedule.serverApplicationSecret;
  return schedule.exporterMasterSecret;
}

export function finished(trafficSecret: usize, transcriptHash: usize, verifyData: usize): void {
  finishedMac(trafficSecret, transcriptHash, verifyData);
}

export function update(trafficSecret: usize): void {
  updateTrafficSecret(trafficSecret);
}

/** Starts a direction's protection; `suite` as in `protocol.ts`. */
export function protect(suite: u32, trafficSecret: usize): void {
  protection = new RecordProtection(suite);
  protection.setSecret(trafficSecret);
}

/** Seals inner plaintext after a record header; the tag follows it. */
export function seal(record: usize, innerLength: u32): void {
  protection.seal(record, record + 5, innerLength);
}

export function open(record: usize, innerLength: u32): bool {
  return protection.open(record, record + 5, innerLength);
}

export function resetTranscript(): void {
  transcript = new Transcript();
}

export function addToTranscript(bytes: usize, length: u32): void {
  transcript.add(bytes, length);
}

export function hashTranscript(out: usize): void {
  transcript.hash(out);
}

export function replaceTranscript(scratch: usize): void {
  transcript.replaceByHash(scratch);
}
