// The mask of WebSocket frames, taken off where they lie: the same frames with a mask of zero, however the stream is cut.
import { randomBytes, randomInt } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { FrameUnmasker } from "../../host/veracruz-server/unmask.js";

/** A frame of RFC 6455 §5.2, its payload as it is sent. */
function frame(first: number, payload: Uint8Array, mask: Uint8Array | undefined, extended = 0) {
  const { length } = payload;
  const bytes = Math.max(extended, length > 0xffff ? 8 : length > 125 ? 2 : 0);
  const short = bytes === 8 ? 127 : bytes === 2 ? 126 : length;
  const size = Buffer.alloc(bytes);
  if (bytes > 0) size.writeUIntBE(length, bytes === 8 ? 2 : 0, bytes === 8 ? 6 : 2);
  const head = Buffer.of(first, (mask === undefined ? 0 : 0x80) | short);
  const sent = mask && payload.map((byte, at) => byte ^ (mask[at % 4] as number));
  return Buffer.concat([head, size, mask ?? new Uint8Array(0), sent ?? payload]);
}

const lengths = [0, 1, 2, 3, 4, 5, 7, 8, 125, 126, 127, 1000, 65_535, 65_536, 70_001];
const zero = Buffer.alloc(4);

/** The stream after an unmasker, which gets it in pieces of those lengths, each at another place in memory. */
function unmasked(stream: Uint8Array, next: () => number): Buffer {
  const unmasker = new FrameUnmasker();
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < stream.length; ) {
    const length = Math.min(next(), stream.length - at);
    const room = new Uint8Array(8 + length);
    const piece = room.subarray(pieces.length % 8, (pieces.length % 8) + length);
    piece.set(stream.subarray(at, at + length));
    unmasker.take(piece);
    pieces.push(piece);
    at += length;
  }
  return Buffer.concat(pieces);
}

const cuts: [string, () => number][] = [
  ["byte by byte", () => 1],
  ["in three bytes", () => 3],
  ["in pieces of a socket", () => 65_536],
  ["in pieces of any length", () => 1 + randomInt(3_000)],
];
for (const [name, next] of cuts)
  test(`a stream that comes ${name} is the same with a mask of zero`, () => {
    const frames = lengths.flatMap((length) => {
      const payload = randomBytes(length);
      const first = randomInt(256);
      return [
        [frame(first, payload, randomBytes(4)), frame(first, payload, zero)],
        // Longer than need be: not for this part to judge.
        [frame(first, payload, randomBytes(4), 8), frame(first, payload, zero, 8)],
        // Without a mask, as no client may send it.
        [frame(first, payload, undefined), frame(first, payload, undefined)],
      ] as const;
    });
    const stream = Buffer.concat(frames.map(([sent]) => sent));
    const wanted = Buffer.concat(frames.map(([, plain]) => plain));
    assert.ok(unmasked(stream, next).equals(wanted));
  });

test("a length beyond all bounds takes no memory", () => {
  const head = Buffer.from("82ffffffffffffffffff01020304", "hex");
  const rest = randomBytes(1000);
  const wanted = rest.map((byte, at) => byte ^ ((at % 4) + 1));
  const out = unmasked(Buffer.concat([head, rest]), () => 100);
  assert.equal(out.subarray(0, 14).toString("hex"), "82ffffffffffffffffff00000000");
  assert.ok(out.subarray(14).equals(wanted));
});

test.run();
