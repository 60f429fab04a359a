import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  decodeMessage,
  encodeMessage,
  frame,
  MAX_TLS_BYTES,
  readDone,
  readTlsOutput,
  tlsInputHeader,
} from "../../host/transport-protocol/index.js";
import { fractions } from "../support/random.js";

const numbers = [1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x10000, 0x7fff_ffff];
const lengths = [0, 1, 0xff, 0x100, 0xffff, MAX_TLS_BYTES];

test("header and bytes of a tlsInput are its framed encoding", () => {
  for (const id of [0, ...numbers, 0xffff_ffff]) {
    for (const session of numbers) {
      for (const length of lengths) {
        const tls = Buffer.alloc(length, id);
        const whole = frame(encodeMessage({ type: "tlsInput", id, session, tls }));
        assert.ok(Buffer.concat([tlsInputHeader(id, session, length), tls]).equals(whole));
      }
    }
  }
  assert.throws(() => tlsInputHeader(1, 1, MAX_TLS_BYTES + 1), /65537 TLS bytes/);
});

test("tlsOutput and done are read as the general codec reads them", () => {
  for (const id of [0, ...numbers, 0xffff_ffff]) {
    assert.is(readDone(encodeMessage({ type: "done", id })), id);
  }
  for (const session of numbers) {
    for (const length of lengths) {
      const tls = Buffer.alloc(length, session);
      const read = readTlsOutput(encodeMessage({ type: "tlsOutput", session, tls }));
      assert.is(read?.session, session);
      assert.ok(tls.equals(read?.tls as Uint8Array));
    }
  }
});

test("mutated messages are accepted only where the general codec accepts them", () => {
  const random = fractions(5);
  const whole = (limit: number) => Math.floor(random() * limit);
  let agreed = 0;
  for (let turn = 0; turn < 30_000; turn++) {
    const size = lengths[whole(4)] as number;
    const session = numbers[whole(numbers.length)] as number;
    const bytes =
      random() < 0.5
        ? encodeMessage({ type: "tlsOutput", session, tls: new Uint8Array(size) })
        : encodeMessage({ type: "done", id: session });
    const mutated = Uint8Array.from(bytes.subarray(0, whole(4) > 0 ? bytes.length : whole(9)));
    if (mutated.length === 0) continue;
    for (let count = whole(3); count > 0; count--) {
      mutated[whole(Math.min(mutated.length, 10))] = whole(256);
    }
    const fast = readDone(mutated) !== undefined || readTlsOutput(mutated) !== undefined;
    let general = false;
    try {
      const { type } = decodeMessage("isolateAnswer", mutated);
      general = type === "done" || type === "tlsOutput";
    } catch {
      general = false;
    }
    assert.is(fast, general, Buffer.from(mutated.subarray(0, 20)).toString("hex"));
    if (fast) agreed++;
  }
  assert.ok(agreed > 1000);
});

test.run();
