import { memoryLimit, programProfile } from "../platform-services/platform";
import { PROFILE_MCU } from "../platform-services/program-profiles";
import {
  MAX_HANDSHAKE_MESSAGE,
  MAX_HANDSHAKE_MESSAGE_COMPUTER,
  MAX_PLAINTEXT,
} from "../session-manager/protocol";
import { MAX_ISOLATE_FRAME_BYTES, MAX_TLS_BYTES } from "../transport-protocol/messages";
import { MAX_IDENTITIES } from "../veracruz-utils/policy";

/** Records of a device (RFC 8449), and what a record has beside its inner plaintext, rounded up. */
const DEVICE_RECORD: u32 = 4096;
const RECORD_OVERHEAD: u32 = 256;
/** A device that gives its runtime less keeps two tables of keys. */
const ROOMY_MEMORY: u32 = 512 << 10;

/**
 * What the runtime allows itself in its home: a computer, or a microcontroller with 192 KiB for the
 * runtime. All sizes are in bytes.
 */
export class HomeProfile {
  /** Sessions at a time, handshakes among them. */
  maxSessions: u32 = 64;
  maxHandshakes: u32 = 24;
  /** Of these, those of sessions that the server does not know as a principal's: a third. */
  maxStrangers: u32 = 8;
  /** Milliseconds that a handshake may take. */
  handshakeMs: u32 = 15_000;
  /** What all sessions may hold together. */
  sessionMemory: u32 = 4 << 20;
  /** Of these, what sessions may hold that are not admitted, before their peer is known: a third. */
  get strangerMemory(): u32 {
    return this.sessionMemory / 3;
  }
  /** Of these, what the sessions of one principal may hold. */
  get principalMemory(): u32 {
    return this.sessionMemory / 2;
  }
  /**
   * Work for a principal that ends in nothing that it has a right to, in TLS bytes (`PrincipalQuota`): at once, and
   * what it earns again in a second.
   */
  workAtOnce: u32 = 512 << 10;
  workPerSecond: u32 = 32 << 10;
  /** The longest inner plaintext of a TLS record that is sent, and that is asked of peers (RFC 8449). */
  recordSizeLimit: u32 = MAX_PLAINTEXT + 1;
  /** TLS bytes that are worked on before the home gets its turn again. */
  workBytes: u32 = 32 << 10;
  /** TLS bytes of one `tlsOutput`, at most: so many of a session are gathered while it has more to do. */
  outputBytes: u32 = MAX_TLS_BYTES;
  /** A session takes no more data for sending while so many of its bytes wait: with the last record they fit. */
  outputLimit: u32 = MAX_TLS_BYTES - MAX_PLAINTEXT - RECORD_OVERHEAD;
  /** What a new session leaves free for the server's messages. */
  frameReserve: u32 = MAX_ISOLATE_FRAME_BYTES;
  /** What files leave free for the frames and responses of the messages after them. */
  fileReserve: u32 = 160 << 10;
  /** The longest handshake message of TLS that is taken. */
  maxMessage: u32 = MAX_HANDSHAKE_MESSAGE_COMPUTER;
  /** Largest piece of a file in a response. */
  pieceBytes: u32 = 16384;
  /** Whether the runtime's memory grows when it needs more. */
  memoryGrows: bool = true;

  /** Blocks of 1 KiB in the table of a principal's key (`KnownKeys`), and tables at a time. */
  keyTableBlocks: i32 = 4;
  maxKeyTables: i32 = MAX_IDENTITIES as i32;

  constructor(profile: u32) {
    if (profile === PROFILE_MCU) {
      this.keyTableBlocks = 2;
      this.maxKeyTables = memoryLimit() < ROOMY_MEMORY ? 2 : 8;
      this.maxSessions = 6;
      this.maxHandshakes = 3;
      this.maxStrangers = 1;
      this.handshakeMs = 60_000;
      this.recordSizeLimit = DEVICE_RECORD;
      this.workBytes = 512;
      this.outputBytes = DEVICE_RECORD + RECORD_OVERHEAD;
      this.outputLimit = 1;
      this.workAtOnce = 128 << 10;
      this.workPerSecond = 512;
      this.sessionMemory = 96 << 10;
      // An eighth of its memory: such a home takes no larger messages.
      this.frameReserve = memoryLimit() >> 3;
      this.fileReserve = this.frameReserve;
      this.maxMessage = MAX_HANDSHAKE_MESSAGE;
      this.pieceBytes = 4096;
      this.memoryGrows = false;
    }
  }
}

/** The profile of this home, which does not change. */
export const homeProfile: HomeProfile = new HomeProfile(programProfile());
