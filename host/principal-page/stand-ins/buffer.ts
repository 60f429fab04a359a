// What of Node's Buffer the client uses, for a browser.
import { displayUtf8 } from "../../common/text.js";

type Encoding = "utf8" | "utf-8" | "latin1" | "ascii" | "hex" | "base64" | "base64url";

const utf8 = new TextEncoder();

/** The bytes of a text in Latin-1. */
function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}

function decode(text: string, encoding: Encoding): Uint8Array {
  switch (encoding) {
    case "hex": {
      const pairs = /^(?:[0-9a-f]{2})*/i.exec(text)?.[0] ?? "";
      return Uint8Array.from(pairs.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
    }
    case "base64":
    case "base64url": {
      const plain = text
        .replaceAll("-", "+")
        .replaceAll("_", "/")
        .replace(/[^A-Za-z0-9+/]/g, "");
      // A single digit at the end says nothing.
      const whole = plain.length % 4 === 1 ? plain.slice(0, -1) : plain;
      return bytesOf(atob(whole));
    }
    case "latin1":
    case "ascii":
      return bytesOf(text);
    default:
      return utf8.encode(text);
  }
}

const CHUNK = 0x8000;
function latin1(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += CHUNK)
    text += String.fromCharCode(...bytes.subarray(at, at + CHUNK));
  return text;
}

/** Bytes with Node's methods. */
export class Buffer extends Uint8Array {
  static override from(
    source: string | ArrayLike<number> | Iterable<number> | ArrayBufferLike,
    second?: unknown,
    third?: unknown,
  ): Buffer {
    if (typeof source === "string") {
      const bytes = decode(source, (second as Encoding | undefined) ?? "utf8");
      return new Buffer(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length);
    }
    if (source instanceof ArrayBuffer)
      return new Buffer(source, second as number | undefined, third as number | undefined);
    // A constructor copies at once what `from` would ask for element by element.
    const bytes =
      source instanceof Uint8Array
        ? new Uint8Array(source)
        : Uint8Array.from(source as Iterable<number>);
    return new Buffer(bytes.buffer, 0, bytes.length);
  }

  static override of(...values: number[]): Buffer {
    return Buffer.from(values);
  }

  static alloc(length: number): Buffer {
    return new Buffer(length);
  }

  static allocUnsafe(length: number): Buffer {
    return new Buffer(length);
  }

  static allocUnsafeSlow(length: number): Buffer {
    return new Buffer(length);
  }

  static isBuffer(value: unknown): boolean {
    return value instanceof Buffer;
  }

  static byteLength(text: string): number {
    // Names are ASCII; nothing is made to count them.
    for (let at = 0; at < text.length; at++)
      if (text.charCodeAt(at) > 0x7f) return utf8.encode(text).length;
    return text.length;
  }

  static concat(list: readonly Uint8Array[]): Buffer {
    const all = new Buffer(list.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const each of list) {
      all.set(each, at);
      at += each.length;
    }
    return all;
  }

  static compare(a: Uint8Array, b: Uint8Array): number {
    for (let at = 0; at < Math.min(a.length, b.length); at++) {
      const difference = (a[at] as number) - (b[at] as number);
      if (difference !== 0) return Math.sign(difference);
    }
    return Math.sign(a.length - b.length);
  }

  compare(other: Uint8Array, start = 0, end = other.length): number {
    return Buffer.compare(this, other.subarray(start, end));
  }

  equals(other: Uint8Array): boolean {
    return Buffer.compare(this, other) === 0;
  }

  private view(): DataView {
    return new DataView(this.buffer, this.byteOffset, this.byteLength);
  }

  readUInt32BE(at = 0): number {
    return this.view().getUint32(at);
  }

  writeUInt32BE(value: number, at = 0): number {
    this.view().setUint32(at, value);
    return at + 4;
  }

  writeUInt8(value: number, at = 0): number {
    this.view().setUint8(at, value);
    return at + 1;
  }

  writeUInt16BE(value: number, at = 0): number {
    this.view().setUint16(at, value);
    return at + 2;
  }

  copy(target: Uint8Array, at = 0, start = 0, end = this.length): number {
    // As much as there is room for.
    const part = this.subarray(start, Math.min(end, start + target.length - at));
    target.set(part, at);
    return part.length;
  }

  override toString(encoding: Encoding = "utf8", start = 0, end = this.length): string {
    const bytes = this.subarray(start, end);
    switch (encoding) {
      case "hex":
        return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
      case "base64":
        return btoa(latin1(bytes));
      case "base64url":
        return btoa(latin1(bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
      case "latin1":
      case "ascii":
        return latin1(bytes);
      default:
        return displayUtf8(bytes);
    }
  }
}
