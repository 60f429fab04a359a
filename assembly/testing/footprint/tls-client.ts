/** The session manager with the client role alone, for its size. */
import { Drbg } from "../../crypto/drbg";
import { MemoryBudget } from "../../session-manager/byte-buffer";
import { TlsClientSession } from "../../session-manager/client-session";
import { TlsConfig } from "../../session-manager/config";
import { Identity } from "../../session-manager/identity";
import { CERTIFICATE_OK, Certificate } from "../../x509/certificate";

const drbg: Drbg = new Drbg();
let config: TlsConfig | null = null;
let session: TlsClientSession | null = null;

export function open(): bool {
  if (!drbg.seed()) return false;
  config = new TlsConfig(drbg, new MemoryBudget(1 << 16));
  const identity = new Identity();
  if (!identity.generate(drbg)) return false;
  config!.identity = identity;
  session = new TlsClientSession(config!);
  return true;
}
export function setServer(anchor: usize, length: u32): bool {
  const certificate = new Certificate();
  config!.trustAnchor = certificate;
  return certificate.parse(anchor, length) === CERTIFICATE_OK;
}
export function setChain(der: usize, length: u32): bool {
  return config!.identity!.setChain(der, length);
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
