import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../../host/common/paths.js";
import {
  decodeBase64,
  decodeBase64Message,
  decodeMessage,
  encodeBase64Message,
  encodeFrame,
  encodeMessage,
  type Field,
  type FieldName,
  fields,
  frame,
  type Group,
  groups,
  type Message,
  type MessageName,
  messages,
  TransportError,
} from "../../host/transport-protocol/index.js";
import { constantName } from "../../host/transport-protocol/isolate-table.js";
import { fractions } from "../support/random.js";
import { example, groupOf, randomMessage } from "./examples.js";
import { IsolateCodec } from "./isolate-codec.js";
import { type Vector, vector } from "./vectors.js";

const isolate = new IsolateCodec();
const names = Object.keys(messages) as MessageName[];

/** Whether each side takes the bytes as a message of the group. */
function accepted(group: Group, bytes: Uint8Array): { host: boolean; isolate: boolean } {
  let host = true;
  try {
    decodeMessage(group, bytes);
  } catch (error) {
    assert.instance(error, TransportError);
    host = false;
  }
  return { host, isolate: isolate.read(group, bytes) === 0 };
}

function refusedByBoth(group: Group, bytes: number[] | Uint8Array, why: string): void {
  const verdict = accepted(group, Uint8Array.from(bytes));
  assert.equal(verdict, { host: false, isolate: false }, why);
}

test("a message in parts is its framed encoding, and what is long in it is not copied", () => {
  const random = fractions(3);
  for (const name of names) {
    for (let turn = 0; turn < 20; turn++) {
      const message = randomMessage(name, random);
      const whole = frame(encodeMessage(message));
      assert.ok(Buffer.concat(encodeFrame(message)).equals(whole), name);
    }
  }
  for (const length of [0, 0xff, 0x100, 0xffff, 0x10000]) {
    const tls = new Uint8Array(length).fill(7);
    const message = { type: "tlsOutput", session: 9, tls } as const;
    const parts = encodeFrame(message);
    assert.ok(Buffer.concat(parts).equals(frame(encodeMessage(message))), `${length}`);
    assert.is(parts[1], length > 0xff ? tls : undefined);
  }
});

test("host and isolate hold the same table", () => {
  const kinds = ["uint", "int", "text", "bytes"];
  for (const [name, field] of Object.entries(fields) as [FieldName, Field][]) {
    const number = isolate.constant(`FIELD_${constantName(name)}`);
    assert.equal(kinds[isolate.call("kindOf", number)], field.kind, name);
    if (field.kind === "int") continue;
    assert.equal(isolate.call("lowOf", number) >>> 0, field.min, name);
    assert.equal(isolate.call("highOf", number) >>> 0, field.max, name);
  }
  assert.equal(isolate.constant("FIELD_COUNT"), Object.keys(fields).length);
  for (const name of names) {
    const definition = messages[name];
    assert.equal(isolate.constant(`MESSAGE_${constantName(name)}`), definition.number, name);
    const row = isolate.call("rowOf", definition.number);
    const [count, ...members] = isolate.copyOut(row, 1 + definition.fields.length);
    assert.equal(count, definition.fields.length, name);
    assert.equal(
      members,
      definition.fields.map((field) => isolate.constant(`FIELD_${constantName(field)}`)),
      name,
    );
  }
  const numbers = new Set(names.map((name) => messages[name].number));
  for (let number = 1; number < 256; number++) {
    assert.equal(isolate.call("rowOf", number) !== 0, numbers.has(number as never), `${number}`);
  }
});

test("every message's number lies in its group and is used once", () => {
  for (const group of Object.values(groups)) {
    for (const { number } of Object.values(group.messages)) {
      assert.ok(number >= group.first && number <= group.last);
    }
  }
  assert.is(new Set(names.map((name) => messages[name].number)).size, names.length);
});

