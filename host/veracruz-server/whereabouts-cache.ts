import { RateLimit } from "../common/rate-limit.js";
import type { Registry, Whereabouts } from "./registry.js";

/** Milliseconds for which an answer of the registry is believed: a session in POST requests asks often. */
const BELIEVED_MS = 1_000;
const MAX_ENTRIES = 10_000;

/**
 * Computations of which nothing is known that one address may have looked up: so many in a second on average, and so
 * many at once. Anybody can name any number of hashes, and each would be a question to the database.
 */
const UNKNOWN_PER_SECOND = 2;
const UNKNOWN_AT_ONCE = 20;

/** The registry is not asked: this address has named too many computations of which nothing is known. */
export class TooManyUnknown extends Error {
  override name = "TooManyUnknown";
}

/** Answers of the registry, each for a moment. */
export class WhereaboutsCache {
  private readonly entries = new Map<
    string,
    { at: number; found: Promise<Whereabouts | undefined> }
  >();
  /** Computations that the registry had when it was asked last: what strangers make up does not push them out. */
  private readonly known = new Set<string>();
  private readonly unknown = new RateLimit(UNKNOWN_PER_SECOND, UNKNOWN_AT_ONCE);

  constructor(private readonly registry: Registry | undefined) {}

  /**
   * Where a computation is. Rejects when the registry cannot be reached.
   *
   * @param from the address of whoever asks
   * @param isHeld whether this server has the computation's policy itself
   * @throws TooManyUnknown when the registry is not asked
   */
  async find(hash: string, from: string, isHeld: boolean): Promise<Whereabouts | undefined> {
    if (this.registry === undefined) return undefined;
    const now = performance.now();
    const recent = this.entries.get(hash);
    if (recent !== undefined && now - recent.at < BELIEVED_MS) return recent.found;
    if (!isHeld && !this.known.has(hash) && !this.unknown.allows(from, now))
      throw new TooManyUnknown("too many unknown computations are asked for from this address");
    const found = this.registry.find(hash);
    this.entries.delete(hash);
    this.entries.set(hash, { at: now, found });
    found.then(
      (where) => this.note(hash, where !== undefined),
      () => this.entries.delete(hash),
    );
    dropOldest(this.entries);
    return found;
  }

  private note(hash: string, isKnown: boolean): void {
    this.known.delete(hash);
    if (isKnown) this.known.add(hash);
    dropOldest(this.known);
  }

  /** Has the registry asked again: what it said of a computation has turned out to be old. */
  forget(hash: string): void {
    this.entries.delete(hash);
  }
}

/** Lets go of the oldest where there are too many. */
function dropOldest(
  collection: Pick<Map<string, unknown>, "size" | "delete"> & {
    keys(): IterableIterator<string>;
  },
): void {
  const [oldest] = collection.keys();
  if (collection.size > MAX_ENTRIES) collection.delete(oldest as string);
}
