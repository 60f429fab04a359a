import { canAllocate } from "../platform-services/heap";
import {
  P256_PUBLIC_KEY_LENGTH,
  p256KeyTableWork,
  p256MakeKeyTable,
  p256Verify,
  p256VerifyByTable,
} from "./p256";
import { KEY_TABLE_BLOCK_SIZE } from "./p256-key-table";

const NONE: i32 = -1;

/**
 * Public keys that are known beforehand, such as those of a policy's principals. Each gets a table
 * (`p256-key-table.ts`) the first time that a signature under it is verified, as long as there is memory; of more
 * keys than there may be tables, the one that was not used for longest loses its own. A stranger's key
 * gets none, or strangers could have tables made and thrown away.
 */
export class KnownKeys {
  private keys: StaticArray<u8>;
  private count: i32 = 0;
  /** Address of each key's table; 0: there is none. */
  private tables: StaticArray<usize>;
  /** When each was used last, in verifications. */
  private usedAt: StaticArray<u32>;
  private clock: u32 = 0;
  private made: i32 = 0;

  /**
   * @param capacity keys, at most
   * @param blocks of a table, 1 KiB each: 1, 2 or 4
   * @param mostTables tables at a time, at most
   */
  constructor(
    capacity: i32,
    private blocks: i32,
    private mostTables: i32,
  ) {
    this.keys = new StaticArray<u8>(capacity * P256_PUBLIC_KEY_LENGTH);
    this.tables = new StaticArray<usize>(capacity);
    this.usedAt = new StaticArray<u32>(capacity);
  }

  /** Bytes that the tables take now. */
  get tableBytes(): usize {
    return (this.made as usize) * (this.blocks as usize) * KEY_TABLE_BLOCK_SIZE;
  }

  /** Makes a key known, 65 bytes uncompressed; beyond the capacity it stays a stranger's. */
  add(publicKey: usize): void {
    if (this.count === this.tables.length || this.find(publicKey) !== NONE) return;
    memory.copy(this.keyAt(this.count++), publicKey, P256_PUBLIC_KEY_LENGTH as usize);
  }

  /** Makes a known key's table now, where there is memory, for whom has more of it now than later. */
  prepare(publicKey: usize): void {
    const index = this.find(publicKey);
    if (index !== NONE) this.hasTable(index);
  }

  /** As `p256Verify`, by the key's table where there is one, or now can be. */
  verify(signature: usize, digest: usize, publicKey: usize): bool {
    const index = this.find(publicKey);
    if (index === NONE || !this.hasTable(index)) return p256Verify(signature, digest, publicKey);
    this.usedAt[index] = ++this.clock;
    return p256VerifyByTable(signature, digest, this.tables[index], this.blocks);
  }

  /** Gives the tables' memory back; the keys stay known. */
  free(): void {
    for (let i = 0; i < this.count; i++) {
      if (this.tables[i] !== 0) heap.free(this.tables[i]);
      this.tables[i] = 0;
    }
    this.made = 0;
  }

  /** Forgets all keys, and gives the tables' memory back. */
  forget(): void {
    this.free();
    this.count = 0;
  }

  private keyAt(index: i32): usize {
    return changetype<usize>(this.keys) + ((index * P256_PUBLIC_KEY_LENGTH) as usize);
  }

  private find(publicKey: usize): i32 {
    for (let i = 0; i < this.count; i++)
      if (memory.compare(this.keyAt(i), publicKey, P256_PUBLIC_KEY_LENGTH as usize) === 0) return i;
    return NONE;
  }

  private hasTable(index: i32): bool {
    if (this.tables[index] !== 0) return true;
    const table = this.memoryForTable();
    if (table === 0) return false;
    if (!p256MakeKeyTable(table, this.blocks, this.keyAt(index))) {
      heap.free(table);
      return false;
    }
    this.tables[index] = table;
    this.made++;
    return true;
  }

  /** A block of memory for one more table, the oldest one's where there may be no more; 0: none. */
  private memoryForTable(): usize {
    const work = p256KeyTableWork(this.blocks);
    if (this.mostTables === 0 || !canAllocate(work)) return 0;
    if (this.made === this.mostTables) {
      let oldest = NONE;
      for (let i = 0; i < this.count; i++)
        if (this.tables[i] !== 0 && (oldest === NONE || this.usedAt[i] < this.usedAt[oldest]))
          oldest = i;
      const table = this.tables[oldest];
      this.tables[oldest] = 0;
      this.made--;
      return table;
    }
    const size = (this.blocks as usize) * KEY_TABLE_BLOCK_SIZE;
    return canAllocate(size + work) ? heap.alloc(size) : 0;
  }
}

/** As `p256Verify`, with what is `known` of keys, be that nothing. */
export function verifyUnder(
  known: KnownKeys | null,
  signature: usize,
  digest: usize,
  publicKey: usize,
): bool {
  return known === null
    ? p256Verify(signature, digest, publicKey)
    : known.verify(signature, digest, publicKey);
}
