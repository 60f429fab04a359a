import { reserve } from "../veracruz_rt/memory";
import { isScalar, storeUtf8, storeUtf16, utf8Length, utf16Length } from "./utf8";

/** How deep classes and sequences may be nested: a hostile input must not exhaust the stack. */
const DEPTH_LIMIT: i32 = 64;

/** Bytes that a varint of 32 bits takes at most (unsigned LEB128). */
const VARINT_BYTES: u32 = 5;

const FIRST_CAPACITY: usize = 64;

/**
 * The classic data encoding (pinecone 0.2), both ways. One description of a class serves both:
 *
 *     class Reading {
 *       sensor: string = "";
 *       celsius: Array<f32> = [];
 *       fields(codec: Codec): void {
 *         this.sensor = codec.of(this.sensor);
 *         this.celsius = codec.of(this.celsius);
 *       }
 *     }
 *     const reading = decode<Reading>(bytes);   // Result<Reading>
 *     const encoded = encode<Reading>(value);   // Result<Uint8Array>
 *
 * Each method takes the present value and answers the one to keep: the same when writing, the one from
 * the bytes when reading. Nothing traps on malformed bytes: the first error makes `failed` true, and from
 * then on each method answers what it was given.
 */
export class Codec {
  private broken: bool = false;
  private starved: bool = false;
  private depth: i32 = 0;
  private position: usize;
  private end: usize;

  private constructor(
    /** Whether values come from the bytes (else they go there). */
    readonly reading: bool,
    private buffer: Uint8Array,
  ) {
    this.position = buffer.dataStart;
    this.end = this.position + buffer.length;
  }

  /** One that reads from `bytes`. Bytes after the last value are ignored. */
  static reader(bytes: Uint8Array): Codec {
    return new Codec(true, bytes);
  }

  /** One that writes to a buffer of its own. */
  static writer(): Codec {
    return new Codec(false, new Uint8Array(FIRST_CAPACITY as i32));
  }

  /** Whether anything went wrong: malformed or missing bytes, `reject`, or memory exhausted. */
  get failed(): bool {
    return this.broken;
  }

  /** Whether the failure was a lack of memory. */
  get exhausted(): bool {
    return this.starved;
  }

  /** Bytes not yet read; when writing, bytes of room left before the buffer grows. */
  get remaining(): usize {
    return this.end - this.position;
  }

  /** What was written so far; nothing if writing failed. */
  get written(): Uint8Array {
    const start = this.buffer.dataStart;
    return this.buffer.subarray(0, this.broken ? 0 : ((this.position - start) as i32));
  }

  /** Lets reading fail: for `fields` methods that find a value outside what their class allows. */
  reject(): void {
    this.broken = true;
  }

  /**
   * A value of any of these types:
   *
   * | AssemblyScript | encoding, and its name in Rust |
   * |---|---|
   * | `u8` … `u64`, `i8` … `i64`, `f32`, `f64` | fixed width, little-endian. Rust's `usize` is `u64` here |
   * | `bool` | one byte, 0 or 1 |
   * | `string` | varint length, UTF-8 (`String`) |
   * | `Uint8Array`, `Float64Array`, … | varint count, items (`Vec<u8>`); a `Uint8Array` is a view, not a copy |
   * | `Array<T>` | varint count, items (`Vec<T>`) |
   * | `T \| null` for a class, string or array | 0, or 1 and the value (`Option<T>`) |
   * | a class with `fields(codec: Codec): void` | its fields (struct, tuple) |
   */
  of<T>(value: T): T {
    if (isBoolean<T>()) {
      const at = this.take(1);
      if (at === 0) return value;
      if (this.reading && load<u8>(at) > 1) this.broken = true;
      else if (this.reading) return load<T>(at);
      else store<T>(at, value);
      return value;
    } else if (isInteger<T>() || isFloat<T>()) {
      const at = this.take(sizeof<T>());
      if (at === 0) return value;
      if (this.reading) return load<T>(at);
      store<T>(at, value);
      return value;
    } else if (isNullable<T>()) {
      return this.option<T>(value);
    } else if (isString<T>()) {
      return changetype<T>(this.text(changetype<string>(value)));
    } else if (isArray<T>()) {
      // @ts-expect-error T is an Array here
      return changetype<T>(this.sequence<valueof<T>>(changetype<Array<valueof<T>>>(value)));
    } else if (value instanceof Uint8Array) {
      return changetype<T>(this.bytes(changetype<Uint8Array>(value)));
      // @ts-expect-error whether T is a typed array
    } else if (isDefined(value.dataStart)) {
      return this.numbers<T>(value);
    } else {
      // @ts-expect-error whether T has the method
      if (!isDefined(value.fields)) {
        ERROR("this type cannot be encoded: give it a method fields(codec: Codec): void");
      }
      // @ts-expect-error checked in the line above
      if (this.enter()) value.fields(this);
      this.depth--;
      return value;
    }
  }

