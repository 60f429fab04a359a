// The primitives against @noble's, on random and on extreme inputs, in V8 and in wasm3.
import { gcm } from "@noble/ciphers/aes.js";
import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { x25519 } from "@noble/curves/ed25519.js";
import { p256 } from "@noble/curves/nist.js";
import { expand, extract } from "@noble/hashes/hkdf.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  type AeadName,
  CryptoModule,
  hex,
  inV8,
  inWasm3,
  RandomInputs,
  toHex,
  utf8,
} from "./support.js";

const random = new RandomInputs();
const n = p256.Point.Fn.ORDER;
const p = p256.Point.Fp.ORDER;
const bigEndian = (value: bigint) => hex(value.toString(16).padStart(64, "0"));
const littleEndian = (value: bigint) => bigEndian(value).reverse();
const isPrivateKey = (key: Uint8Array) => p256.utils.isValidSecretKey(key);

/** Random bytes in runs of zeros and ones, which meet carries that uniform bytes hardly ever do. */
function runs(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let bit = 0, value = random.below(2); bit < length * 8; value ^= 1) {
    for (const end = bit + 1 + random.below(90); bit < end && bit < length * 8; bit++)
      (bytes[bit >> 3] as number) |= value << (bit & 7);
  }
  return bytes;
}

const mixed = (length: number) => (random.below(3) === 0 ? runs(length) : random.bytes(length));

