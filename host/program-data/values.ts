/** Values of a schema between JSON and the classic encoding. */
import { ClassicReader, ClassicWriter } from "./classic-encoding.js";
import { describeType, type NumberName, resolved, type Schema, type Type } from "./schema.js";

/** What is wrong with a value, and where in it. */
export class ValueError extends Error {
  override name = "ValueError";
}

/** How deep values may be nested: recursive types let bytes decide. */
const DEEPEST = 64;

const bits: Readonly<Record<NumberName, number>> = {
  u8: 8,
  i8: 8,
  u16: 16,
  i16: 16,
  u32: 32,
  i32: 32,
  u64: 64,
  i64: 64,
  usize: 64,
  f32: 32,
  f64: 64,
};

const specials: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  "-Infinity": Number.NEGATIVE_INFINITY,
};

const shown = (value: unknown): string => {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
};

function fail(path: string, expected: string, found: unknown): never {
  throw new ValueError(`${path}: expected ${expected}, found ${shown(found)}`);
}

/** A whole number of this type. Numbers that JSON cannot hold exactly are written as strings. */
function wholeNumber(name: NumberName, value: unknown, path: string): bigint {
  const signed = name.startsWith("i");
  const width = BigInt(bits[name]);
  const least = signed ? -(1n << (width - 1n)) : 0n;
  const most = signed ? (1n << (width - 1n)) - 1n : (1n << width) - 1n;
  let whole: bigint | undefined;
  if (typeof value === "bigint") whole = value;
  if (typeof value === "number" && Number.isInteger(value)) {
    if (!Number.isSafeInteger(value))
      fail(path, `${name}: a number beyond 2^53 as a string, which keeps all digits`, value);
    whole = BigInt(value);
  }
  if (typeof value === "string" && /^-?\d{1,20}$/.test(value)) whole = BigInt(value);
  if (whole === undefined || whole < least || whole > most)
    fail(path, `${name}, a whole number from ${least} to ${most}`, value);
  return whole;
}

function floatNumber(name: NumberName, value: unknown, path: string): number {
  if (typeof value === "number") return value;
  const special = typeof value === "string" ? specials[value] : undefined;
  if (special === undefined)
    fail(path, `${name}, a number or "NaN", "Infinity", "-Infinity"`, value);
  return special;
}

function array(value: unknown, path: string, type: Type, length?: number): readonly unknown[] {
  if (!Array.isArray(value) || (length !== undefined && value.length !== length))
    fail(
      path,
      `${describeType(type)}, an array${length === undefined ? "" : ` of ${length}`}`,
      value,
    );
  return value;
}

function object(value: unknown, path: string, type: Type): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    fail(path, `${describeType(type)}, an object`, value);
  return value as Record<string, unknown>;
}

class Encoder {
  readonly writer = new ClassicWriter();
  private depth = 0;

  constructor(private readonly schema: Schema) {}

  value(named: Type, value: unknown, path: string): void {
    if (++this.depth > DEEPEST) throw new ValueError(`${path}: nested deeper than ${DEEPEST}`);
    this.write(resolved(this.schema, named), value, path);
    this.depth--;
  }

