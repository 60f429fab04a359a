import { wipe } from "../crypto/constant-time";
import { SHA256_LENGTH } from "../crypto/sha256";
import { ByteBuffer, MemoryBudget } from "./byte-buffer";
import { KeySchedule } from "./key-schedule";

import { Transcript } from "./transcript";
import { WireReader } from "./wire-reader";
import { WireWriter } from "./wire-writer";

/** A whole handshake message, and the reader of its body. */
export class HandshakeMessage extends WireReader {
  /** The message with its header. */
  start: usize = 0;
  length: u32 = 0;
}

const SCRATCH_LENGTH: u32 = 256;

/** What a session needs only until its handshake is done. */
export class Handshake {
  transcript: Transcript = new Transcript();
  schedule: KeySchedule = new KeySchedule();
  /** Whether the one change_cipher_spec of compatibility mode has been sent (Appendix D.4). */
  sentChangeCipherSpec: bool = false;
  /** Where our own messages are composed. */
  composed: ByteBuffer;
  private scratchBlock: StaticArray<u8> = new StaticArray<u8>(SCRATCH_LENGTH as i32);

  constructor(budget: MemoryBudget) {
    this.composed = new ByteBuffer(budget);
  }

  /** 256 bytes for intermediate values of one step. */
  get scratch(): usize {
    return changetype<usize>(this.scratchBlock);
  }

  /** The present transcript hash, 32 bytes, at the start of `scratch`. */
  hashTranscript(): usize {
    this.transcript.hash(this.scratch);
    return this.scratch;
  }

  /** The rest of the scratch, 224 bytes, which the transcript hash does not use. */
  get secondScratch(): usize {
    return this.scratch + SHA256_LENGTH;
  }

  /** Begins to compose a message. */
  compose(): WireWriter {
    this.composed.free();
    return new WireWriter(this.composed);
  }

  wipe(): void {
    this.schedule.wipe();
    this.composed.free();
    wipe(this.scratch, SCRATCH_LENGTH);
  }
}
