/**
 * Ends calls from elsewhere: from another thread, which was sent `shared`, or from inside a host function. A runtime that
 * was made with the flag looks at it about every hundred units of fuel and before each call; a cancelled call ends with
 * the trap `cancelled`. The flag stays set until it is reset.
 */
export class CancellationFlag {
  readonly shared: SharedArrayBuffer;
  readonly #word: Int32Array<SharedArrayBuffer>;

  /** @param shared another thread's `flag.shared`; without it, a new flag */
  constructor(shared?: SharedArrayBuffer) {
    this.shared = shared ?? new SharedArrayBuffer(4);
    if (this.shared.byteLength < 4) throw new TypeError("a cancellation flag needs 4 shared bytes");
    this.#word = new Int32Array(this.shared, 0, 1);
  }

  get cancelled(): boolean {
    return Atomics.load(this.#word, 0) !== 0;
  }

  cancel(): void {
    Atomics.store(this.#word, 0, 1);
  }

  reset(): void {
    Atomics.store(this.#word, 0, 0);
  }
}
