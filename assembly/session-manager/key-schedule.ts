import { wipe } from "../crypto/constant-time";
import { hkdfExpandLabel, hkdfExtract, LabelledSecret } from "../crypto/hkdf";
import { hmacSha256 } from "../crypto/hmac";
import { SHA256_LENGTH } from "../crypto/sha256";

// Labels of RFC 8446 §7 in ASCII, one behind the other: as one piece of data they take less of the module than as eleven.
// biome-ignore format: a label a line
const LABELS: usize = memory.data<u8>([
  0x6b, 0x65, 0x79, // "key"
  0x69, 0x76, // "iv"
  0x66, 0x69, 0x6e, 0x69, 0x73, 0x68, 0x65, 0x64, // "finished"
  0x74, 0x72, 0x61, 0x66, 0x66, 0x69, 0x63, 0x20, 0x75, 0x70, 0x64, // "traffic upd"
  0x64, 0x65, 0x72, 0x69, 0x76, 0x65, 0x64, // "derived"
  0x63, 0x20, 0x68, 0x73, 0x20, 0x74, 0x72, 0x61, 0x66, 0x66, 0x69, 0x63, // "c hs traffic"
  0x73, 0x20, 0x68, 0x73, 0x20, 0x74, 0x72, 0x61, 0x66, 0x66, 0x69, 0x63, // "s hs traffic"
  0x63, 0x20, 0x61, 0x70, 0x20, 0x74, 0x72, 0x61, 0x66, 0x66, 0x69, 0x63, // "c ap traffic"
  0x73, 0x20, 0x61, 0x70, 0x20, 0x74, 0x72, 0x61, 0x66, 0x66, 0x69, 0x63, // "s ap traffic"
  0x65, 0x78, 0x70, 0x20, 0x6d, 0x61, 0x73, 0x74, 0x65, 0x72, // "exp master"
  0x65, 0x78, 0x70, 0x6f, 0x72, 0x74, 0x65, 0x72, // "exporter"
]);
/** "key" */
export const LABEL_KEY: usize = LABELS;
/** "iv" */
export const LABEL_IV: usize = LABELS + 3;
/** "finished" */
const LABEL_FINISHED: usize = LABELS + 5;
/** "traffic upd" */
const LABEL_TRAFFIC_UPDATE: usize = LABELS + 13;
/** "derived" */
const LABEL_DERIVED: usize = LABELS + 24;
/** "c hs traffic" */
const LABEL_CLIENT_HANDSHAKE: usize = LABELS + 31;
/** "s hs traffic" */
const LABEL_SERVER_HANDSHAKE: usize = LABELS + 43;
/** "c ap traffic" */
const LABEL_CLIENT_APPLICATION: usize = LABELS + 55;
/** "s ap traffic" */
const LABEL_SERVER_APPLICATION: usize = LABELS + 67;
/** "exp master" */
const LABEL_EXPORTER_MASTER: usize = LABELS + 79;
/** "exporter" */
const LABEL_EXPORTER: usize = LABELS + 89;
const LABEL_TRAFFIC_LENGTH: u32 = 12;

/** SHA-256 of nothing: the context of every "derived" secret. */
const EMPTY_HASH: usize = memory.data<u8>([
  0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
  0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
]);

/**
 * The salt of the Handshake Secret. Without a pre-shared key the Early Secret comes from zeros alone,
 * so this value is the same in every handshake with SHA-256.
 */
const EARLY_DERIVED: usize = memory.data<u8>([
  0x6f, 0x26, 0x15, 0xa1, 0x08, 0xc7, 0x02, 0xc5, 0x67, 0x8f, 0x54, 0xfc, 0x9d, 0xba, 0xb6, 0x97,
  0x16, 0xc0, 0x76, 0x18, 0x9c, 0x48, 0x25, 0x0c, 0xeb, 0xea, 0xc3, 0x57, 0x6c, 0x36, 0x11, 0xba,
]);

const SALT: usize = 0;
const CLIENT_HANDSHAKE: usize = 32;
const SERVER_HANDSHAKE: usize = 64;
const CLIENT_APPLICATION: usize = 96;
const SERVER_APPLICATION: usize = 128;
const EXPORTER_MASTER: usize = 160;
const EXTRACTED: usize = 192;
const BLOCK_LENGTH: u32 = 224;

/** The key schedule of one handshake (RFC 8446 §7.1), without pre-shared keys. Secrets are 32 bytes. */
export class KeySchedule {
  private block: StaticArray<u8> = new StaticArray<u8>(BLOCK_LENGTH as i32);