test("the shared vectors hold on both sides, for every message", () => {
  const path = join(projectRoot, "test/transport-protocol/vectors.json");
  const vectors: Vector[] = JSON.parse(readFileSync(path, "utf8"));
  assert.equal(
    vectors.map(({ message }) => message.type),
    names,
  );
  for (const pinned of vectors) {
    const name = pinned.message.type as MessageName;
    const bytes = Buffer.from(pinned.encoding, "hex");
    assert.equal(pinned, vector(name));
    assert.equal(Buffer.from(isolate.rewrite(groupOf(name), bytes) as Buffer), bytes, name);
    // The isolate sees the same value in each field.
    isolate.withBytes(bytes, (pointer) => {
      const group = isolate.constant(`GROUP_${constantName(groupOf(name))}`);
      assert.is(isolate.call("read", pointer, bytes.length, group), 0);
      assert.is(isolate.call("messageType"), messages[name].number);
      for (const field of messages[name].fields) {
        const number = isolate.constant(`FIELD_${constantName(field)}`);
        const { kind } = fields[field];
        const string = () =>
          isolate.copyOut(isolate.call("pointerOf", number), isolate.call("lengthOf", number));
        const value =
          kind === "uint"
            ? isolate.call("uintOf", number) >>> 0
            : kind === "int"
              ? isolate.call("intOf", number)
              : string().toString(kind === "text" ? "utf8" : "hex");
        assert.equal(value, pinned.message[field], `${name}.${field}`);
      }
    });
  }
});

test("random messages survive host → isolate → host unchanged", () => {
  const random = fractions(1);
  for (let turn = 0; turn < 60; turn++) {
    for (const name of names) {
      const message = randomMessage(name, random);
      const bytes = encodeMessage(message);
      const back = isolate.rewrite(groupOf(name), bytes);
      assert.ok(Buffer.isBuffer(back), `${name}: the isolate refused with ${back}`);
      assert.ok((back as Buffer).equals(bytes), name);
      const decoded = decodeMessage(groupOf(name), back as Buffer) as Message;
      for (const field of messages[name].fields) {
        const value = (message as unknown as Record<string, unknown>)[field];
        const got = (decoded as unknown as Record<string, unknown>)[field];
        if (value instanceof Uint8Array) assert.ok(Buffer.compare(value, got as Buffer) === 0);
        else assert.is(got, value, `${name}.${field}`);
      }
    }
  }
});

test("mutated messages: both sides agree, and the isolate neither traps nor grows", () => {
  const random = fractions(2);
  const whole = (limit: number) => Math.floor(random() * limit);
  let accepts = 0;
  const pages = isolate.pages;
  for (let turn = 0; turn < 20_000; turn++) {
    const name = names[whole(names.length)] as MessageName;
    const original = encodeMessage(random() < 0.5 ? example(name) : randomMessage(name, random));
    if (original.length > 1000) continue;
    let bytes = Uint8Array.from(original);
    for (let count = 1 + whole(3); count > 0; count--) {
      const at = random() < 0.6 ? whole(Math.min(12, bytes.length)) : whole(bytes.length);
      switch (whole(4)) {
        case 0:
          bytes[at] = whole(256);
          break;
        case 1:
          bytes[at] = (bytes[at] ?? 0) ^ (1 << whole(8));
          break;
        case 2:
          bytes = Uint8Array.from([...bytes.slice(0, at), ...bytes.slice(at + 1 + whole(3))]);
          break;
        default:
          bytes = Uint8Array.from([...bytes.slice(0, at), whole(256), ...bytes.slice(at)]);
      }
    }
    const verdict = accepted(groupOf(name), bytes);
    assert.is(verdict.isolate, verdict.host, Buffer.from(bytes).toString("hex"));
    if (verdict.host) accepts++;
  }
  assert.ok(accepts > 100, "some mutations only change a value");
  assert.is(isolate.pages, pages);
});

