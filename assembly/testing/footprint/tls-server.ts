/** The session manager with the server role alone, for its size. */
import { Drbg } from "../../crypto/drbg";
import { MemoryBudget } from "../../session-manager/byte-buffer";
import { TlsConfig } from "../../session-manager/config";
import { Identity } from "../../session-manager/identity";
import { TlsServerSession } from "../../session-manager/server-session";
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
  openSession(new TlsServerSession(config!));
  return true;
}
export function createRequest(out: usize, capacity: u32, name: usize, length: u32): i32 {
  return config!.identity!.createRequest(out, capacity, name, length, name, length, drbg);
}
export function setChain(der: usize, length: u32): bool {
  return config!.identity!.setChain(der, length);
}
