/** DER (X.690): a strict reader for what comes from outside, and a writer for what this project signs. */

import { decodeUtf8 } from "../common/text.js";

/** Identifier octets of DER (X.690 §8.1.2). */
export const BOOLEAN = 0x01;
export const INTEGER = 0x02;
export const BIT_STRING = 0x03;
export const OCTET_STRING = 0x04;
export const OBJECT_IDENTIFIER = 0x06;
export const UTF8_STRING = 0x0c;
export const UTC_TIME = 0x17;
export const GENERALIZED_TIME = 0x18;
export const SEQUENCE = 0x30;
export const SET = 0x31;
const CONSTRUCTED = 0x20;

/** Context-specific tag, constructed: `[number]` with structure inside. */
export const context = (number: number): number => 0xa0 | number;
/** Context-specific tag, primitive: `[number] IMPLICIT` of a string or integer. */
export const contextPrimitive = (number: number): number => 0x80 | number;

/** Bytes that are not the DER they should be; says what was wrong. */
export class DerError extends Error {
  override name = "DerError";
}

/** One element, with views into the input. */
export interface Element {
  readonly tag: number;
  /** The element's content. */
  readonly value: Uint8Array;
  /** The element with its tag and length. */
  readonly whole: Uint8Array;
}

const MAX_DEPTH = 16;

/** The element that starts at `offset`; its length in DER: definite, minimal, within the input. */
function elementAt(bytes: Uint8Array, offset: number): Element {
  const tag = bytes[offset];
  const first = bytes[offset + 1];
  if (tag === undefined || first === undefined) throw new DerError("element cut short");
  if ((tag & 0x1f) === 0x1f) throw new DerError("tag number above 30");
  let length = first;
  let start = offset + 2;
  if (first >= 0x80) {
    const count = first & 0x7f;
    if (count === 0) throw new DerError("indefinite length");
    if (count > 3) throw new DerError("length of more than three bytes");
    if (start + count > bytes.length) throw new DerError("length cut short");
    length = 0;
    for (let i = 0; i < count; i++) length = length * 256 + (bytes[start + i] as number);
    start += count;
    if (length < 0x80 || (count > 1 && length < 1 << (8 * (count - 1))))
      throw new DerError("length not minimal");
  }
  if (length > bytes.length - start) throw new DerError("element longer than its surroundings");
  return {
    tag,
    value: bytes.subarray(start, start + length),
    whole: bytes.subarray(offset, start + length),
  };
}

/** All elements of a content, one after another, to its end. */
export function elements(content: Uint8Array): Element[] {
  const found: Element[] = [];
  for (let offset = 0; offset < content.length; ) {
    const element = elementAt(content, offset);
    found.push(element);
    offset += element.whole.length;
  }
  return found;
}

function checkTree(element: Element, depth: number): void {
  if (depth > MAX_DEPTH) throw new DerError(`nested deeper than ${MAX_DEPTH}`);
  if ((element.tag & CONSTRUCTED) === 0) return;
  for (const child of elements(element.value)) checkTree(child, depth + 1);
}

/**
 * The one element that fills `bytes`, every element inside it well-formed.
 *
 * @throws DerError
 */
export function parse(bytes: Uint8Array): Element {
  const element = elementAt(bytes, 0);
  if (element.whole.length !== bytes.length) throw new DerError("bytes after the end");
  checkTree(element, 0);
  return element;
}

/** The parts of an element of a known tag. */
export function parts(element: Element | undefined, tag: number, what: string): Element[] {
  return elements(contentOf(element, tag, what));
}

/** The content of an element of a known tag. */
export function contentOf(element: Element | undefined, tag: number, what: string): Uint8Array {
  if (element === undefined) throw new DerError(`${what} is missing`);
  if (element.tag !== tag)
    throw new DerError(
      `${what} has tag 0x${element.tag.toString(16)} instead of 0x${tag.toString(16)}`,
    );
  return element.value;
}

/** The bytes of a BIT STRING that holds whole bytes. */
export function bitString(element: Element | undefined, what: string): Uint8Array {
  const value = contentOf(element, BIT_STRING, what);
  if (value[0] !== 0) throw new DerError(`${what} is not made of whole bytes`);
  return value.subarray(1);
}

