// Files cut into the pieces that an isolate takes, whatever pieces they come in.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { cut } from "../../host/veracruz-client/pieces.js";
import { RandomInputs } from "../crypto/support.js";

const random = new RandomInputs();

async function cutAll(chunks: readonly Uint8Array[], size: number): Promise<Uint8Array[]> {
  async function* pieces() {
    yield* chunks;
  }
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const result: Uint8Array[] = [];
  for await (const piece of cut({ length, pieces: pieces() }, size)) result.push(piece);
  return result;
}

test("all pieces but the last are full, and together they are the file", async () => {
  for (let turn = 0; turn < 500; turn++) {
    const size = 1 + random.below(20);
    const chunks = Array.from({ length: random.below(8) }, () => random.bytes(random.below(60)));
    const whole = Buffer.concat(chunks);
    const pieces = await cutAll(chunks, size);
    assert.ok(Buffer.concat(pieces).equals(whole));
    assert.is(pieces.length, Math.max(1, Math.ceil(whole.length / size)));
    assert.ok(pieces.slice(0, -1).every(({ length }) => length === size));
  }
});

test("bytes in one go are cut without a copy", async () => {
  const file = random.bytes(100);
  const pieces: Uint8Array[] = [];
  for await (const piece of cut(file, 30)) pieces.push(piece);
  assert.equal(
    pieces.map(({ length }) => length),
    [30, 30, 30, 10],
  );
  assert.ok(pieces.every(({ buffer }) => buffer === file.buffer));
});

test("an empty file is one empty piece", async () => {
  assert.equal(await cutAll([], 16), [new Uint8Array(0)]);
  assert.is((await cutAll([new Uint8Array(0)], 16)).length, 1);
});

test.run();
