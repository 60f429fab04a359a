/** What a module that is measured for its size does with its one session, whichever its role. */
import { TlsSession } from "../../session-manager/session";

let session: TlsSession | null = null;

export function openSession(opened: TlsSession): void {
  session = opened;
}
export function feed(input: usize, length: u32): u32 {
  return session!.feed(input, length);
}
export function endOfInput(): void {
  session!.endOfInput();
}
export function output(): usize {
  return session!.output;
}
export function consumeOutput(length: u32): void {
  session!.consumeOutput(length);
}
export function plaintext(): usize {
  return session!.plaintext;
}
export function consumePlaintext(length: u32): void {
  session!.consumePlaintext(length);
}
export function write(bytes: usize, length: u32): u32 {
  return session!.write(bytes, length);
}
export function updateKeys(): void {
  session!.updateKeys(true);
}
export function peerCertificate(): usize {
  return session!.peerCertificate(0);
}
export function approve(): void {
  session!.approvePeer();
}
export function reject(): void {
  session!.rejectPeer(49);
}
export function close(): void {
  session!.close();
  session!.dispose();
}
