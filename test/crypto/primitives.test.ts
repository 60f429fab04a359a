// What the other tests of this folder leave: helpers, wiping, the generator, strict decoding, limits.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { CryptoModule, countingSource, hex, inV8, RandomInputs, toHex } from "./support.js";

const random = new RandomInputs();
const home = inV8();
const crypto = new CryptoModule(home);
const u32 = (value: number | bigint) => Number(value) >>> 0;

test("masks and selections", () => {
  const values = [0, 1, 2, 0x7fffffff, 0x80000000, 0x80000001, 0xfffffffe, 0xffffffff];
  for (const a of values) {
    assert.is(u32(home.call("ctIsZero32", a)), a === 0 ? 0xffffffff : 0);
    for (const b of values) {
      assert.is(u32(home.call("ctSelect32", 0xffffffff, a, b)), a);
      assert.is(u32(home.call("ctSelect32", 0, a, b)), b);
    }
  }
});

test("comparison sees every bit of every byte", () => {
  for (const length of [0, 1, 7, 16, 33]) {
    const bytes = random.bytes(length);
    const equal = (other: Uint8Array) =>
      crypto.with([bytes, other], (a, b) => Number(home.call("ctEqual", a, b, length)));
    assert.is(equal(bytes), 1);
    for (let bit = 0; bit < length * 8; bit++) {
      const other = bytes.slice();
      (other[bit >> 3] as number) ^= 1 << (bit & 7);
      assert.is(equal(other), 0);
      const isZero = new Uint8Array(length);
      (isZero[bit >> 3] as number) ^= 1 << (bit & 7);
      crypto.with([isZero], (z) => assert.is(home.call("ctIsZero", z, length), 0));
    }
    crypto.with([new Uint8Array(length)], (z) => assert.is(home.call("ctIsZero", z, length), -1));
  }
});

test("wiping leaves the neighbours alone", () => {
  crypto.with([new Uint8Array(40).fill(7)], (address) => {
    home.call("wipe", address + 3, 30);
    const after = home.read(address, 40);
    assert.ok(after.every((byte, i) => byte === (i >= 3 && i < 33 ? 0 : 7)));
  });
});

/**
 * Runs an operation in an instance of its own and looks for what it leaves behind: 32-bit words of memory
 * that have changed and are no small numbers, as those of the allocator's books are. Inputs and outputs
 * are overwritten by the test's own helper before it looks.
 */
function leftovers(operation: (crypto: CryptoModule) => unknown): string[] {
  const own = new CryptoModule(inV8());
  const snapshot = () => new Uint32Array(own.home.read(0, 2 ** 26).buffer);
  const before = snapshot();
  operation(own);
  const after = snapshot();
  const left: string[] = [];
  for (const [i, word] of after.entries()) {
    if (word !== (before[i] ?? 0) && word >= after.byteLength)
      left.push(`${word.toString(16)} at ${(4 * i).toString(16)}`);
  }
  return left;
}