test("each way to be malformed is refused by both sides, for its own reason", () => {
  const e = (name: string) => isolate.constant(`MSGPACK_E_${name}`) | 0;
  const text = (...bytes: number[]) => [0x92, 0x04, ...bytes];
  const cases: [string, Group, number[], number][] = [
    ["nothing", "principalRequest", [], e("TRUNCATED")],
    ["no array", "principalRequest", [0x05], e("TYPE")],
    ["a map", "principalRequest", [0x81, 0x05, 0x05], e("TYPE")],
    ["an empty array", "principalRequest", [0x90], e("TRUNCATED")],
    ["array 16", "principalRequest", [0xdc, 0, 1, 0x05], e("FIELDS")],
    ["array 32 of 4 Gi items", "principalRequest", [0xdd, 255, 255, 255, 255, 5], e("FIELDS")],
    ["type as text", "principalRequest", [0x91, 0xa1, 0x35], e("TYPE")],
    ["type as float", "principalRequest", [0x91, 0xca, 0x40, 0xa0, 0, 0], e("TYPE")],
    ["negative type", "principalRequest", [0x91, 0xff], e("BOUNDS")],
    ["unknown type", "principalRequest", [0x91, 0x0f], e("UNKNOWN")],
    ["a type of another wire", "isolateRequest", [0x91, 0x05], e("UNKNOWN")],
    ["type 0", "principalRequest", [0x91, 0x00], e("UNKNOWN")],
    ["padded type", "principalRequest", [0x91, 0xcc, 0x05], e("NOT_SHORTEST")],
    ["type as int 8", "principalRequest", [0x91, 0xd0, 0x05], e("NOT_SHORTEST")],
    ["a field too many", "principalRequest", [0x92, 0x05, 0x01], e("FIELDS")],
    ["a field too few", "principalRequest", [0x91, 0x04], e("FIELDS")],
    ["bytes after the end", "principalRequest", [0x91, 0x05, 0x00], e("TRAILING")],
    ["text that ends early", "principalRequest", text(0xa3, 0x61, 0x62), e("TRUNCATED")],
    ["text of 4 Gi", "principalRequest", text(0xdb, 255, 255, 255, 255, 97), e("BOUNDS")],
    ["text padded to 8 bits", "principalRequest", text(0xd9, 1, 0x61), e("NOT_SHORTEST")],
    ["empty file name", "principalRequest", text(0xa0), e("BOUNDS")],
    ["bytes instead of text", "principalRequest", text(0xc4, 1, 0x61), e("TYPE")],
    ["nil", "principalRequest", text(0xc0), e("TYPE")],
    ["bool", "principalRequest", text(0xc3), e("TYPE")],
    ["nested array", "principalRequest", text(0x91, 0x05), e("TYPE")],
    ["extension", "principalRequest", text(0xd4, 0x01, 0x00), e("TYPE")],
    ["the unused type C1", "principalRequest", text(0xc1), e("TYPE")],
    ["a stray continuation", "principalRequest", text(0xa1, 0x80), e("UTF8")],
    ["overlong /", "principalRequest", text(0xa2, 0xc0, 0xaf), e("UTF8")],
    ["overlong in 3", "principalRequest", text(0xa3, 0xe0, 0x9f, 0xbf), e("UTF8")],
    ["a surrogate", "principalRequest", text(0xa3, 0xed, 0xa0, 0x80), e("UTF8")],
    ["above U+10FFFF", "principalRequest", text(0xa4, 0xf4, 0x90, 0x80, 0x80), e("UTF8")],
    ["a sequence cut", "principalRequest", text(0xa2, 0xe2, 0x86), e("UTF8")],
    ["nonce of 31", "principalRequest", [0x92, 9, 0xc4, 31, ...Array(31).fill(1)], e("BOUNDS")],
    ["nonce of 33", "principalRequest", [0x92, 9, 0xc4, 33, ...Array(33).fill(1)], e("BOUNDS")],
    [
      "nonce with a padded length",
      "principalRequest",
      [0x92, 9, 0xc5, 0, 32, ...Array(32).fill(1)],
      e("NOT_SHORTEST"),
    ],
    ["session 0", "isolateRequest", [0x94, 0x23, 1, 0, 0], e("BOUNDS")],
    ["session of 32 bits", "isolateRequest", [0x94, 0x23, 1, 0xce, 0x80, 0, 0, 0, 0], e("BOUNDS")],
    ["an id of 64 bits", "isolateRequest", [0x92, 0x26, 0xcf, 0, 0, 0, 1, 0, 0, 0, 0], e("BOUNDS")],
    ["a negative id", "isolateRequest", [0x92, 0x26, 0xff], e("BOUNDS")],
    [
      "an id padded to 32 bits",
      "isolateRequest",
      [0x92, 0x26, 0xce, 0, 0, 255, 255],
      e("NOT_SHORTEST"),
    ],
    [
      "an int padded",
      "principalResponse",
      [0x94, 0x10, 0, 0xd1, 0xff, 0x80, 0xa0],
      e("NOT_SHORTEST"),
    ],
    ["status 8", "principalResponse", [0x94, 0x10, 8, 0, 0xa0], e("BOUNDS")],
  ];
  for (const [why, group, bytes, code] of cases) {
    refusedByBoth(group, bytes, why);
    assert.is(isolate.read(group, Uint8Array.from(bytes)), code, why);
  }
});