  /** An unsigned LEB128 number below 2^32: the count of a sequence, the index of an enumeration. */
  varint(value: u32): u32 {
    if (!this.reading) {
      let rest = value;
      while (rest > 0x7f) {
        this.of<u8>((0x80 | rest) as u8);
        rest >>= 7;
      }
      this.of<u8>(rest as u8);
      return value;
    }
    let read: u64 = 0;
    for (let i: u32 = 0; i < VARINT_BYTES; i++) {
      const byte = this.of<u8>(0);
      read |= ((byte & 0x7f) as u64) << (7 * i);
      if (byte < 0x80) {
        if (read > (u32.MAX_VALUE as u64)) break;
        return this.broken ? value : (read as u32);
      }
    }
    this.broken = true;
    return value;
  }

  /** A Unicode scalar value (`char`). */
  char(value: u32): u32 {
    const scalar = this.of<u32>(value);
    if (isScalar(scalar)) return scalar;
    this.broken = true;
    return value;
  }

  /** Items without a count, as many as `items` has (`[T; N]`), in place. */
  fixed<T>(items: Array<T>): Array<T> {
    for (let i = 0; i < items.length && !this.broken; i++) items[i] = this.of<T>(items[i]);
    return items;
  }

  /** A set of numbers or strings (`HashSet`). Equal items become one. */
  set<T>(items: Set<T>): Set<T> {
    if (isReference<T>() && !isString<T>()) ERROR("a set has numbers or strings; use an Array");
    if (!this.reading) {
      this.sequence<T>(items.values());
      return items;
    }
    const read = this.sequence<T>([]);
    const set = new Set<T>();
    if (!this.roomForTable(read.length)) return items;
    for (let i = 0; i < read.length; i++) set.add(read[i]);
    return this.broken ? items : set;
  }

  /** A map from numbers or strings (`HashMap`). The last of several values for one key counts. */
  map<K, V>(entries: Map<K, V>): Map<K, V> {
    if (isReference<K>() && !isString<K>()) ERROR("a map has keys that are numbers or strings");
    if (!this.reading) {
      const keys = entries.keys();
      this.varint(keys.length);
      for (let i = 0; i < keys.length && !this.broken; i++) {
        this.of<K>(keys[i]);
        this.of<V>(entries.get(keys[i]));
      }
      return entries;
    }
    const count = this.count(minimumBytes<K>() + minimumBytes<V>());
    const map = new Map<K, V>();
    if (!this.roomForTable(count)) return entries;
    for (let i: u32 = 0; i < count; i++) {
      const key = this.of<K>(initial<K>());
      if (!this.roomFor<V>()) return entries;
      const value = this.of<V>(initial<V>());
      if (this.broken) return entries;
      map.set(key, value);
    }
    return map;
  }

  /** Address of the next `length` bytes, which then count as read or written; 0 if that fails. */
  private take(length: usize): usize {
    if (this.broken) return 0;
    if (length > this.end - this.position && (this.reading || !this.grow(length))) {
      this.broken = true;
      return 0;
    }
    const at = this.position;
    this.position = at + length;
    return at;
  }

  private grow(length: usize): bool {
    const used = this.position - this.buffer.dataStart;
    const needed = (used as u64) + (length as u64);
    const wanted = max<u64>(needed, 2 * (this.buffer.length as u64));
    // Where memory is short, no more than needed.
    const capacity = reserve(min<u64>(wanted, u32.MAX_VALUE) as usize) ? wanted : needed;
    if (!this.room(capacity)) return false;
    const larger = new Uint8Array(capacity as i32);
    memory.copy(larger.dataStart, this.buffer.dataStart, used);
    this.buffer = larger;
    this.position = larger.dataStart + used;
    this.end = larger.dataStart + larger.length;
    return true;
  }

  /** Reads how many items follow, each of at least `itemBytes`: no more than the bytes can hold. */
  private count(itemBytes: usize): u32 {
    const count = this.varint(0);
    if ((count as u64) * (itemBytes as u64) <= (this.remaining as u64)) return count;
    this.broken = true;
    return 0;
  }

