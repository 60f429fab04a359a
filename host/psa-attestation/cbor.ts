import { Decoder, Encoder } from "cbor-x";
import { decodeUtf8 } from "../common/text.js";

/**
 * A strict reader of CBOR (RFC 8949) for bytes from outside, and the cbor-x codec set up for COSE.
 *
 * cbor-x accepts much that a verifier of signed data must not: duplicate map keys (the last one
 * wins), bytes after the item, broken UTF-8, and tags that make it build objects of its own. So every
 * input first goes through `scan`, which refuses all that, and cbor-x is only given single claims that
 * `scan` has passed and that hold no tag.
 *
 * Variations of encoding that RFC 9783 §5.2.1 tells a verifier to tolerate are tolerated: integers and
 * lengths that are not minimal, map entries in any order. Indefinite lengths are refused: that
 * profile allows definite lengths only.
 */

/** Which rule of CBOR, or of the limits set here, an input broke. */
export type CborRule =
  | "cbor-malformed"
  | "cbor-trailing-bytes"
  | "cbor-duplicate-key"
  | "cbor-indefinite-length"
  | "cbor-invalid-text"
  | "cbor-limit";

/** What `scan` throws; it never leaves this component's public functions, which return verdicts. */
export class CborError extends Error {
  constructor(
    readonly rule: CborRule,
    /** Byte offset in the input that was scanned. */
    readonly offset: number,
    what: string,
  ) {
    super(`${what} (byte ${offset})`);
    this.name = "CborError";
  }
}

/** Major types (RFC 8949 §3.1). */
export const UNSIGNED = 0;
export const NEGATIVE = 1;
export const BYTES = 2;
export const TEXT = 3;
export const ARRAY = 4;
export const MAP = 5;
export const TAG = 6;
export const SIMPLE = 7;

/** Nesting of arrays, maps and tags; a PSA token needs three levels. */
const MAX_DEPTH = 12;
/** Data items in one input; a PSA token with ten software components has about ninety. */
const MAX_ITEMS = 1024;

/** One data item, as found in the input. */
export interface Item {
  readonly major: number;
  /** The head's argument: value, length, count or tag number. Exact up to 2^53 - 1, else a bigint. */
  readonly argument: number | bigint;
  /** Offset of the head. */
  readonly start: number;
  /** Offset after the head. */
  readonly body: number;
  /** Offset after the whole item. */
  readonly end: number;
  /** Elements of an array; keys and values in turn of a map; the content of a tag. */
  readonly children: readonly Item[];
}

class Scanner {
  private items = 0;
  private readonly view: DataView;