test("no operation leaves in memory what it made of a secret", () => {
  const [key, u, digest, data] = [32, 32, 32, 301].map((length) => random.bytes(length)) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  const peer = crypto.p256PublicKey(random.bytes(32)) as Uint8Array;
  const seed = random.bytes(64);
  const mlKem = crypto.mlKemGenerate(seed);
  const signature = crypto.p256Sign(key, digest, u) as Uint8Array;
  const operations: Record<string, (crypto: CryptoModule) => unknown> = {
    sha256: (own) => own.sha256(data),
    hmac: (own) => own.hmac(data, data),
    hkdfExtract: (own) => own.hkdfExtract(digest, key),
    hkdfExpand: (own) => own.hkdfExpand(key, data, 100),
    hkdfExpandLabel: (own) => own.hkdfExpandLabel(key, "label", digest, 32),
    labelledSecretExpand: (own) => own.labelledSecretExpand(key, "label", digest),
    sha3: (own) => own.sha3("sha3_256", data, 32),
    shake: (own) => own.sha3("shake128", data, 500),
    mlKemGenerate: (own) => own.mlKemGenerate(seed),
    mlKemEncapsulate: (own) => own.mlKemEncapsulate(mlKem.publicKey, key),
    mlKemDecapsulate: (own) => own.mlKemDecapsulate(mlKem.pair, random.bytes(1088)),
    x25519: (own) => own.x25519(key, u),
    x25519PublicKey: (own) => own.x25519PublicKey(key),
    p256PublicKey: (own) => own.p256PublicKey(key),
    p256Ecdh: (own) => own.p256Ecdh(key, peer),
    p256Sign: (own) => own.p256Sign(key, digest, u),
    p256Verify: (own) => own.p256VerifyByKey(signature, digest, peer),
  };
  for (const [name, length] of [
    ["ChaCha20Poly1305", 32],
    ["Aes128Gcm", 16],
  ] as const) {
    const itsKey = key.subarray(0, length);
    const sealed = crypto.seal(name, itsKey, u, data, data);
    const wiped = (own: CryptoModule) => own.home.call("aeadWipe", own.aead(name, itsKey));
    operations[`${name} seal`] = (own) => {
      own.seal(name, itsKey, u, data, data);
      wiped(own);
    };
    operations[`${name} open`] = (own) => {
      own.open(name, itsKey, u, data, sealed);
      wiped(own);
    };
  }
  for (const [name, operation] of Object.entries(operations))
    assert.equal(leftovers(operation), [], name);
  // A look at one that does leave something: an object that is not wiped, and an input.
  // (Of random words one may be a small number by chance.)
  assert.is(leftovers((own) => own.put(new Uint8Array(32).fill(0xa5))).length, 8);
  assert.ok(leftovers((own) => own.aead("Aes128Gcm", key.subarray(0, 16))).length > 40);
});

test("a wiped object holds nothing", () => {
  const [key, data] = [random.bytes(64), random.bytes(100)];
  assert.equal(
    leftovers((own) => {
      const { home } = own;
      const [hash, mac, drbg] = ["newSha256", "newHmac", "newDrbg"].map((name) =>
        Number(home.call(name)),
      ) as [number, number, number];
      own.with([key, data], (k, d) => {
        home.call("sha256Update", hash, d, 100);
        home.call("hmacInit", mac, k, 64);
        home.call("hmacUpdate", mac, d, 100);
      });
      own.output(100, (out) => home.call("drbgFill", drbg, out, 100));
      home.call("sha256Wipe", hash);
      home.call("hmacWipe", mac);
      home.call("drbgWipe", drbg);
    }),
    [],
  );
});

test("an incremental hash goes on from a copy", () => {
  const [first, second] = [random.bytes(100), random.bytes(77)];
  const [hash, copy] = [Number(home.call("newSha256")), Number(home.call("newSha256"))];
  crypto.with([first, second], (a, b) => {
    home.call("sha256Update", hash, a, first.length);
    home.call("sha256CopyFrom", copy, hash);
    home.call("sha256Update", hash, b, second.length);
  });
  const whole = crypto.output(32, (out) => home.call("sha256Finish", hash, out));
  assert.equal(whole, crypto.sha256(new Uint8Array([...first, ...second])));
  assert.equal(
    crypto.output(32, (out) => home.call("sha256Finish", copy, out)),
    crypto.sha256(first),
  );
  home.call("sha256Reset", hash);
  assert.equal(
    crypto.output(32, (out) => home.call("sha256Finish", hash, out)),
    crypto.sha256(new Uint8Array()),
  );
});

test("HMAC in pieces, and with a key longer than a block", () => {
  for (const keyLength of [0, 63, 64, 65, 200]) {
    const [key, data] = [random.bytes(keyLength), random.bytes(150)];
    const mac = Number(home.call("newHmac"));
    crypto.with([key, data], (k, d) => {
      home.call("hmacInit", mac, k, keyLength);
      home.call("hmacUpdate", mac, d, 70);
      home.call("hmacUpdate", mac, d + 70, 80);
    });
    assert.equal(
      crypto.output(32, (out) => home.call("hmacFinish", mac, out)),
      crypto.hmac(key, data),
    );
  }
});