for (const [home, rounds] of [
  [inV8(), 200],
  [inWasm3(), 12],
] as const) {
  const crypto = new CryptoModule(home);
  const against = (title: string, body: () => void) =>
    test(`${title} agrees with @noble, ${home.name}`, body);

  against("SHA-256, HMAC and HKDF of every length about the block size", () => {
    for (let length = 0; length < rounds + 60; length++) {
      const data = random.bytes(length);
      assert.equal(crypto.sha256(data), sha256(data), `length ${length}`);
      const cuts = [random.below(length + 1), random.below(length + 1)].sort((a, b) => a - b);
      const pieces = [
        data.subarray(0, cuts[0]),
        data.subarray(cuts[0], cuts[1]),
        data.subarray(cuts[1]),
      ];
      assert.equal(crypto.sha256Pieces(pieces), sha256(data), `length ${length} cut at ${cuts}`);
      const key = random.bytes(random.below(140));
      assert.equal(crypto.hmac(key, data), hmac(sha256, key, data));
      const salt = random.bytes(random.below(70));
      const prk = crypto.hkdfExtract(salt, data);
      assert.equal(prk, extract(sha256, data, salt));
      assert.equal(crypto.hkdfExpand(prk, key, length), expand(sha256, prk, key, length));
    }
  });

  against("HKDF-Expand-Label", () => {
    for (let round = 0; round < rounds / 4; round++) {
      const label = "x".repeat(1 + random.below(30));
      const [secret, context] = [random.bytes(32), random.bytes(random.below(64))];
      const length = random.below(100);
      const info = new Uint8Array([
        ...[length >> 8, length & 0xff, label.length + 6],
        ...utf8(`tls13 ${label}`),
        ...[context.length, ...context],
      ]);
      assert.equal(
        crypto.hkdfExpandLabel(secret, label, context, length),
        expand(sha256, secret, info, length),
      );
      info.set([0, 32]);
      const once = expand(sha256, secret, info, 32);
      assert.equal(
        crypto.labelledSecretExpand(secret, label, context),
        new Uint8Array([...once, ...once]),
      );
    }
  });

  for (const [name, keyLength, reference] of [
    ["ChaCha20Poly1305", 32, chacha20poly1305],
    ["Aes128Gcm", 16, gcm],
  ] as const satisfies readonly (readonly [AeadName, number, unknown])[]) {
    against(name, () => {
      for (let round = 0; round < rounds; round++) {
        const [key, nonce, aad] = [mixed(keyLength), mixed(12), mixed(random.below(70))];
        const plaintext = mixed(round < 150 ? round : random.below(3000));
        const sealed = crypto.seal(name, key, nonce, aad, plaintext);
        assert.is(toHex(sealed), toHex(reference(key, nonce, aad).encrypt(plaintext)));
        assert.equal(crypto.open(name, key, nonce, aad, sealed), plaintext);
        const broken = sealed.slice();
        (broken[random.below(broken.length)] as number) ^= 1 << random.below(8);
        assert.is(crypto.open(name, key, nonce, aad, broken), undefined);
        const otherAad = new Uint8Array([...aad, 0]);
        assert.is(crypto.open(name, key, nonce, otherAad, sealed), undefined);
      }
    });
  }

  against("X25519", () => {
    // p - 1, p, p + 1, 2^255 - 1, and the largest that its encoding can hold; and what runs of bits give.
    const prime = 2n ** 255n - 19n;
    const extreme = [prime - 1n, prime + 3n, 2n ** 255n - 1n, 2n ** 256n - 1n].map(littleEndian);
    for (let round = 0; round < rounds; round++) {
      const [scalar, u] = [mixed(32), extreme[round] ?? mixed(32)];
      let expected: Uint8Array | undefined;
      try {
        expected = x25519.scalarMult(scalar, u);
      } catch {
        // @noble throws where the result is zero.
      }
      assert.is(toHex(crypto.x25519(scalar, u)), toHex(expected), `${toHex(scalar)} ${toHex(u)}`);
      assert.equal(crypto.x25519PublicKey(scalar), x25519.getPublicKey(scalar));
    }
  });

  // Scalars at which partial results of one multiplication method or another meet.
  const scalars = [
    ...Array.from({ length: 34 }, (_, i) => BigInt(i + 1)),
    ...Array.from({ length: 34 }, (_, i) => n - BigInt(i + 1)),
    ...[n / 2n, n / 2n + 1n, 2n ** 255n, 2n ** 255n - 1n, 2n ** 208n, 2n ** 52n, 2n ** 13n + 1n],
  ].map(bigEndian);

  against("ECDH over P-256, keys", () => {
    const chosen = home.name === "V8" ? scalars : scalars.filter((_, i) => i % 9 === 1);
    const keys = [...chosen, ...Array.from({ length: rounds / 2 }, () => mixed(32))];
    for (const key of keys.filter(isPrivateKey)) {
      const publicKey = p256.getPublicKey(key, false);
      assert.equal(crypto.p256PublicKey(key), publicKey, toHex(key));
      const other = p256.utils.randomSecretKey(random.bytes(48));
      const peer = p256.getPublicKey(other, false);
      const shared = p256.getSharedSecret(key, peer, false).subarray(1, 33);
      assert.equal(crypto.p256Ecdh(key, peer), shared, toHex(key));
      // The base point as the peer's, whose multiples the comb knows.
      const base = p256.Point.BASE.toBytes(false);
      assert.equal(crypto.p256Ecdh(key, base), publicKey.subarray(1, 33), toHex(key));
    }
  });

  against("ECDSA over P-256", () => {
    const digests = [0n, 1n, n - 1n, n, n + 1n, 2n ** 256n - 1n].map(bigEndian);
    for (let round = 0; round < rounds; round++) {
      const key = scalars[round] ?? mixed(32);
      if (!isPrivateKey(key)) continue;
      const digest = digests[round] ?? mixed(32);
      const publicKey = p256.getPublicKey(key, false);
      const fresh = random.bytes(32);
      const options = { prehash: false, lowS: false, format: "compact" } as const;
      const signature = crypto.p256Sign(key, digest, fresh);
      assert.is(
        toHex(signature),
        toHex(p256.sign(digest, key, { ...options, extraEntropy: fresh })),
        `key ${toHex(key)}, digest ${toHex(digest)}`,
      );
      const own = signature as Uint8Array;
      assert.ok(crypto.p256Verify(own, digest, publicKey));
      // The other s of the same signature.
      const s = BigInt(`0x${toHex(own.subarray(32))}`);
      const mirrored = new Uint8Array([...own.subarray(0, 32), ...bigEndian(n - s)]);
      assert.ok(crypto.p256Verify(mirrored, digest, publicKey));
      const broken = own.slice();
      (broken[random.below(64)] as number) ^= 1 << random.below(8);
      assert.is(
        crypto.p256Verify(broken, digest, publicKey),
        p256.verify(broken, digest, publicKey, options),
      );
      assert.is(crypto.p256Verify(own, random.bytes(32), publicKey), false);
    }
  });

  against("the encoding of signatures", () => {
    for (let round = 0; round < rounds; round++) {
      const [r, s] = [mixed(32), mixed(32)];
      r.fill(0, 0, random.below(32));
      if (round % 5 === 0) s.fill(0, 0, random.below(32));
      const raw = new Uint8Array([...r, ...s]);
      if (!isPrivateKey(r) || !isPrivateKey(s)) continue;
      const der = crypto.signatureToDer(raw);
      assert.is(toHex(der), toHex(p256.Signature.fromBytes(raw, "compact").toBytes("der")));
      assert.equal(crypto.signatureFromDer(der), raw);
    }
  });
}

