import { SHA256_LENGTH, Sha256 } from "../crypto/sha256";
import { MESSAGE_HASH } from "./protocol";

/** The running hash of a handshake's messages (RFC 8446 §4.4.1); both suites use SHA-256. */
export class Transcript {
  private running: Sha256 = new Sha256();
  private copy: Sha256 = new Sha256();

  /** Adds bytes of messages, headers included. */
  add(bytes: usize, length: u32): void {
    this.running.update(bytes, length);
  }

  /** The hash of what was added so far: 32 bytes at `out`. */
  hash(out: usize): void {
    this.copy.copyFrom(this.running);
    this.copy.finish(out);
  }

  /** After a HelloRetryRequest the first ClientHello is replaced by its hash. `scratch`: 36 bytes. */
  replaceByHash(scratch: usize): void {
    // The header of a handshake message with a body of 32 bytes.
    store<u32>(scratch, MESSAGE_HASH | (SHA256_LENGTH << 24));
    this.hash(scratch + 4);
    this.running.reset();
    this.running.update(scratch, 4 + SHA256_LENGTH);
  }
}