test("lengths outside what HKDF gives store nothing", () => {
  const untouched = (bytes: Uint8Array) => bytes.every((byte) => byte === 0xaa);
  const secret = random.bytes(32);
  assert.not(untouched(crypto.hkdfExpand(secret, secret, 8160)));
  assert.ok(untouched(crypto.hkdfExpand(secret, secret, 8161)));
  assert.not(untouched(crypto.hkdfExpandLabel(secret, "x".repeat(249), new Uint8Array(255), 32)));
  assert.ok(untouched(crypto.hkdfExpandLabel(secret, "x".repeat(250), new Uint8Array(), 32)));
  assert.ok(untouched(crypto.hkdfExpandLabel(secret, "x", new Uint8Array(256), 32)));
  assert.not(untouched(crypto.labelledSecretExpand(secret, "x".repeat(249), new Uint8Array(255))));
  assert.ok(untouched(crypto.labelledSecretExpand(secret, "x".repeat(250), new Uint8Array())));
  assert.ok(untouched(crypto.labelledSecretExpand(secret, "x", new Uint8Array(256))));
});

test("GHASH of ones only, where every digit of the integer products is full", () => {
  // H = all ones and blocks of all ones, by a plain multiplication bit by bit.
  const ones = (1n << 128n) - 1n;
  const multiply = (x: bigint, y: bigint) => {
    let [z, v] = [0n, y];
    for (let i = 127n; i >= 0n; i--) {
      if ((x >> i) & 1n) z ^= v;
      v = (v >> 1n) ^ (v & 1n ? 0xe1n << 120n : 0n);
    }
    return z;
  };
  const bytes = (value: bigint) => hex(value.toString(16).padStart(32, "0"));
  const patterns = [
    ones,
    ones >> 1n,
    ones ^ 1n,
    ...["11", "22", "44", "88", "77", "bb", "dd", "ee"].map((digit) =>
      BigInt(`0x${digit.repeat(16)}`),
    ),
  ];
  for (const h of patterns) {
    for (const x of patterns) {
      const y = crypto.with(
        [bytes(h), new Uint8Array(16), new Uint8Array(16), bytes(x)],
        (hash, key, state, block) => {
          home.call("ghashSetKey", hash, key);
          home.call("ghashBlocks", key, state, block, 1);
          return home.read(state, 16);
        },
      );
      assert.is(toHex(y), toHex(bytes(multiply(x, h))));
    }
  }
});

test("the decoder of signatures takes DER and nothing else", () => {
  const raw = (r: string, s: string) => r.padStart(64, "0") + s.padStart(64, "0");
  const ones = "ff".repeat(32);
  for (const [der, expected] of [
    ["3006020101020102", raw("01", "02")],
    ["3006020100020100", raw("00", "00")],
    ["30080202008002020080", raw("80", "80")],
    [`3046022100${ones}022100${ones}`, raw(ones, ones)],
  ] as const) {
    assert.is(toHex(crypto.signatureFromDer(hex(der))), expected, der);
  }
  for (const [why, der] of [
    ["nothing", ""],
    ["no integer", "3000"],
    ["one integer", "3003020101"],
    ["three integers", "3009020101020102020103"],
    ["bytes after it", "300602010102010200"],
    ["bytes after the integers", "300702010102010200"],
    ["sequence too long", "3007020101020102"],
    ["sequence too short", "3005020101020102"],
    ["a set", "3106020101020102"],
    ["long form of a short length", "308106020101020102"],
    ["indefinite length", "30800201010201020000"],
    ["an octet string", "3006040101020102"],
    ["second is a bit string", "3006020101030102"],
    ["negative r", "3006020181020102"],
    ["negative s", "3006020101020180"],
    ["r of no bytes", "3005020002010102"],
    ["s of no bytes", "30050201010200"],
    ["needless zero in r", "300702020001020102"],
    ["needless zero in s", "300702010102020001"],
    ["33 bytes without a leading zero", `3045022101${ones}020101`],
    ["34 bytes", `304602220000${ones}020101`],
    ["r reaches past the end", "3006020501020102"],
    ["s reaches past the end", "3006020101020202"],
    ["long form of an integer's length", "300702810101020102"],
  ] as const) {
    assert.is(crypto.signatureFromDer(hex(der)), undefined, why);
  }
});

