import { test } from "uvu";
import * as assert from "uvu/assert";
import { FrameReader, frame, TransportError } from "../../host/transport-protocol/index.js";
import { fractions } from "../support/random.js";
import { IsolateCodec } from "./isolate-codec.js";

const isolate = new IsolateCodec();

function hostFrames(limit: number, chunks: readonly Uint8Array[]): Buffer[] {
  const reader = new FrameReader(limit);
  return chunks.flatMap((chunk) => reader.push(chunk));
}

test("a stream cut anywhere gives the same frames on both sides", () => {
  const random = fractions(3);
  for (let turn = 0; turn < 200; turn++) {
    const bodies = Array.from({ length: 1 + Math.floor(random() * 6) }, (_, index) =>
      Buffer.alloc(1 + Math.floor(random() * (turn % 3 === 0 ? 3000 : 9)), index),
    );
    const stream = Buffer.concat(bodies.map(frame));
    const chunks: Buffer[] = [];
    for (let at = 0; at < stream.length; ) {
      const size = Math.floor(random() ** 3 * stream.length);
      chunks.push(stream.subarray(at, at + size));
      at += size;
    }
    assert.equal(hostFrames(3000, chunks), bodies);
    assert.equal(isolate.frames(3000, chunks), bodies);
    assert.is(isolate.call("framesAtBoundary"), 1);
  }
});

test("byte by byte", () => {
  const bodies = [Buffer.from("a"), Buffer.from("bcd"), Buffer.alloc(300, 1)];
  const chunks = [...Buffer.concat(bodies.map(frame))].map((byte) => Uint8Array.of(byte));
  assert.equal(hostFrames(300, chunks), bodies);
  assert.equal(isolate.frames(300, chunks), bodies);
});

test("a frame that is empty or beyond the limit is refused at its header", () => {
  const pages = isolate.pages;
  for (const header of [
    [0, 0, 0, 0],
    [0, 0, 0, 101],
    [0xff, 0xff, 0xff, 0xff],
    [0x80, 0, 0, 0],
  ]) {
    const chunk = Uint8Array.from(header);
    assert.throws(
      () => hostFrames(100, [chunk]),
      (error: Error) =>
        error instanceof TransportError && /allowed are 1 … 100/.test(error.message),
    );
    assert.is(isolate.frames(100, [chunk]), -1);
  }
  // Once refused, always refused: what follows must not be taken for a frame.
  isolate.call("framesBegin", 100);
  isolate.withBytes(Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 1, 7]), (pointer) => {
    isolate.call("framesPush", pointer, 9);
    assert.is(isolate.call("framesNext"), -1);
    assert.is(isolate.call("framesNext"), -1);
  });
  assert.is(isolate.pages, pages);
});

test("ten thousand frames in parts leave the isolate's memory as it was", () => {
  const stream = frame(Buffer.alloc(5000, 7));
  const parts = [stream.subarray(0, 3), stream.subarray(3, 100), stream.subarray(100)];
  isolate.frames(5000, parts);
  const pages = isolate.pages;
  for (let turn = 0; turn < 10_000; turn++) {
    assert.is((isolate.moreFrames(parts) as Buffer[]).length, 1);
  }
  assert.is(isolate.pages, pages);
});

test.run();