/** A non-negative INTEGER below 2^31. */
export function smallInteger(element: Element | undefined, what: string): number {
  const value = contentOf(element, INTEGER, what);
  const [first, second] = value;
  if (first === undefined || first >= 0x80 || value.length > 4)
    throw new DerError(`${what} is not an integer in range`);
  if (first === 0 && second !== undefined && second < 0x80)
    throw new DerError(`${what} is not minimal`);
  return value.reduce((sum, byte) => sum * 256 + byte, 0);
}

/** A UTF8String's text. */
export function utf8String(element: Element | undefined, what: string): string {
  try {
    return decodeUtf8(contentOf(element, UTF8_STRING, what));
  } catch (error) {
    if (error instanceof DerError) throw error;
    throw new DerError(`${what} is not UTF-8`);
  }
}

/** An element of the given tag around the parts. */
export function der(tag: number, ...content: Uint8Array[]): Uint8Array {
  const length = content.reduce((sum, part) => sum + part.length, 0);
  const head =
    length < 0x80
      ? [tag, length]
      : length < 0x100
        ? [tag, 0x81, length]
        : length < 0x10000
          ? [tag, 0x82, length >> 8, length & 0xff]
          : [tag, 0x83, length >> 16, (length >> 8) & 0xff, length & 0xff];
  return new Uint8Array(Buffer.concat([Uint8Array.from(head), ...content]));
}

/** The content of an OBJECT IDENTIFIER in dotted notation (X.690 §8.19). */
function oidContent(dotted: string): number[] {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  return [40 * first + second, ...rest].flatMap((arc) => {
    const groups = [arc & 0x7f];
    for (let left = arc >>> 7; left > 0; left >>>= 7) groups.unshift((left & 0x7f) | 0x80);
    return groups;
  });
}

const oids = new Map<string, Uint8Array>();

/** An OBJECT IDENTIFIER of this program's own (each is encoded once and kept). */
export function oid(dotted: string): Uint8Array {
  let encoded = oids.get(dotted);
  if (encoded === undefined) {
    encoded = der(OBJECT_IDENTIFIER, Uint8Array.from(oidContent(dotted)));
    oids.set(dotted, encoded);
  }
  return encoded;
}

/** An INTEGER from unsigned bytes, most significant first. */
export function unsignedInteger(bytes: Uint8Array): Uint8Array {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const minimal = bytes.subarray(start);
  return (minimal[0] ?? 0) >= 0x80
    ? der(INTEGER, Uint8Array.of(0), minimal)
    : der(INTEGER, minimal.length === 0 ? Uint8Array.of(0) : minimal);
}

/** An INTEGER from a number below 2^31. */
export function integerOf(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return unsignedInteger(bytes);
}

/** A BIT STRING of whole bytes. */
export function bitStringOf(bytes: Uint8Array): Uint8Array {
  return der(BIT_STRING, Uint8Array.of(0), bytes);
}

/** The text's UTF-8 in an element of that string type. */
export function stringOf(tag: number, text: string): Uint8Array {
  return der(tag, new TextEncoder().encode(text));
}

/** A time as RFC 5280 §4.1.2.5 asks: UTCTime through 2049, then GeneralizedTime; whole seconds. */
export function timeOf(milliseconds: number): Uint8Array {
  const digits = new Date(milliseconds)
    .toISOString()
    .replace(/\.\d+Z$/, "Z")
    .replace(/[-:T]/g, "");
  return Number(digits.slice(0, 4)) < 2050
    ? stringOf(UTC_TIME, digits.slice(2))
    : stringOf(GENERALIZED_TIME, digits);
}

/** The moment of a time as RFC 5280 §4.1.2.5 allows it, in milliseconds since 1970. */
export function timeValue(element: Element | undefined, what: string): number {
  const text = Buffer.from(element?.value ?? []).toString("latin1");
  let digits: string | undefined;
  if (element?.tag === UTC_TIME && /^\d{12}Z$/.test(text))
    digits = (Number(text.slice(0, 2)) < 50 ? "20" : "19") + text;
  if (element?.tag === GENERALIZED_TIME && /^\d{14}Z$/.test(text)) digits = text;
  if (digits === undefined) throw new DerError(`${what} is not a time`);
  const iso = digits.replace(/^(....)(..)(..)(..)(..)(..)Z$/, "$1-$2-$3T$4:$5:$6.000Z");
  const value = Date.parse(iso);
  if (Number.isNaN(value) || new Date(value).toISOString() !== iso)
    throw new DerError(`${what} is not a time`);
  return value;
}
