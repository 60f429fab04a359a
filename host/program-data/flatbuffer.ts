/**
 * Reads flatbuffers strictly: each position, length and alignment is checked before anything is read there, and nothing
 * is copied. A table's fields are numbered by its schema; one that is absent has the schema's default.
 */
import { ValueError } from "./values.js";

/** Numbers of a flatbuffer, by how many bytes they take. */
const widths = { i8: 1, u8: 1, i32: 4, u32: 4, f32: 4, i64: 8 } as const;
/** The name of such a number. */
export type FlatNumber = keyof typeof widths;

/** A file, and what stands where in it. */
class FlatFile {
  readonly view: DataView;

  constructor(readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Refuses what does not lie within the file, or not at a multiple of `align`. */
  require(at: number, length: number, align: number, what: string): void {
    if (at % align !== 0)
      throw new ValueError(`byte ${at}: ${what} does not stand at a multiple of ${align}`);
    if (at + length > this.bytes.length)
      throw new ValueError(
        `byte ${at}: ${what} takes ${length} bytes, and the file ends after ${this.bytes.length}`,
      );
  }

  number(kind: FlatNumber, at: number): number {
    switch (kind) {
      case "i8":
        return this.view.getInt8(at);
      case "u8":
        return this.view.getUint8(at);
      case "i32":
        return this.view.getInt32(at, true);
      case "u32":
        return this.view.getUint32(at, true);
      case "f32":
        return this.view.getFloat32(at, true);
      case "i64":
        return Number(this.view.getBigInt64(at, true));
    }
  }

  /** Where the reference at a place leads: forward, by an unsigned distance. */
  follow(at: number, what: string): number {
    this.require(at, 4, 4, what);
    const target = at + this.view.getUint32(at, true);
    if (target === at) throw new ValueError(`byte ${at}: ${what} refers to itself`);
    this.require(target, 4, 4, what);
    return target;
  }

  /** Where a vector's items begin, and how many there are. */
  vector(at: number, width: number, what: string): { start: number; count: number } {
    const count = this.view.getUint32(at, true);
    const start = at + 4;
    this.require(start, count * width, width, what);
    return { start, count };
  }
}

/** A table. */
export class FlatTable {
  private readonly vtable: number;
  private readonly fields: number;
  private readonly size: number;

  /**
   * @param at where the table begins
   * @param path of names, for errors
   * @throws ValueError unless the table and its list of fields lie within the file
   */
  private constructor(
    private readonly file: FlatFile,
    private readonly at: number,
    readonly path: string,
  ) {
    file.require(at, 4, 4, path);
    this.vtable = at - file.view.getInt32(at, true);
    const what = `the list of fields of ${path}`;
    if (this.vtable < 0) throw new ValueError(`byte ${at}: ${what} is before the file`);
    file.require(this.vtable, 4, 2, what);
    const length = file.view.getUint16(this.vtable, true);
    this.size = file.view.getUint16(this.vtable + 2, true);
    if (length < 4 || length % 2 !== 0)
      throw new ValueError(`byte ${this.vtable}: ${what} cannot be ${length} bytes long`);
    file.require(this.vtable, length, 2, what);
    if (this.size < 4)
      throw new ValueError(`byte ${this.vtable}: ${path} cannot be ${this.size} bytes long`);
    file.require(at, this.size, 4, path);
    this.fields = length / 2 - 2;
  }

  /**
   * The root of a file.
   *
   * @param identifier the four letters that stand at byte 4
   * @throws ValueError
   */
  static root(bytes: Uint8Array, identifier: string, path: string): FlatTable {
    const file = new FlatFile(bytes);
    file.require(0, 8, 4, "the head");
    const found = Buffer.from(bytes.subarray(4, 8)).toString("latin1");
    if (found !== identifier)
      throw new ValueError(`byte 4: expected ${identifier}, found ${JSON.stringify(found)}`);
    return new FlatTable(file, file.follow(0, path), path);
  }

  /** Where a field is; undefined where it is absent. */
  private place(field: number, width: number, what: string): number | undefined {
    if (field >= this.fields) return undefined;
    const offset = this.file.view.getUint16(this.vtable + 4 + 2 * field, true);
    if (offset === 0) return undefined;
    if (offset < 4 || offset + width > this.size)
      throw new ValueError(`byte ${this.at}: ${what} is outside of ${this.path}`);
    this.file.require(this.at + offset, width, width, what);
    return this.at + offset;
  }

  private target(field: number, what: string): number | undefined {
    const place = this.place(field, 4, what);
    return place === undefined ? undefined : this.file.follow(place, what);
  }

  /** A number. Throws ValueError. */
  number(field: number, kind: FlatNumber, name: string, absent = 0): number {
    const place = this.place(field, widths[kind], `${this.path}.${name}`);
    return place === undefined ? absent : this.file.number(kind, place);
  }

  /** A table that this one refers to; undefined where it refers to none. Throws ValueError. */
  table(field: number, name: string): FlatTable | undefined {
    const path = `${this.path}.${name}`;
    const target = this.target(field, path);
    return target === undefined ? undefined : new FlatTable(this.file, target, path);
  }

  /**
   * Tables, none where the field is absent.
   *
   * @param most more are refused
   * @throws ValueError
   */
  tables(field: number, name: string, most: number): FlatTable[] {
    const path = `${this.path}.${name}`;
    const target = this.target(field, path);
    if (target === undefined) return [];
    const { start, count } = this.file.vector(target, 4, path);
    if (count > most)
      throw new ValueError(`byte ${target}: ${path}: ${count} of them, at most ${most} are read`);
    return Array.from({ length: count }, (_, index) => {
      const item = `${path}[${index}]`;
      return new FlatTable(this.file, this.file.follow(start + 4 * index, item), item);
    });
  }

  /**
   * Numbers, none where the field is absent.
   *
   * @param most more are refused
   * @throws ValueError
   */
  numbers(field: number, kind: FlatNumber, name: string, most: number): number[] {
    const path = `${this.path}.${name}`;
    const target = this.target(field, path);
    if (target === undefined) return [];
    const { start, count } = this.file.vector(target, widths[kind], path);
    if (count > most)
      throw new ValueError(`byte ${target}: ${path}: ${count} of them, at most ${most} are read`);
    return Array.from({ length: count }, (_, index) =>
      this.file.number(kind, start + index * widths[kind]),
    );
  }

  /** Bytes, a view into the file; none where the field is absent. Throws ValueError. */
  bytes(field: number, name: string): Uint8Array {
    const path = `${this.path}.${name}`;
    const target = this.target(field, path);
    if (target === undefined) return new Uint8Array(0);
    const { start, count } = this.file.vector(target, 1, path);
    return this.file.bytes.subarray(start, start + count);
  }
}
