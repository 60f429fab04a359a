// Programs for test/sdk/codec.test.ts. Each export is an entry point: most decode input 0 as a type and
// write it, encoded again, as the result.
import { Codec, decodeInput, encodeOutput, fail, Option, Pair, ReturnCode } from "../sdk";

/** Every fixed-width type, in the order of the ABI's list. */
class Numbers {
  a: u8 = 0;
  b: i8 = 0;
  c: u16 = 0;
  d: i16 = 0;
  e: u32 = 0;
  f: i32 = 0;
  g: u64 = 0;
  h: i64 = 0;
  i: f32 = 0;
  j: f64 = 0;
  k: bool = false;
  l: bool = false;

  fields(codec: Codec): void {
    this.a = codec.of(this.a);
    this.b = codec.of(this.b);
    this.c = codec.of(this.c);
    this.d = codec.of(this.d);
    this.e = codec.of(this.e);
    this.f = codec.of(this.f);
    this.g = codec.of(this.g);
    this.h = codec.of(this.h);
    this.i = codec.of(this.i);
    this.j = codec.of(this.j);
    this.k = codec.of(this.k);
    this.l = codec.of(this.l);
  }
}

class Sample {
  name: string = "";
  age: u8 = 0;

  fields(codec: Codec): void {
    this.name = codec.of(this.name);
    this.age = codec.of(this.age);
    if (this.age > 150) codec.reject();
  }
}

class Collections {
  bytes: Uint8Array = new Uint8Array(0);
  words: Array<u16> = [];
  flags: Array<bool> = [];
  texts: Array<string> = [];
  nested: Array<Array<u8>> = [];
  floats: Float64Array = new Float64Array(0);
  samples: Array<Sample> = [];
  set: Set<u16> = new Set<u16>();
  map: Map<string, u32> = new Map<string, u32>();
  triple: Array<u8> = [0, 0, 0];

  fields(codec: Codec): void {
    this.bytes = codec.of(this.bytes);
    this.words = codec.of(this.words);
    this.flags = codec.of(this.flags);
    this.texts = codec.of(this.texts);
    this.nested = codec.of(this.nested);
    this.floats = codec.of(this.floats);
    this.samples = codec.of(this.samples);
    this.set = codec.set(this.set);
    this.map = codec.map(this.map);
    this.triple = codec.fixed(this.triple);
  }
}

/** enum Shape { Empty, Circle(f64), Rectangle { width: f64, height: f64 }, Label(char, Option<Sample>) } */
class Shape {
  kind: u32 = 0;
  width: f64 = 0;
  height: f64 = 0;
  letter: u32 = 0;
  sample: Sample | null = null;

  fields(codec: Codec): void {
    this.kind = codec.varint(this.kind);
    if (this.kind === 1) {
      this.width = codec.of(this.width);
    } else if (this.kind === 2) {
      this.width = codec.of(this.width);
      this.height = codec.of(this.height);
    } else if (this.kind === 3) {
      this.letter = codec.char(this.letter);
      this.sample = codec.of(this.sample);
    } else if (this.kind > 3) {
      codec.reject();
    }
  }
}

class Node {
  value: u8 = 0;
  next: Node | null = null;

  fields(codec: Codec): void {
    this.value = codec.of(this.value);
    this.next = codec.of(this.next);
  }
}

/** A type whose value takes no bytes. */
class Unit {
  fields(_codec: Codec): void {}
}

function again<T>(): i32 {
  const value = decodeInput<T>(0);
  return value.failed ? fail(value.code) : encodeOutput<T>(value.value);
}

export function main(): i32 {
  return again<Numbers>();
}

export function collections(): i32 {
  return again<Collections>();
}

export function shape(): i32 {
  return again<Shape>();
}

export function list(): i32 {
  return again<Node>();
}

export function text(): i32 {
  return again<string>();
}

export function bytes(): i32 {
  return again<Uint8Array>();
}

export function doubles(): i32 {
  return again<Array<f64>>();
}

export function typedWords(): i32 {
  return again<Uint32Array>();
}

export function texts(): i32 {
  return again<Array<string | null>>();
}

export function optionals(): i32 {
  return again<Pair<Option<u16>, Option<bool>>>();
}

export function units(): i32 {
  return again<Array<Unit>>();
}

export function matrix(): i32 {
  return again<Array<Array<Array<u8>>>>();
}

export function textSet(): i32 {
  const codec = Codec.reader(decodeInput<Uint8Array>(0).value);
  const set = codec.set<string>(new Set<string>());
  return codec.failed ? fail(ReturnCode.BadInput) : encodeOutput<u32>(set.size);
}

/** Decodes `Numbers` and compares each field with the value that the test's bytes stand for. */
export function knownNumbers(): i32 {
  const decoded = decodeInput<Numbers>(0);
  if (decoded.failed) return fail(decoded.code);
  const n = decoded.value;
  const right =
    n.a === 0xfe &&
    n.b === -2 &&
    n.c === 0x1234 &&
    n.d === -2 &&
    n.e === 0x12345678 &&
    n.f === -2 &&
    n.g === 0x123456789abcdef0 &&
    n.h === -2 &&
    n.i === (1.5 as f32) &&
    n.j === -0.25 &&
    n.k &&
    !n.l;
  return right ? 0 : fail(ReturnCode.InvariantFailed);
}

/** Decodes `Collections` and compares each field with the value that the test's bytes stand for. */
export function knownCollections(): i32 {
  const decoded = decodeInput<Collections>(0);
  if (decoded.failed) return fail(decoded.code);
  const c = decoded.value;
  const right =
    c.bytes.length === 3 &&
    c.bytes[0] === 7 &&
    c.bytes[2] === 9 &&
    c.words.length === 2 &&
    c.words[0] === 0x0102 &&
    c.words[1] === 0xffff &&
    c.flags.length === 2 &&
    c.flags[0] &&
    !c.flags[1] &&
    c.texts.length === 2 &&
    c.texts[0].length === 0 &&
    c.texts[1].length === 4 &&
    c.texts[1].charCodeAt(0) === 0x41 &&
    c.texts[1].charCodeAt(1) === 0xe9 &&
    c.texts[1].codePointAt(2) === 0x1f600 &&
    c.nested.length === 2 &&
    c.nested[0].length === 0 &&
    c.nested[1][0] === 5 &&
    c.floats.length === 1 &&
    c.floats[0] === 1.0 &&
    c.samples.length === 1 &&
    c.samples[0].name.length === 1 &&
    c.samples[0].age === 42 &&
    c.set.size === 2 &&
    c.set.has(1) &&
    c.set.has(2) &&
    c.map.size === 1 &&
    c.map.get("k") === 6 &&
    c.triple[0] === 1 &&
    c.triple[1] === 2 &&
    c.triple[2] === 3;
  return right ? 0 : fail(ReturnCode.InvariantFailed);
}

/** Writes a value made here, without any decoding. */
export function encodeShape(): i32 {
  const shape = new Shape();
  shape.kind = 3;
  shape.letter = 0x1f600;
  shape.sample = new Sample();
  shape.sample!.name = "Zoë";
  shape.sample!.age = 3;
  return encodeOutput<Shape>(shape);
}

/** Writes a string with half of a surrogate pair in it, which UTF-8 cannot hold. */
export function encodeLoneSurrogate(): i32 {
  return encodeOutput<string>("a" + String.fromCharCode(0xd83d) + "b");
}

/** A cycle has no encoding: an error, not an endless recursion. */
export function encodeCycle(): i32 {
  const node = new Node();
  node.next = node;
  return encodeOutput<Node>(node);
}
