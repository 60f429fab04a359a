import { Drbg } from "../crypto/drbg";
import { KnownKeys } from "../crypto/known-keys";
import { Certificate } from "../x509/certificate";
import { NO_CLOCK } from "../x509/chain";
import { MemoryBudget } from "./byte-buffer";
import { Identity } from "./identity";
import { GROUP_X25519MLKEM768, GROUPS_ALL, MAX_HANDSHAKE_MESSAGE, SUITES_ALL } from "./protocol";
import { SpareKey } from "./spare-key";

/** What sessions share: settings, randomness, memory, and who we are. One serves many sessions. */
export class TlsConfig {
  drbg: Drbg;
  /** Bounds the buffers of all sessions together. */
  budget: MemoryBudget;
  /** Our certificates and key. A server needs them; a client shows them when asked. */
  identity: Identity | null = null;
  /** Sets of `SUITE_…` and `GROUP_…` bits; the preference among them is fixed: the lowest bit first. */
  suites: u32 = SUITES_ALL;
  groups: u32 = GROUPS_ALL;
  /** Client: the groups for which its first ClientHello carries a key share. */
  keyShares: u32 = GROUP_X25519MLKEM768;
  /** The longest inner plaintext we ask peers to send (RFC 8449), 64 to 16385. */
  recordSizeLimit: u32 = 4096;
  /** Content bytes of a record that we send, at most. */
  maxContent: u32 = 4096;
  /** The longest handshake message that is taken, header not counted. */
  maxMessage: u32 = MAX_HANDSHAKE_MESSAGE;
  /** No data is taken for sending while this many bytes or more wait in the output. */
  outputLimit: u32 = 1;
  /** Seconds since 1970, or `NO_CLOCK`: then dates are not checked, and sessions say so. */
  now: i64 = NO_CLOCK;
  /** Client: the CA that must have issued the server's certificate, and the server's DNS name, ASCII. */
  trustAnchor: Certificate | null = null;
  serverName: StaticArray<u8> = new StaticArray<u8>(0);
  /** Client: work on the handshake goes on in `TlsSession.work`, by parts of about one operation with a key. */
  stepwise: bool = false;
  /** Keys that come again, of peers or of the CA: verification under them is faster from the second time on. */
  knownKeys: KnownKeys | null = null;

  /** Server: makes key pairs of X25519 before they are needed, where whoever has the configuration has it tick. */
  spareKey: SpareKey | null = null;

  constructor(drbg: Drbg, budget: MemoryBudget) {
    this.drbg = drbg;
    this.budget = budget;
  }
}
