import { Aead } from "../crypto/aead";
import { Aes128Gcm } from "../crypto/aes128-gcm";
import { ChaCha20Poly1305 } from "../crypto/chacha20-poly1305";
import { wipe } from "../crypto/constant-time";
import { LabelledSecret } from "../crypto/hkdf";
import { SHA256_LENGTH } from "../crypto/sha256";
import { LABEL_IV, LABEL_KEY } from "./key-schedule";
import { RECORD_HEADER, SUITE_AES_128_GCM } from "./protocol";

const IV: usize = 0;
const NONCE: usize = 12;
const KEY: usize = 24;
const BLOCK_LENGTH: u32 = 56;

/** Protection of the records of one direction under one traffic secret (RFC 8446 §5.2, §5.3). */
export class RecordProtection {
  /** The number of the next record under the present key. */
  sequence: u64 = 0;
  private aead: Aead;
  private block: StaticArray<u8> = new StaticArray<u8>(BLOCK_LENGTH as i32);

  /** `suite`: one `SUITE_…` bit. */
  constructor(suite: u32) {
    if (suite === SUITE_AES_128_GCM) this.aead = new Aes128Gcm();
    else this.aead = new ChaCha20Poly1305();
  }

  /** Derives key and IV from a traffic secret (§7.3) and starts counting at 0. */
  setSecret(secret: usize): void {
    const block = changetype<usize>(this.block);
    const from = new LabelledSecret(secret);
    from.expand(LABEL_KEY, 3, 0, 0, block + KEY, this.aead.keyLength);
    this.aead.setKey(block + KEY);
    wipe(block + KEY, SHA256_LENGTH);
    from.expand(LABEL_IV, 2, 0, 0, block + IV, 12);
    from.wipe();
    this.sequence = 0;
  }

  /** Whether the sequence number must not advance further (§5.3: it must not wrap). */
  get exhausted(): bool {
    return this.sequence === u64.MAX_VALUE;
  }

  /** Seals `length` bytes at `data` in place; the tag follows them. `header`: the record's, complete. */
  seal(header: usize, data: usize, length: u32): void {
    this.aead.seal(this.nextNonce(), header, RECORD_HEADER, data, length, data + length);
  }

  /**
   * Opens `length` bytes at `data` in place, which the tag follows. When the tag is wrong it answers
   * false, and neither the bytes nor the sequence number have changed.
   */
  open(header: usize, data: usize, length: u32): bool {
    const nonce = this.nextNonce();
    if (this.aead.open(nonce, header, RECORD_HEADER, data, length, data + length)) return true;
    this.sequence -= 1;
    return false;
  }

  private nextNonce(): usize {
    const block = changetype<usize>(this.block);
    memory.copy(block + NONCE, block + IV, 12);
    const low = block + NONCE + 4;
    store<u64>(low, load<u64>(low) ^ bswap<u64>(this.sequence));
    this.sequence += 1;
    return block + NONCE;
  }

  wipe(): void {
    this.aead.wipe();
    wipe(changetype<usize>(this.block), BLOCK_LENGTH);
  }
}