/** Integers below `limit` near 0, near `limit`, near powers of two and of n, in runs of bits, and any. */
function extreme(limit: bigint): bigint {
  const small = BigInt(random.below(2 ** (1 + random.below(30))));
  const power = 1n << BigInt(random.below(256));
  const all = BigInt(`0x${toHex(runs(32))}`);
  const candidates = [small, limit - 1n - small, power + small, power - 1n - small, all];
  candidates.push(n - 1n - small, small * power, BigInt(`0x${toHex(random.bytes(32))}`));
  const chosen = (candidates[random.below(candidates.length)] as bigint) % limit;
  return chosen < 0n ? chosen + limit : chosen;
}

/** A point whose x-coordinate is extreme. */
function extremePoint() {
  for (;;) {
    try {
      const bytes = new Uint8Array([2 + random.below(2), ...bigEndian(extreme(p))]);
      const point = p256.Point.fromBytes(bytes);
      point.assertValidity();
      return point;
    } catch {
      // no point has that x-coordinate
    }
  }
}

test("P-256 agrees with @noble for extreme scalars, coordinates and both factors of a verification", () => {
  const crypto = new CryptoModule(inV8());
  const { Fn } = p256.Point;
  for (let round = 0; round < 150; round++) {
    const [k, q] = [extreme(n) || 1n, extremePoint()];
    const publicKey = q.toBytes(false);
    const shared = q.multiply(k).toBytes(false).subarray(1, 33);
    assert.equal(crypto.p256Ecdh(bigEndian(k), publicKey), shared, `${k} ${toHex(publicKey)}`);
    // u1 and u2 chosen, the signature made for them: R = u1 G + u2 Q, r = R's x, s = r / u2, e = u1 s.
    const [u1, u2] = [extreme(n), extreme(n) || 1n];
    const sum = q.multiply(u2).add(u1 === 0n ? p256.Point.ZERO : p256.Point.BASE.multiply(u1));
    const r = sum.is0() ? 1n : Fn.create(sum.toAffine().x);
    const s = Fn.mul(r, Fn.inv(u2));
    const e = Fn.mul(u1, s);
    const signature = new Uint8Array([...bigEndian(r), ...bigEndian(s)]);
    // A digest may be above n: it is taken modulo n.
    const digests = e + n < 2n ** 256n ? [e, e + n] : [e];
    for (const digest of digests.map(bigEndian))
      assert.is(crypto.p256Verify(signature, digest, publicKey), !sum.is0(), `${u1} ${u2}`);
    const other = new Uint8Array([...bigEndian(extreme(n)), ...bigEndian(s)]);
    assert.is(
      crypto.p256Verify(other, bigEndian(e), publicKey),
      p256.verify(other, bigEndian(e), publicKey, { prehash: false, lowS: false }),
    );
  }
});