  constructor(readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  item(start: number, depth: number): Item {
    if (depth > MAX_DEPTH)
      throw new CborError("cbor-limit", start, `nested deeper than ${MAX_DEPTH}`);
    if (++this.items > MAX_ITEMS)
      throw new CborError("cbor-limit", start, `more than ${MAX_ITEMS} data items`);
    const initial = this.bytes[start];
    if (initial === undefined) throw new CborError("cbor-malformed", start, "data item missing");
    const major = initial >> 5;
    const info = initial & 31;
    if (info === 31) {
      if (major === SIMPLE || major < BYTES || major === TAG)
        throw new CborError("cbor-malformed", start, "break or indefinite length out of place");
      throw new CborError("cbor-indefinite-length", start, "indefinite length");
    }
    if (info > 27) throw new CborError("cbor-malformed", start, "reserved additional information");
    const body = start + 1 + (info < 24 ? 0 : 1 << (info - 24));
    if (body > this.bytes.length) throw new CborError("cbor-malformed", start, "head cut short");
    const argument = this.argument(start + 1, info);
    if (major === SIMPLE) {
      if (info === 24 && (argument as number) < 32)
        throw new CborError("cbor-malformed", start, "simple value below 32 in two bytes");
      return { major, argument, start, body, end: body, children: [] };
    }
    if (major < BYTES) return { major, argument, start, body, end: body, children: [] };
    if (major === TAG) {
      const content = this.item(body, depth + 1);
      return { major, argument, start, body, end: content.end, children: [content] };
    }
    // A length or count larger than the rest of the input is refused before anything is allocated for it.
    if (argument > this.bytes.length - body)
      throw new CborError("cbor-malformed", start, "length or count beyond the end of the input");
    const count = argument as number;
    if (major === BYTES || major === TEXT) {
      const end = body + count;
      if (major === TEXT) this.text(start, body, end);
      return { major, argument, start, body, end, children: [] };
    }
    return this.container(major, count, start, body, depth);
  }

  private argument(offset: number, info: number): number | bigint {
    if (info < 24) return info;
    if (info === 24) return this.view.getUint8(offset);
    if (info === 25) return this.view.getUint16(offset);
    if (info === 26) return this.view.getUint32(offset);
    const wide = this.view.getBigUint64(offset);
    return wide <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(wide) : wide;
  }

  private text(start: number, body: number, end: number): void {
    try {
      decodeUtf8(this.bytes.subarray(body, end));
    } catch {
      throw new CborError("cbor-invalid-text", start, "text string is not UTF-8");
    }
  }

  private container(
    major: number,
    count: number,
    start: number,
    body: number,
    depth: number,
  ): Item {
    const children: Item[] = [];
    const keys = new Set<string>();
    let end = body;
    const total = major === MAP ? 2 * count : count;
    for (let i = 0; i < total; i++) {
      const child = this.item(end, depth + 1);
      if (major === MAP && i % 2 === 0) {
        const key = canonical(this.bytes, child);
        if (keys.has(key))
          throw new CborError("cbor-duplicate-key", child.start, `map key ${key} twice`);
        keys.add(key);
      }
      children.push(child);
      end = child.end;
    }
    return { major, argument: count, start, body, end, children };
  }
}

/**
 * A text that is equal for two items exactly when they are the same in CBOR's data model, however they
 * were encoded. Numbers and strings read as in diagnostic notation.
 */
function canonical(bytes: Uint8Array, item: Item): string {
  const { major, argument } = item;
  switch (major) {
    case UNSIGNED:
      return `${argument}`;
    case NEGATIVE:
      return `${-1n - BigInt(argument)}`;
    case BYTES:
      return `h'${Buffer.from(bytes.subarray(item.body, item.end)).toString("hex")}'`;
    case TEXT:
      return JSON.stringify(decodeUtf8(bytes.subarray(item.body, item.end)));
    case ARRAY:
      return `[${item.children.map((child) => canonical(bytes, child)).join(", ")}]`;
    case MAP: {
      const entries: string[] = [];
      for (let i = 0; i < item.children.length; i += 2)
        entries.push(
          `${canonical(bytes, item.children[i] as Item)}: ${canonical(bytes, item.children[i + 1] as Item)}`,
        );
      return `{${entries.sort().join(", ")}}`;
    }
    case TAG:
      return `${argument}(${canonical(bytes, item.children[0] as Item)})`;
    default:
      return simple(bytes, item);
  }
}

function simple(bytes: Uint8Array, item: Item): string {
  const info = (bytes[item.start] as number) & 31;
  if (info < 25)
    return (
      ["false", "true", "null", "undefined"][(item.argument as number) - 20] ??
      `simple(${item.argument})`
    );
  const view = new DataView(
    bytes.buffer,
    bytes.byteOffset + item.start + 1,
    item.end - item.start - 1,
  );
  const value =
    info === 25
      ? float16(view.getUint16(0))
      : info === 26
        ? view.getFloat32(0)
        : view.getFloat64(0);
  if (Object.is(value, -0)) return "-0.0";
  return Number.isInteger(value) ? `${value}.0` : `${value}`;
}

/** IEEE 754 binary16 (RFC 8949 appendix D). */
function float16(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/**
 * Reads exactly one data item that fills `bytes`.
 *
 * @throws {CborError} for anything that is not well-formed and valid CBOR of definite lengths, within
 *   the limits of this file, with nothing after it
 */
export function scan(bytes: Uint8Array): Item {
  const item = new Scanner(bytes).item(0, 1);
  if (item.end !== bytes.length)
    throw new CborError(
      "cbor-trailing-bytes",
      item.end,
      `${bytes.length - item.end} bytes after the end`,
    );
  return item;
}

/** The content of a byte string, a view on the input. */
export function content(bytes: Uint8Array, item: Item): Uint8Array {
  return bytes.subarray(item.body, item.end);
}

/** The entries of a map whose keys are integers, by key; other keys are left out. */
export function integerEntries(map: Item): Map<number, Item> {
  const entries = new Map<number, Item>();
  for (let i = 0; i < map.children.length; i += 2) {
    const key = integer(map.children[i] as Item);
    if (key !== undefined) entries.set(key, map.children[i + 1] as Item);
  }
  return entries;
}

/** An integer item's value if it is a safe integer, else undefined. */
export function integer(item: Item): number | undefined {
  if (item.major > NEGATIVE || typeof item.argument === "bigint") return undefined;
  const value = item.major === UNSIGNED ? item.argument : -1 - item.argument;
  return Number.isSafeInteger(value) ? value : undefined;
}

/** The item in diagnostic notation (RFC 8949 §8), on one line, map entries in the order of their text. */
export function diagnostic(bytes: Uint8Array, item: Item): string {
  return canonical(bytes, item);
}

// Maps stay maps, byte strings stay untagged, lengths are minimal: what COSE needs.
const options = {
  mapsAsObjects: false,
  useRecords: false,
  tagUint8Array: false,
  variableMapSize: true,
} as const;
const encoder = new Encoder(options);
const decoder = new Decoder(options);

/**
 * Decodes one item that `scan` has passed. Integers, strings, arrays and maps only.
 *
 * @throws {CborError} when a tag or a simple value stands in it: cbor-x makes objects of its own from some tags, throws
 *   errors of its own on unassigned simple values, and reads `undefined` (f7) as if nothing stood there
 */
export function decodeItem(bytes: Uint8Array, item: Item): unknown {
  requirePlain(item);
  return decoder.decode(bytes.slice(item.start, item.end));
}

function requirePlain({ major, start, children }: Item): void {
  if (major === TAG) throw new CborError("cbor-malformed", start, "a tag where none belongs");
  if (major === SIMPLE)
    throw new CborError("cbor-malformed", start, "a simple value or float where none belongs");
  for (const child of children) requirePlain(child);
}

/** Encodes with minimal lengths. Maps are written in insertion order: put keys in ascending order. */
export function encode(value: unknown): Uint8Array {
  return new Uint8Array(encoder.encode(value));
}