test("the decoder of signatures re-encodes to the same bytes whatever it accepts", () => {
  let accepted = 0;
  for (let round = 0; round < 3000; round++) {
    const integers = [random.bytes(32), random.bytes(32)];
    for (const integer of integers) integer.fill(0, 0, random.below(33));
    const der = crypto.signatureToDer(new Uint8Array([...integers.flatMap((i) => [...i])]));
    for (let changes = random.below(3); changes > 0; changes--)
      der[random.below(round % 2 ? 6 : der.length)] = random.below(256);
    const raw = crypto.signatureFromDer(der);
    if (!raw) continue;
    accepted++;
    assert.is(toHex(crypto.signatureToDer(raw)), toHex(der));
  }
  assert.ok(accepted > 500);
});

test("the generator gives out a key stream of which nothing can be had again", () => {
  const served = countingSource();
  let asked = 0;
  const own = new CryptoModule(
    inV8((length) => {
      asked++;
      return served(length);
    }),
  );
  const drbg = Number(own.home.call("newDrbg"));
  const fill = (length: number) =>
    own.checkedOutput(length, (out) => own.home.call("drbgFill", drbg, out, length));
  assert.is(asked, 0, "seeded when first needed");
  const outputs = [0, 1, 63, 64, 65, 1000].map((length) => fill(length));
  assert.is(asked, 1);
  for (const output of outputs) assert.ok(output);
  const seen = new Set(outputs.slice(2).map((bytes) => toHex(bytes?.subarray(0, 32))));
  assert.is(seen.size, 4);
  // The same seed gives the same bytes; a fresh one, others.
  const again = new CryptoModule(inV8(countingSource()));
  const twin = Number(again.home.call("newDrbg"));
  for (const output of outputs) {
    const length = output?.length ?? 0;
    assert.equal(
      again.checkedOutput(length, (out) => again.home.call("drbgFill", twin, out, length)),
      output,
    );
  }
  own.home.call("drbgSeed", drbg);
  assert.is(asked, 2);
  for (let request = 0; request < 4096; request++) fill(1);
  assert.is(asked, 2);
  fill(1);
  assert.is(asked, 3, "seeded again after 4096 requests");
  own.home.call("drbgWipe", drbg);
  fill(1);
  assert.is(asked, 4, "seeded again after wiping");
});

test("where the platform has no random bytes, none are given out, and no key is made", () => {
  const broken = new CryptoModule(
    inV8(() => {
      throw new Error("no source");
    }),
  );
  const drbg = Number(broken.home.call("newDrbg"));
  assert.is(broken.home.call("drbgSeed", drbg), 0);
  const output = broken.output(32, (out) =>
    assert.is(broken.home.call("drbgFill", drbg, out, 32), 0),
  );
  assert.ok(output.every((byte) => byte === 0xaa));
  broken.output(32, (out) => assert.is(broken.home.call("p256GeneratePrivateKey", out, drbg), 0));
});

test("generated private keys are in range, and differ", () => {
  const drbg = Number(home.call("newDrbg"));
  const keys = new Set<string | undefined>();
  for (let round = 0; round < 50; round++) {
    const key = crypto.checkedOutput(32, (out) => home.call("p256GeneratePrivateKey", out, drbg));
    assert.ok(key && crypto.p256PublicKey(key));
    keys.add(toHex(key));
  }
  assert.is(keys.size, 50);
});

test.run();
