import { wipe } from "../crypto/constant-time";
import { canAllocate } from "../platform-services/heap";

/**
 * A bound on the bytes that buffers may hold together: of one session, or of all that share it. What is
 * taken from a budget is taken from the one around it, too.
 */
export class MemoryBudget {
  used: u32 = 0;
  /** The most that was ever in use at once. */
  peak: u32 = 0;

  constructor(
    public limit: u32,
    private around: MemoryBudget | null = null,
  ) {}

  /** Takes `bytes` out of the budget, or answers false. */
  take(bytes: u32): bool {
    if (bytes > this.limit - this.used) return false;
    const around = this.around;
    if (around !== null && !around.take(bytes)) return false;
    this.used += bytes;
    if (this.used > this.peak) this.peak = this.used;
    return true;
  }

  /** Gives back what was taken. */
  give(bytes: u32): void {
    this.used -= bytes;
    const around = this.around;
    if (around !== null) around.give(bytes);
  }

  /** Moves into another budget, with what is in use; false, and nothing changed, when it does not fit. */
  moveInto(around: MemoryBudget): bool {
    const before = this.around;
    // Both may lie in one budget: what moves is not to be counted twice there.
    if (before !== null) before.give(this.used);
    if (around.take(this.used)) {
      this.around = around;
      return true;
    }
    if (before !== null) before.take(this.used);
    return false;
  }
}

/**
 * Bytes on the heap, appended at the end and consumed from the start. It holds no memory while it is
 * empty, wipes what it lets go of, and refuses to grow past its budget or the heap.
 */
export class ByteBuffer {
  private block: usize = 0;
  private capacity: u32 = 0;
  private start: u32 = 0;
  private stop: u32 = 0;
  private budget: MemoryBudget;

  constructor(budget: MemoryBudget) {
    this.budget = budget;
  }

  /** Where its bytes are. Any call that appends may move them. */
  get pointer(): usize {
    return this.block + this.start;
  }

  get length(): u32 {
    return this.stop - this.start;
  }

  /** Bytes that can be appended without more memory. */
  get room(): u32 {
    return this.capacity - this.stop;
  }

  /** Makes room for `more` bytes behind the last one; false when there is no memory for them. */
  reserve(more: u32): bool {
    if (more <= this.capacity - this.stop) return true;
    const wanted = this.length + more;
    if (wanted < more || !this.budget.take(wanted)) return false;
    if (!canAllocate(wanted)) {
      this.budget.give(wanted);
      return false;
    }
    const grown = heap.alloc(wanted);
    const length = this.length;
    memory.copy(grown, this.pointer, length);
    this.free();
    this.block = grown;
    this.capacity = wanted;
    this.stop = length;
    return true;
  }

  /** Appends bytes; false when there is no memory for them (nothing is then appended). */
  append(bytes: usize, length: u32): bool {
    if (!this.reserve(length)) return false;
    memory.copy(this.block + this.stop, bytes, length);
    this.stop += length;
    return true;
  }

  /** Counts `length` bytes that were stored in the reserved room after the last one. */
  extend(length: u32): void {
    this.stop += length;
  }

  /** Forgets the last bytes, so that `length` are left. */
  truncate(length: u32): void {
    this.stop = this.start + length;
    if (length === 0) this.free();
  }

  /** Takes `length` bytes away from the start. */
  consume(length: u32): void {
    this.start += length;
    if (this.start === this.stop) this.free();
  }

  /** Takes over another buffer's bytes; both must share one budget. */
  takeOver(other: ByteBuffer): void {
    this.free();
    this.block = other.block;
    this.capacity = other.capacity;
    this.start = other.start;
    this.stop = other.stop;
    other.forget();
  }

  /** Wipes and frees everything. */
  free(): void {
    if (this.block !== 0) {
      wipe(this.block, this.capacity);
      heap.free(this.block);
      this.budget.give(this.capacity);
    }
    this.forget();
  }

  private forget(): void {
    this.block = 0;
    this.capacity = 0;
    this.start = 0;
    this.stop = 0;
  }
}
