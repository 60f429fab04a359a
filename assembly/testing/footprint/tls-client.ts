/** The session manager with the client role alone, for its size. */
import { Drbg } from "../../crypto/drbg";
import { MemoryBudget } from "../../session-manager/byte-buffer";
import { TlsClientSession } from "../../session-manager/client-session";
import { TlsConfig } from "../../session-manager/config";
import { Identity } from "../../session-manager/identity";
import { CERTIFICATE_OK, Certificate } from "../../x509/certificate";
import { openSession } from "../support/footprint-session";

export {
  approve,
  close,
  consumeOutput,
  consumePlaintext,
  endOfInput,
  feed,
  output,
  peerCertificate,
  plaintext,
  reject,
  updateKeys,
  write,
} from "../support/footprint-session";

const drbg: Drbg = new Drbg();
let config: TlsConfig | null = null;

export function open(): bool {
  if (!drbg.seed()) return false;
  config = new TlsConfig(drbg, new MemoryBudget(1 << 16));
  const identity = new Identity();
  if (!identity.generate(drbg)) return false;
  config!.identity = identity;
  openSession(new TlsClientSession(config!));
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
