// The small forms of primitives, as a device's first stage and its token module have them, against the others: P-256 in
// loops (assembly/crypto/p256-small.ts), its comb of one block, SHA-256 in loops.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { CryptoModule, countingSource, hex, inV8, RandomInputs } from "./support.js";

const random = new RandomInputs();
const n = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const bigEndian = (value: bigint) => hex(value.toString(16).padStart(64, "0"));
const written = new CryptoModule(inV8());
const builds = ["testing/crypto-small", "testing/crypto-token"].map(
  (build) => [build, new CryptoModule(inV8(countingSource(), build))] as const,
);

const limits = [0n, n, n + 1n, 2n ** 256n - 1n].map(bigEndian);
const extreme = [1n, 2n, 3n, n - 1n, n - 2n, n - 3n, n / 2n, n / 2n + 1n, 2n ** 255n].map(
  bigEndian,
);
/** Powers of two and their neighbours: carries from limb to limb. */
const powers = Array.from({ length: 40 }, (_, i) => 1n << BigInt(6 * i + 2)).flatMap((power) =>
  [power - 1n, power, n - power].map(bigEndian),
);
const keys = [...extreme, ...powers, ...Array.from({ length: 60 }, () => random.bytes(32))];

for (const [build, small] of builds) {
  test(`${build}: public keys, shared secrets and signatures are the same`, () => {
    for (const [i, key] of keys.entries()) {
      const publicKey = written.p256PublicKey(key);
      assert.equal(small.p256PublicKey(key), publicKey, `public key ${i}`);
      if (publicKey === undefined) continue;
      const other = keys[(i * 7 + 3) % keys.length] as Uint8Array;
      assert.equal(small.p256Ecdh(other, publicKey), written.p256Ecdh(other, publicKey), `${i}`);
      const [digest, fresh] = [[...limits, ...extreme][i] ?? random.bytes(32), random.bytes(32)];
      const signature = written.p256Sign(key, digest, fresh);
      assert.equal(small.p256Sign(key, digest, fresh), signature, `signature ${i}`);
      assert.ok(signature);
      assert.ok(small.p256VerifyByKey(signature, digest, publicKey), `verified ${i}`);
      (signature[random.below(64)] as number) ^= 1 << random.below(8);
      assert.not.ok(small.p256VerifyByKey(signature, digest, publicKey), `changed ${i}`);
    }
  });

  test(`${build}: keys that are none and points off the curve are refused`, () => {
    for (const key of limits) assert.is(small.p256PublicKey(key), undefined);
    const key = random.bytes(31);
    const point = written.p256PublicKey(Uint8Array.of(1, ...key)) as Uint8Array;
    for (let i = 0; i < 65; i++) {
      const bent = point.slice();
      (bent[i] as number) ^= 1;
      assert.is(small.p256Ecdh(bigEndian(5n), bent), undefined, `byte ${i}`);
    }
  });

  test(`${build}: hashes of every length up to three blocks are the same, in one piece and in pieces`, () => {
    for (let length = 0; length <= 200; length++) {
      const message = random.bytes(length);
      assert.equal(small.sha256(message), written.sha256(message), `${length} bytes`);
      const pieces = [message.subarray(0, length / 3), message.subarray(length / 3)];
      assert.equal(small.sha256Pieces(pieces), written.sha256(message), `${length} bytes`);
    }
    const long = random.bytes(70_000);
    assert.equal(small.sha256(long), written.sha256(long));
    assert.equal(small.hmac(long, long), written.hmac(long, long));
  });
}

test.run();