test("P-256 refuses keys and points that are none", () => {
  const crypto = new CryptoModule(inV8());
  for (const key of [0n, n, n + 1n, 2n ** 256n - 1n].map(bigEndian)) {
    assert.is(crypto.p256PublicKey(key), undefined);
    assert.is(crypto.p256Ecdh(key, p256.Point.BASE.toBytes(false)), undefined);
    assert.is(crypto.p256Sign(key, random.bytes(32), random.bytes(32)), undefined);
  }
  const key = bigEndian(5n);
  const good = p256.Point.BASE.toBytes(false);
  const { x, y } = p256.Point.BASE.toAffine();
  const point = (first: number, px: bigint, py: bigint) =>
    new Uint8Array([first, ...bigEndian(px), ...bigEndian(py)]);
  assert.ok(crypto.p256Ecdh(key, good));
  // x + p needs a point with a small x to be below 2^256: x = 5 has one.
  const small = p256.Point.fromAffine(
    p256.Point.fromBytes(new Uint8Array([2, ...bigEndian(5n)])).toAffine(),
  ).toAffine();
  assert.ok(crypto.p256Ecdh(key, point(4, small.x, small.y)));
  for (const [what, bytes] of [
    ["compressed form's first byte", point(2, x, y)],
    ["hybrid form's first byte", point(6, x, y)],
    ["infinity's first byte", point(0, x, y)],
    ["y off by one", point(4, x, y + 1n)],
    ["x off by one", point(4, x + 1n, y)],
    ["zero", point(4, 0n, 0n)],
    ["x = p", point(4, p, y)],
    ["x of a point, plus p", point(4, small.x + p, small.y)],
    ["all ones", new Uint8Array(65).fill(0xff).fill(4, 0, 1)],
  ] as const) {
    assert.is(crypto.p256Ecdh(key, bytes), undefined, what);
    const signature = p256.sign(random.bytes(32), key, { prehash: false });
    assert.is(crypto.p256Verify(signature, random.bytes(32), bytes), false, what);
  }
});

test("verification takes r + n for the x-coordinate where that is below p, and infinity never", () => {
  const crypto = new CryptoModule(inV8());
  // Any point R whose x-coordinate is between n and p gives a signature that verifies: with
  // Q = (s R - e G) / r, r = x mod n. There are such points: x = n + i for small i.
  let found = 0;
  for (let i = 0n; found < 4; i++) {
    let point: InstanceType<typeof p256.Point>;
    try {
      point = p256.Point.fromBytes(new Uint8Array([2, ...bigEndian(n + i)]));
    } catch {
      continue;
    }
    found++;
    const [s, digest] = [BigInt(`0x${toHex(random.bytes(31))}`) + 1n, random.bytes(32)];
    if (i === 0n) continue; // r = 0 is no signature
    const { Fn } = p256.Point;
    const e = Fn.create(BigInt(`0x${toHex(digest)}`));
    const q = point
      .multiply(s)
      .add(p256.Point.BASE.multiply(Fn.neg(e)))
      .multiply(Fn.inv(i));
    const signature = new Uint8Array([...bigEndian(i), ...bigEndian(s)]);
    assert.ok(crypto.p256Verify(signature, digest, q.toBytes(false)), `x = n + ${i}`);
  }
  // u1 G + u2 Q is infinity for e = -r d: any s would do if infinity were let through.
  const d = 12345n;
  for (const r of [1n, 5n, n - 1n]) {
    const digest = bigEndian(p256.Point.Fn.create(-r * d));
    const publicKey = p256.getPublicKey(bigEndian(d), false);
    for (const s of [1n, 2n, r]) {
      const signature = new Uint8Array([...bigEndian(r), ...bigEndian(s)]);
      assert.is(crypto.p256Verify(signature, digest, publicKey), false);
    }
  }
  // Partial sums that meet: Q = ± small multiples of G.
  for (const d of [1n, 2n, 3n, n - 1n, n - 2n, 2n ** 208n, 2n ** 13n]) {
    const publicKey = p256.getPublicKey(bigEndian(d), false);
    for (const e of [0n, 1n, d, n - d, 2n * d]) {
      const digest = bigEndian(p256.Point.Fn.create(e));
      const signature = p256.sign(digest, bigEndian(d), { prehash: false, lowS: false });
      assert.ok(crypto.p256Verify(signature, digest, publicKey), `d ${d}, e ${e}`);
    }
  }
});

test.run();