  private write(type: ReturnType<typeof resolved>, value: unknown, path: string): void {
    const { writer } = this;
    switch (type.kind) {
      case "number": {
        const { name } = type;
        if (name === "f64") writer.f64(floatNumber(name, value, path));
        else if (name === "f32") writer.f32(floatNumber(name, value, path));
        else writer.integer(wholeNumber(name, value, path), bits[name] / 8);
        return;
      }
      case "bool":
        if (typeof value !== "boolean") fail(path, "true or false", value);
        writer.u8(value ? 1 : 0);
        return;
      case "char": {
        const scalar = typeof value === "string" ? value.codePointAt(0) : undefined;
        if (scalar === undefined || [...(value as string)].length !== 1 || isLone(value as string))
          fail(path, "one character", value);
        writer.u32(scalar);
        return;
      }
      case "string":
        if (typeof value !== "string") fail(path, "a string", value);
        if (isLone(value)) fail(path, "a string without half of a surrogate pair", value);
        writer.string(value);
        return;
      case "bytes":
        if (value instanceof Uint8Array) writer.bytesWithCount(value);
        else if (typeof value === "string" && /^([\da-fA-F]{2})*$/.test(value))
          writer.bytesWithCount(Buffer.from(value, "hex"));
        else fail(path, "bytes as an even number of hexadecimal digits", value);
        return;
      case "option":
        writer.u8(value === null || value === undefined ? 0 : 1);
        if (value !== null && value !== undefined) this.value(type.of, value, path);
        return;
      case "sequence":
      case "set": {
        const items = array(value, path, type);
        writer.varint(items.length);
        for (const [i, item] of items.entries()) this.value(type.of, item, `${path}[${i}]`);
        return;
      }
      case "array":
        for (const [i, item] of array(value, path, type, type.length).entries())
          this.value(type.of, item, `${path}[${i}]`);
        return;
      case "map": {
        const texts = resolved(this.schema, type.key).kind === "string";
        const entries = texts
          ? Object.entries(object(value, path, type))
          : array(value, path, type).map((entry, i) => array(entry, `${path}[${i}]`, type, 2));
        writer.varint(entries.length);
        for (const [i, [key, of]] of entries.entries()) {
          this.value(type.key, key, `${path}[${i}][0]`);
          this.value(type.value, of, texts ? `${path}.${key}` : `${path}[${i}][1]`);
        }
        return;
      }
      case "tuple":
        for (const [i, item] of array(value, path, type, type.items.length).entries())
          this.value(type.items[i] as Type, item, `${path}[${i}]`);
        return;
      case "struct": {
        const members = object(value, path, type);
        const names = new Set(type.fields.map(([name]) => name));
        const extra = Object.keys(members).find((name) => !names.has(name));
        if (extra !== undefined)
          throw new ValueError(
            `${path}.${extra}: no such field; there are ${[...names].join(", ")}`,
          );
        for (const [name, field] of type.fields) {
          if (!Object.hasOwn(members, name) && resolved(this.schema, field).kind !== "option")
            throw new ValueError(`${path}.${name}: this field is missing (${describeType(field)})`);
          this.value(field, members[name], `${path}.${name}`);
        }
        return;
      }
      case "enum": {
        const name =
          typeof value === "string" ? value : Object.keys(object(value, path, type)).join(", ");
        const index = type.variants.findIndex(([each]) => each === name);
        const variant = type.variants[index];
        if (variant === undefined) fail(path, describeType(type), value);
        const [, payload] = variant;
        if ((payload === undefined) !== (typeof value === "string"))
          fail(path, payload === undefined ? `"${name}"` : `{"${name}": …}`, value);
        writer.varint(index);
        if (payload !== undefined)
          this.value(payload, (value as Record<string, unknown>)[name], `${path}.${name}`);
        return;
      }
    }
  }
}

/** Whether a text holds half of a surrogate pair, which has no form in UTF-8. */
const isLone = (text: string): boolean => /\p{Cs}/u.test(text);

/**
 * The classic encoding of a value.
 *
 * @param value as JSON: bytes as hexadecimal digits, whole numbers beyond 2^53 as strings
 * @throws ValueError saying where in the value it does not fit the schema
 */
export function encodeValue(schema: Schema, value: unknown): Uint8Array {
  const encoder = new Encoder(schema);
  encoder.value(schema.value, value, "value");
  return encoder.writer.bytes;
}

/** A piece of an encoding: where it stands and what it says. */
export interface Piece {
  readonly offset: number;
  readonly length: number;
  readonly path: string;
  readonly what: string;
  readonly value: string;
}

class Decoder {
  readonly pieces: Piece[] = [];
  private readonly reader: ClassicReader;
  private depth = 0;

  constructor(
    private readonly schema: Schema,
    private readonly bytes: Uint8Array,
    private readonly keepPieces: boolean,
  ) {
    this.reader = new ClassicReader(bytes);
  }

  get offset(): number {
    return this.bytes.length - this.reader.remaining;
  }

  value(named: Type, path: string): unknown {
    if (++this.depth > DEEPEST) throw new ValueError(`${path}: nested deeper than ${DEEPEST}`);
    const type = resolved(this.schema, named);
    const value = this.read(type, path);
    this.depth--;
    return value;
  }

