import { FileContent, wipeContent } from "../execution-engine/computation";
import { canAllocate } from "../platform-services/heap";
import { homeProfile } from "./home-profile";

/** The piece was taken; more are to come. */
export const PIECE_TAKEN: u32 = 0;
/** The piece was taken and is the last: the file is whole, and waits to be kept or dropped. */
export const PIECE_LAST: u32 = 1;
/** The file was written before; nothing changed. */
export const PIECE_E_WRITTEN: u32 = 2;
/** Another session's transfer of this file is under way. */
export const PIECE_E_BUSY: u32 = 3;
/** The piece does not continue the transfer, or reaches beyond the total; the transfer goes on. */
export const PIECE_E_ORDER: u32 = 4;
/** There is no memory for a file of that size. */
export const PIECE_E_MEMORY: u32 = 5;

/** Whether there is memory for a file of that size beside what messages need. */
export function hasRoomFor(length: u32): bool {
  return length <= 0x7fffffff && canAllocate(length + homeProfile.fileReserve);
}

/**
 * One file that the policy names: its content once it is whole, and the transfer under way.
 *
 * A transfer belongs to a session. It counts only when it is whole, and is wiped when its session ends.
 */
export class StoredFile {
  /** Null until written. Never changed in place: readers may keep the reference. */
  content: FileContent | null = null;

  /** What has come so far of a transfer; null when none is under way. */
  private transfer: FileContent | null = null;
  private received: u32 = 0;
  private session: u32 = 0;

  constructor(
    public name: StaticArray<u8>,
    /** `FILE_…` of `veracruz-utils/file-names.ts`. */
    public kind: u32,
  ) {}

  /**
   * Takes a piece of a transfer. Pieces come in order; one at offset 0 begins again, with memory for the
   * whole. Returns `PIECE_…`; after `PIECE_LAST` call `keep` or `drop`.
   */
  takePiece(session: u32, offset: u32, total: u32, bytes: usize, length: u32): u32 {
    if (this.content !== null) return PIECE_E_WRITTEN;
    if (this.transfer !== null && this.session !== session) return PIECE_E_BUSY;
    if (length > total || offset > total - length) return PIECE_E_ORDER;
    if (offset === 0) {
      this.drop();
      if (!hasRoomFor(total)) return PIECE_E_MEMORY;
      this.transfer = new StaticArray<u8>(total as i32);
      this.session = session;
    }
    const transfer = this.transfer;
    if (transfer === null || offset !== this.received || (transfer.length as u32) !== total) {
      return PIECE_E_ORDER;
    }
    memory.copy(changetype<usize>(transfer) + (offset as usize), bytes, length as usize);
    this.received = offset + length;
    return this.received === total ? PIECE_LAST : PIECE_TAKEN;
  }

  /** The whole file of a transfer that ended with `PIECE_LAST`. */
  get transferred(): FileContent {
    return this.transfer!;
  }

  /** Makes the whole transfer the file's content. */
  keep(): void {
    this.content = this.transfer;
    this.transfer = null;
    this.received = 0;
  }

  /** Wipes the transfer under way. */
  drop(): void {
    const transfer = this.transfer;
    if (transfer !== null) wipeContent(transfer);
    this.transfer = null;
    this.received = 0;
  }

  /** Wipes the transfer under way when it belongs to that session. */
  dropOf(session: u32): void {
    if (this.session === session) this.drop();
  }

  /** Wipes everything. */
  clear(): void {
    this.drop();
    const content = this.content;
    if (content !== null) wipeContent(content);
    this.content = null;
  }
}