test("signed integers of each width pass both sides", () => {
  const values = [0, 127, 128, 65535, 65536, 2147483647, -1, -32, -33, -128, -129, -32768, -32769];
  for (const returnCode of [...values, -2147483648]) {
    const bytes = encodeMessage({ type: "outcome", status: 5, returnCode, text: "" });
    assert.ok((isolate.rewrite("principalResponse", bytes) as Buffer).equals(bytes));
    const back = decodeMessage("principalResponse", bytes);
    assert.is(back.type === "outcome" && back.returnCode, returnCode);
  }
});

test("the isolate refuses to write what is out of bounds, or does not fit", () => {
  isolate.call("begin", messages.tlsOutput.number);
  assert.is(
    isolate.call("write", isolate.call("allocate", 64), 64),
    isolate.constant("MSGPACK_E_BOUNDS") | 0,
  );
  isolate.call("setUint", isolate.constant("FIELD_SESSION"), 5);
  isolate.withBytes(Uint8Array.from([1, 2, 3]), (source) => {
    isolate.call("setBytes", isolate.constant("FIELD_TLS"), source, 3);
    const whole = encodeMessage({ type: "tlsOutput", session: 5, tls: Uint8Array.of(1, 2, 3) });
    const destination = isolate.call("allocate", 64);
    for (let capacity = 0; capacity < 64; capacity++) {
      const length = isolate.call("write", destination, capacity);
      if (capacity < whole.length)
        assert.is(length, isolate.constant("MSGPACK_E_CAPACITY") | 0, `${capacity}`);
      else assert.ok(isolate.copyOut(destination, length).equals(whole));
    }
    isolate.call("free", destination);
  });
  isolate.withBytes(Uint8Array.from([0xff]), (source) => {
    isolate.call("begin", messages.ended.number);
    isolate.call("setBytes", isolate.constant("FIELD_TEXT"), source, 1);
    assert.is(isolate.call("write", source, 0), isolate.constant("MSGPACK_E_UTF8") | 0);
  });
});

test("the host refuses to write what is out of bounds, and names the field", () => {
  const refused = (message: unknown, pattern: RegExp) =>
    assert.throws(() => encodeMessage(message as Message), pattern);
  refused({ type: "newSession", id: 1, session: 0 }, /newSession\.session: 0 is outside 1/);
  refused({ type: "newSession", id: 1 }, /newSession\.session: not an integer/);
  refused({ type: "newSession", id: 1.5, session: 1 }, /newSession\.id: not an integer/);
  refused({ type: "requestPiHash", fileName: "x".repeat(65) }, /fileName: 65 bytes is outside/);
  refused({ type: "requestPiHash", fileName: "\ud800" }, /fileName: not valid UTF-8/);
  refused({ type: "requestPiHash", fileName: 5 }, /fileName: not text/);
  refused({ type: "hash", status: 0, hash: new Uint8Array(31) }, /hash\.hash: 31 bytes/);
  refused({ type: "hash", status: 0, hash: "00" }, /hash\.hash: not bytes/);
});

test("base64 bodies are read strictly", () => {
  const message: Message = { type: "requestPolicyHash" };
  const body = encodeBase64Message(message);
  assert.equal(decodeBase64Message("principalRequest", ` ${body}\n`), message);
  for (const text of ["kQU", "kQ U=", "kQV=", "kQU==", "kQU=kQU=", "kQ-_", "!"]) {
    assert.throws(() => decodeBase64Message("principalRequest", text), /not base64/, text);
  }
  assert.throws(() => decodeBase64Message("principalRequest", ""), /not a message/);
  assert.equal(Buffer.from(decodeBase64("AP8=")), Buffer.from([0, 255]));
});

test.run();