  private piece<T>(
    path: string,
    what: string,
    read: () => T,
    show: (value: T) => unknown = (v) => v,
  ): T {
    const { offset } = this;
    let value: T;
    try {
      value = read();
    } catch (error) {
      if (!(error instanceof RangeError || error instanceof TypeError)) throw error;
      const why = error instanceof TypeError ? "it is not UTF-8" : error.message;
      throw new ValueError(`byte ${offset}, ${path}: expected ${what}: ${why}`);
    }
    if (this.keepPieces)
      this.pieces.push({
        offset,
        length: this.offset - offset,
        path,
        what,
        value: shown(show(value)),
      });
    return value;
  }

  /** The number of items, each of which takes a byte at least. */
  private count(path: string, what: string): number {
    return this.piece(path, `the count of ${what}`, () => {
      const count = this.reader.varint();
      if (count > this.reader.remaining)
        throw new RangeError(`${count} items cannot be in ${this.reader.remaining} bytes`);
      return count;
    });
  }

  private items(type: Type, count: number, path: string): unknown[] {
    return Array.from({ length: count }, (_, i) => this.value(type, `${path}[${i}]`));
  }

  private read(type: ReturnType<typeof resolved>, path: string): unknown {
    const { reader } = this;
    switch (type.kind) {
      case "number": {
        const { name } = type;
        return this.piece(path, name, () => {
          if (name === "f64" || name === "f32") {
            const value = name === "f64" ? reader.f64() : reader.f32();
            return Number.isFinite(value) ? value : String(value);
          }
          const whole = reader.integer(bits[name] / 8, name.startsWith("i"));
          const number = Number(whole);
          return Number.isSafeInteger(number) ? number : String(whole);
        });
      }
      case "bool":
        return this.piece(path, "bool", () => reader.bool());
      case "char":
        return this.piece(path, "char", () => {
          const scalar = Number(reader.integer(4, false));
          if (scalar > 0x10ffff || (scalar >= 0xd800 && scalar < 0xe000))
            throw new RangeError(`${scalar} is no Unicode scalar value`);
          return String.fromCodePoint(scalar);
        });
      case "string":
        return this.piece(path, "String", () => reader.string());
      case "bytes":
        return this.piece(path, "Vec<u8>", () =>
          Buffer.from(reader.bytesWithCount()).toString("hex"),
        );
      case "option":
        return this.piece(path, `whether there is ${describeType(type.of)}`, () => reader.bool())
          ? this.value(type.of, path)
          : null;
      case "sequence":
      case "set":
        return this.items(type.of, this.count(path, describeType(type)), path);
      case "array":
        if (type.length > DEEPEST && type.length > this.reader.remaining)
          throw new ValueError(`byte ${this.offset}, ${path}: ${describeType(type)} is cut short`);
        return this.items(type.of, type.length, path);
      case "map": {
        const count = this.count(path, describeType(type));
        const entries = Array.from({ length: count }, (_, i) => [
          this.value(type.key, `${path}[${i}][0]`),
          this.value(type.value, `${path}[${i}][1]`),
        ]);
        return resolved(this.schema, type.key).kind === "string"
          ? Object.fromEntries(entries as [string, unknown][])
          : entries;
      }
      case "tuple":
        return type.items.map((item, i) => this.value(item, `${path}[${i}]`));
      case "struct":
        return Object.fromEntries(
          type.fields.map(([name, field]) => [name, this.value(field, `${path}.${name}`)]),
        );
      case "enum": {
        const [name, payload] = this.piece(
          path,
          describeType(type),
          () => {
            const index = reader.varint();
            const variant = type.variants[index];
            if (variant === undefined) throw new RangeError(`there is no variant ${index}`);
            return variant;
          },
          ([variant]) => variant,
        );
        return payload === undefined ? name : { [name]: this.value(payload, `${path}.${name}`) };
      }
    }
  }
}

/** A decoded value, and how many bytes follow it. */
export interface Decoded {
  /** As JSON; see `encodeValue`. */
  readonly value: unknown;
  /** Bytes after the value, which programs ignore. */
  readonly rest: number;
  /** The encoding piece by piece; empty unless asked for. */
  readonly pieces: readonly Piece[];
}

/**
 * The value that bytes begin with.
 *
 * @param keepPieces whether to say what each byte stands for
 * @throws ValueError saying where the bytes do not fit the schema
 */
export function decodeValue(schema: Schema, bytes: Uint8Array, keepPieces = false): Decoded {
  const decoder = new Decoder(schema, bytes, keepPieces);
  const value = decoder.value(schema.value, "value");
  return { value, rest: bytes.length - decoder.offset, pieces: decoder.pieces };
}
