// The classic data encoding on the computer's side: what makes a program's inputs and reads its result.
// Its counterpart in programs is assembly/sdk/codec/.

/** Writes values one after the other; each method answers the writer, so that calls chain. */
export class ClassicWriter {
  private readonly chunks: Uint8Array[] = [];

  private number(length: number, set: (view: DataView) => void): this {
    const chunk = new Uint8Array(length);
    set(new DataView(chunk.buffer));
    this.chunks.push(chunk);
    return this;
  }

  u8(value: number): this {
    return this.number(1, (view) => view.setUint8(0, value));
  }

  u32(value: number): this {
    return this.number(4, (view) => view.setUint32(0, value, true));
  }

  /** Rust's `usize`, too. */
  u64(value: bigint): this {
    return this.number(8, (view) => view.setBigUint64(0, value, true));
  }

  f32(value: number): this {
    return this.number(4, (view) => view.setFloat32(0, value, true));
  }

  /** A whole number of 1, 2, 4 or 8 bytes; negative ones in two's complement. */
  integer(value: bigint, length: number): this {
    const whole = new DataView(new ArrayBuffer(8));
    whole.setBigUint64(0, BigInt.asUintN(64, value), true);
    this.chunks.push(new Uint8Array(whole.buffer, 0, length));
    return this;
  }

  f64(value: number): this {
    return this.number(8, (view) => view.setFloat64(0, value, true));
  }

  /** Unsigned LEB128: the count of a sequence, the index of an enumeration. */
  varint(value: number): this {
    let rest = value;
    for (; rest > 0x7f; rest = Math.floor(rest / 128)) this.u8((rest % 128) | 0x80);
    return this.u8(rest);
  }

  string(value: string): this {
    const utf8 = new TextEncoder().encode(value);
    this.varint(utf8.length);
    this.chunks.push(utf8);
    return this;
  }

  /** `Vec<u8>`: a count and the bytes. */
  bytesWithCount(bytes: Uint8Array): this {
    this.varint(bytes.length);
    this.chunks.push(bytes);
    return this;
  }

  sequence<T>(items: readonly T[], write: (item: T, writer: this) => void): this {
    this.varint(items.length);
    for (const item of items) write(item, this);
    return this;
  }

  get bytes(): Uint8Array {
    return new Uint8Array(Buffer.concat(this.chunks));
  }
}

/** Reads values one after the other. Throws a RangeError where the bytes end early or are malformed. */
export class ClassicReader {
  private readonly view: DataView;
  private offset = 0;

  constructor(private readonly source: Uint8Array) {
    this.view = new DataView(source.buffer, source.byteOffset, source.byteLength);
  }

  /** Bytes not yet read. */
  get remaining(): number {
    return this.source.length - this.offset;
  }

  private take(length: number): number {
    if (length > this.remaining) {
      throw new RangeError(
        `${length} bytes expected at byte ${this.offset}, ${this.remaining} found`,
      );
    }
    const at = this.offset;
    this.offset += length;
    return at;
  }

  u8(): number {
    return this.view.getUint8(this.take(1));
  }

  u64(): bigint {
    return this.view.getBigUint64(this.take(8), true);
  }

  f32(): number {
    return this.view.getFloat32(this.take(4), true);
  }

  /** A whole number of 1, 2, 4 or 8 bytes. */
  integer(length: number, signed: boolean): bigint {
    const whole = new DataView(new ArrayBuffer(8));
    const at = this.take(length);
    for (let i = 0; i < length; i++) whole.setUint8(i, this.view.getUint8(at + i));
    const value = whole.getBigUint64(0, true);
    return signed ? BigInt.asIntN(length * 8, value) : value;
  }

  bool(): boolean {
    const byte = this.u8();
    if (byte > 1) throw new RangeError(`${byte} is neither 0 nor 1`);
    return byte === 1;
  }

  f64(): number {
    return this.view.getFloat64(this.take(8), true);
  }

  varint(): number {
    let value = 0;
    for (let scale = 1; scale <= 2 ** 28; scale *= 128) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80 && value < 2 ** 32) return value;
      if (byte < 0x80) break;
    }
    throw new RangeError(`the number before byte ${this.offset} has more than 32 bits`);
  }

  string(): string {
    const length = this.varint();
    const at = this.take(length);
    // ignoreBOM: a byte order mark is a character of the text like any other.
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    return decoder.decode(this.source.subarray(at, at + length));
  }

  /** `Vec<u8>`: a count and the bytes. */
  bytesWithCount(): Uint8Array {
    const length = this.varint();
    const at = this.take(length);
    return this.source.subarray(at, at + length);
  }

  sequence<T>(read: (reader: this) => T): T[] {
    const count = this.varint();
    const items: T[] = [];
    for (let i = 0; i < count; i++) items.push(read(this));
    return items;
  }
}
