import { wipe } from "../crypto/constant-time";
import { ByteBuffer, MemoryBudget } from "./byte-buffer";
import { KeySchedule } from "./key-schedule";
import { HASH_LENGTH } from "./protocol";
import { TlsSession } from "./session";
import { Transcript } from "./transcript";
import { WireReader } from "./wire-reader";
import { WireWriter } from "./wire-writer";

/** One state of a session, named by what is expected next (RFC 8446 Appendix A). */
export abstract class HandshakeState {
  /** Whether a handshake message of this type may come now. */
  abstract expects(type: u32): bool;

  /**
   * Takes a whole message of a type that is expected, standing before its body, and returns the state
   * that follows. What `session.fail` returns follows a fault.
   */
  abstract receive(session: TlsSession, type: u32, message: HandshakeMessage): HandshakeState;

  /** Whether application data may come now. */
  get allowsApplicationData(): bool {
    return false;
  }

  /** Overwrites the secrets that it holds. */
  wipe(): void {
    // Most hold none.
  }
}

/** Nothing is expected: the session has ended, or waits for its caller. */
export class ExpectsNothing extends HandshakeState {
  expects(_type: u32): bool {
    return false;
  }

  receive(_session: TlsSession, _type: u32, _message: HandshakeMessage): HandshakeState {
    return this;
  }
}

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

  /** 32 bytes of scratch that the transcript hash does not use. */
  get secondScratch(): usize {
    return this.scratch + HASH_LENGTH;
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
