import { wipe } from "../crypto/constant-time";
import { Drbg } from "../crypto/drbg";
import { x25519PublicKey } from "../crypto/x25519-base";

/** A private key of X25519, and a public one. */
const KEY_LENGTH: u32 = 32;
/** Milliseconds after which a pair that nobody needed is wiped. */
const LIFETIME_MS: u32 = 60_000;

/**
 * An ephemeral X25519 key pair of a server, made while it is idle: the next handshake is shorter by that. It serves
 * one handshake, and is wiped when none comes within a minute. Then none is made until a handshake has come:
 * a server that nobody visits does no work, and has no secret lying about.
 */
export class SpareKey {
  private pair: StaticArray<u8> = new StaticArray<u8>(<i32>(2 * KEY_LENGTH));
  private isThere: bool = false;
  private isWanted: bool = true;
  private ageMs: u32 = 0;

  /** Where it is: private key, then public key; zeros while none is there. */
  get at(): usize {
    return changetype<usize>(this.pair);
  }

  /** To be called while there is nothing else to do, with the milliseconds since the last call. */
  tick(drbg: Drbg, elapsedMs: u32): void {
    if (this.isThere) {
      this.ageMs += elapsedMs;
      if (this.ageMs > LIFETIME_MS) this.wipe();
    } else if (this.isWanted && drbg.fill(this.at, KEY_LENGTH)) {
      x25519PublicKey(this.at + KEY_LENGTH, this.at);
      this.isWanted = false;
      this.isThere = true;
      this.ageMs = 0;
    }
  }

  /**
   * Moves the pair to `privateKey` and `publicKey`, 32 bytes each, and wants another one. False where none is there;
   * then nothing is stored.
   */
  take(privateKey: usize, publicKey: usize): bool {
    this.isWanted = true;
    if (!this.isThere) return false;
    memory.copy(privateKey, this.at, KEY_LENGTH);
    memory.copy(publicKey, this.at + KEY_LENGTH, KEY_LENGTH);
    this.wipe();
    return true;
  }

  /** Forgets the pair. */
  wipe(): void {
    wipe(this.at, 2 * KEY_LENGTH);
    this.isThere = false;
  }
}