  private enter(): bool {
    if (++this.depth > DEPTH_LIMIT) this.broken = true;
    return !this.broken;
  }

  /** Whether nothing went wrong yet and there is memory for `bytes` more bytes; if not, that went wrong. */
  private room(bytes: u64): bool {
    if (this.broken) return false;
    if (bytes <= (u32.MAX_VALUE as u64) && reserve(bytes as usize)) return true;
    this.starved = true;
    this.broken = true;
    return false;
  }

  /** The same for another object of type `T`, its constructor's objects included. */
  private roomFor<T>(): bool {
    return isReference<T>() ? this.room(0) : !this.broken;
  }

  /** The same for a hash table of `count` entries, with all tables that it grows through. */
  private roomForTable(count: u32): bool {
    return this.room((count as u64) * 160);
  }

  private option<T>(value: T): T {
    const present = this.of<bool>(value !== null);
    if (!this.reading) return present ? changetype<T>(this.of<nonnull<T>>(value!)) : value;
    if (this.broken) return value;
    if (!present) return changetype<T>(0);
    if (!this.roomFor<T>()) return value;
    const read = this.of<nonnull<T>>(initial<nonnull<T>>());
    return this.broken ? value : changetype<T>(read);
  }

  private text(value: string): string {
    if (!this.reading) {
      const length = utf8Length(value);
      this.varint(length as u32);
      const out = this.take(length);
      if (out !== 0) storeUtf8(value, out);
      return value;
    }
    const length = this.count(1);
    const at = this.take(length);
    if (at === 0) return value;
    const units = utf16Length(at, at + length);
    if (units < 0) this.broken = true;
    if (!this.room((units as u32 as u64) * 2)) return value;
    const text = changetype<string>(__new((units as usize) * 2, idof<string>()));
    storeUtf16(at, at + length, changetype<usize>(text));
    return text;
  }

  private bytes(value: Uint8Array): Uint8Array {
    if (!this.reading) {
      this.varint(value.length);
      const out = this.take(value.length);
      if (out !== 0) memory.copy(out, value.dataStart, value.length);
      return value;
    }
    const length = this.count(1);
    const at = this.take(length);
    if (at === 0 || !this.roomFor<Uint8Array>()) return value;
    const start = at - changetype<usize>(this.buffer.buffer);
    return Uint8Array.wrap(this.buffer.buffer, start as i32, length as i32);
  }

  /** A typed array other than `Uint8Array`. */
  private numbers<T>(value: T): T {
    // @ts-expect-error T is a typed array here
    const itemBytes: usize = sizeof<valueof<T>>();
    let array = value;
    if (this.reading) {
      const count = this.count(itemBytes);
      if (!this.room((count as u64) * (itemBytes as u64))) return value;
      array = instantiate<T>(count as i32);
    } else {
      // @ts-expect-error T is a typed array here
      this.varint(array.length);
    }
    // @ts-expect-error T is a typed array here
    const data: usize = array.dataStart;
    // @ts-expect-error T is a typed array here
    const length: usize = array.byteLength;
    const at = this.take(length);
    if (at === 0) return value;
    if (this.reading) memory.copy(data, at, length);
    else memory.copy(at, data, length);
    return array;
  }

  private sequence<T>(items: Array<T>): Array<T> {
    if (!this.reading) {
      this.varint(items.length);
      if (this.enter()) this.fixed<T>(items);
      this.depth--;
      return items;
    }
    const count = this.count(minimumBytes<T>());
    if (!this.room((count as u64) * (sizeof<T>() as u64)) || !this.enter()) return items;
    const read = new Array<T>(count as i32);
    for (let i: u32 = 0; i < count; i++) {
      if (!this.roomFor<T>()) return items;
      read[i] = this.of<T>(initial<T>());
    }
    this.depth--;
    return this.broken ? items : read;
  }
}

/** The fewest bytes that an encoded `T` takes. A class without fields counts as one, too. */
function minimumBytes<T>(): usize {
  return isReference<T>() ? 1 : sizeof<T>();
}

/** A value of type `T` to be read over. */
export function initial<T>(): T {
  if (isNullable<T>()) return changetype<T>(0);
  else if (isString<T>()) return changetype<T>("");
  else if (isReference<T>()) {
    // @ts-expect-error whether T is a typed array
    if (isDefined(changetype<T>(0).dataStart)) return instantiate<T>(0);
    else return instantiate<T>();
  } else return 0 as T;
}