  private get base(): usize {
    return changetype<usize>(this.block);
  }
  get clientHandshakeSecret(): usize {
    return this.base + CLIENT_HANDSHAKE;
  }
  get serverHandshakeSecret(): usize {
    return this.base + SERVER_HANDSHAKE;
  }
  get clientApplicationSecret(): usize {
    return this.base + CLIENT_APPLICATION;
  }
  get serverApplicationSecret(): usize {
    return this.base + SERVER_APPLICATION;
  }

  get exporterMasterSecret(): usize {
    return this.base + EXPORTER_MASTER;
  }

  /** From the shared secret of the key exchange and the hash of ClientHello to ServerHello. */
  deriveHandshakeSecrets(shared: usize, sharedLength: u32, transcriptHash: usize): void {
    const base = this.base;
    hkdfExtract(EARLY_DERIVED, SHA256_LENGTH, shared, sharedLength, base + EXTRACTED);
    const from = new LabelledSecret(base + EXTRACTED);
    const length = LABEL_TRAFFIC_LENGTH;
    this.derive(from, LABEL_CLIENT_HANDSHAKE, length, transcriptHash, CLIENT_HANDSHAKE);
    this.derive(from, LABEL_SERVER_HANDSHAKE, length, transcriptHash, SERVER_HANDSHAKE);
    this.derive(from, LABEL_DERIVED, 7, EMPTY_HASH, SALT);
    from.wipe();
  }

  /** From the hash of ClientHello to the server's Finished. */
  deriveApplicationSecrets(transcriptHash: usize): void {
    const base = this.base;
    memory.fill(base + EXTRACTED, 0, SHA256_LENGTH);
    hkdfExtract(base + SALT, SHA256_LENGTH, base + EXTRACTED, SHA256_LENGTH, base + EXTRACTED);
    const from = new LabelledSecret(base + EXTRACTED);
    const length = LABEL_TRAFFIC_LENGTH;
    this.derive(from, LABEL_CLIENT_APPLICATION, length, transcriptHash, CLIENT_APPLICATION);
    this.derive(from, LABEL_SERVER_APPLICATION, length, transcriptHash, SERVER_APPLICATION);
    this.derive(from, LABEL_EXPORTER_MASTER, 10, transcriptHash, EXPORTER_MASTER);
    from.wipe();
    wipe(base + SALT, SHA256_LENGTH);
    wipe(base + EXTRACTED, SHA256_LENGTH);
  }

  private derive(
    from: LabelledSecret,
    label: usize,
    labelLength: u32,
    context: usize,
    to: usize,
  ): void {
    from.expand(label, labelLength, context, SHA256_LENGTH, this.base + to, SHA256_LENGTH);
  }

  wipe(): void {
    wipe(this.base, BLOCK_LENGTH);
  }
}

/** verify_data of a Finished message under a traffic secret (§4.4.4): 32 bytes at `verifyData`. */
export function finishedMac(secret: usize, transcriptHash: usize, verifyData: usize): void {
  const key = changetype<usize>(new StaticArray<u8>(SHA256_LENGTH as i32));
  hkdfExpandLabel(secret, LABEL_FINISHED, 8, 0, 0, key, SHA256_LENGTH);
  hmacSha256(key, SHA256_LENGTH, transcriptHash, SHA256_LENGTH, verifyData);
  wipe(key, SHA256_LENGTH);
}

/** Replaces a traffic secret by the next generation (§7.2). */
export function updateTrafficSecret(secret: usize): void {
  const next = changetype<usize>(new StaticArray<u8>(SHA256_LENGTH as i32));
  hkdfExpandLabel(secret, LABEL_TRAFFIC_UPDATE, 11, 0, 0, next, SHA256_LENGTH);
  memory.copy(secret, next, SHA256_LENGTH);
  wipe(next, SHA256_LENGTH);
}

/**
 * An exporter (§7.5) without a context: 32 bytes at `output` that both ends of the session can compute, and
 * no one else. `label` is ASCII.
 */
export function exportKeyingMaterial(
  exporterMasterSecret: usize,
  label: usize,
  labelLength: usize,
  output: usize,
): void {
  hkdfExpandLabel(
    exporterMasterSecret,
    label,
    labelLength,
    EMPTY_HASH,
    SHA256_LENGTH,
    output,
    SHA256_LENGTH,
  );
  // The context is empty, which is as if there were none (§7.5). A secret is read before output is written.
  hkdfExpandLabel(output, LABEL_EXPORTER, 8, EMPTY_HASH, SHA256_LENGTH, output, SHA256_LENGTH);
}
