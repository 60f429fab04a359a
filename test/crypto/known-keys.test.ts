// Tables of known keys: made at first use, at most as many as allowed, the one not used for longest gives way, and strangers
// get none. Whatever happens to tables, verification says the same.
import { readFileSync } from "node:fs";
import { p256 } from "@noble/curves/nist.js";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { wasmPath } from "../../host/common/paths.js";

let memoryLimit = 1 << 24;
const module = new WebAssembly.Module(readFileSync(wasmPath("testing/known-keys")));
const imports = { platform: { memoryLimit: () => memoryLimit } };
const exports = new WebAssembly.Instance(module, imports).exports as Record<string, unknown>;
const home = {
  call: (name: string, ...args: number[]) =>
    (exports[name] as (...args: number[]) => number)(...args) ?? 0,
};
(exports._initialize as (() => void) | undefined)?.();
const put = (bytes: Uint8Array): number => {
  const at = Number(home.call("allocate", bytes.length));
  new Uint8Array((exports.memory as WebAssembly.Memory).buffer).set(bytes, at);
  return at;
};
const digest = put(new Uint8Array(32).fill(7));
const signer = (fill: number) => {
  const secret = new Uint8Array(32).fill(fill);
  const signature = p256.sign(new Uint8Array(32).fill(7), secret, { prehash: false });
  return { key: put(p256.getPublicKey(secret, false)), signature: put(signature) };
};
const signers = [1, 2, 3, 4].map(signer);
const [a, b, c, stranger] = signers as [Signer, Signer, Signer, Signer];
type Signer = ReturnType<typeof signer>;

const blockBytes = 1024;
const known = (blocks: number, tables: number): number => {
  const keys = Number(home.call("newKnownKeys", 3, blocks, tables));
  for (const { key } of [a, b, c]) home.call("knownKeysAdd", keys, key);
  return keys;
};
const verify = (keys: number, { signature }: Signer, { key }: Signer): boolean =>
  Number(home.call("knownKeysVerify", keys, signature, digest, key)) !== 0;
const bytes = (keys: number): number => Number(home.call("knownKeysBytes", keys));

for (const blocks of [1, 2, 4]) {
  test(`tables of ${blocks} KiB: at first use, two at most, the oldest gives way`, () => {
    const keys = known(blocks, 2);
    assert.is(bytes(keys), 0);
    for (const [signers, tables] of [
      [a, 1],
      [a, 1],
      [b, 2],
      [c, 2],
      [a, 2],
      [b, 2],
      [c, 2],
      [stranger, 2],
    ] as const) {
      assert.is(verify(keys, signers, signers), true);
      assert.is(bytes(keys), tables * blocks * blockBytes);
    }
    // The signature of one under the key of another, with a table and without.
    for (const of of signers)
      for (const under of signers) assert.is(verify(keys, of, under), of === under);
    home.call("knownKeysFree", keys);
    assert.is(bytes(keys), 0);
    assert.is(verify(keys, a, a), true);
    assert.is(bytes(keys), blocks * blockBytes);
  });
}

test("no table where none is allowed, for a stranger, or for a key that is none", () => {
  const none = known(4, 0);
  assert.is(verify(none, a, a), true);
  assert.is(bytes(none), 0);
  const keys = known(4, 3);
  assert.is(verify(keys, stranger, stranger), true);
  assert.is(bytes(keys), 0);
  const wrong = { key: put(new Uint8Array(65).fill(4)), signature: a.signature };
  const broken = Number(home.call("newKnownKeys", 1, 1, 1));
  home.call("knownKeysAdd", broken, wrong.key);
  for (let i = 0; i < 3; i++) assert.is(verify(broken, a, wrong), false);
  assert.is(bytes(broken), 0);
});

test("where memory is short, no table is made, and verification goes on", () => {
  const keys = known(4, 3);
  // Nothing may grow, and what is free below the end of memory is taken.
  memoryLimit = 0;
  const end = (exports.memory as WebAssembly.Memory).buffer.byteLength;
  while (Number(home.call("allocate", 1024)) + 4096 < end);
  const inShort = verify(keys, a, a) && bytes(keys) === 0;
  memoryLimit = 1 << 24;
  assert.ok(inShort, `${bytes(keys)} bytes of tables`);
  assert.ok(verify(keys, a, a));
  assert.is(bytes(keys), 4 * blockBytes);
});

test("a table is made beforehand for a known key alone; forgotten keys are strangers'", () => {
  const keys = known(1, 3);
  home.call("knownKeysPrepare", keys, stranger.key);
  assert.is(bytes(keys), 0);
  home.call("knownKeysPrepare", keys, a.key);
  home.call("knownKeysPrepare", keys, a.key);
  assert.is(bytes(keys), blockBytes);
  for (const of of signers) assert.is(verify(keys, of, a), of === a);
  home.call("knownKeysForget", keys);
  assert.is(verify(keys, a, a), true);
  assert.is(bytes(keys), 0);
  // There is room for others now.
  for (const { key } of [stranger, b, a]) home.call("knownKeysAdd", keys, key);
  for (const signer of [stranger, b, a]) assert.is(verify(keys, signer, signer), true);
  assert.is(bytes(keys), 3 * blockBytes);
});

test("beyond its capacity, and twice, a key changes nothing", () => {
  const keys = known(1, 3);
  home.call("knownKeysAdd", keys, stranger.key);
  home.call("knownKeysAdd", keys, a.key);
  assert.is(verify(keys, stranger, stranger), true);
  assert.is(bytes(keys), 0);
  assert.is(verify(keys, a, a), true);
});

test.run();
