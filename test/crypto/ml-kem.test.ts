// ML-KEM-768 and SHA-3 against @noble's, bit for bit, and what no comparison of whole results shows: every
// coefficient's rounding, refusals of every kind, and that nothing is divided.
import { readFileSync } from "node:fs";
import { sha3_256, sha3_512, shake128, shake256 } from "@noble/hashes/sha3.js";
import { ml_kem768 } from "@noble/post-quantum/ml-kem.js";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { wasmPath } from "../../host/common/paths.js";
import { CryptoModule, inV8, inWasm3, RandomInputs, same, toHex } from "./support.js";

const random = new RandomInputs();
const q = 3329;
const v8 = new CryptoModule(inV8());

for (const [crypto, rounds] of [
  [v8, 1000],
  [new CryptoModule(inWasm3()), 20],
] as const) {
  const against = (title: string, body: () => void) =>
    test(`${title} agrees with @noble, ${crypto.home.name}`, body);

  against("SHA-3 and SHAKE of every length around the rates", () => {
    const step = rounds < 1000 ? 29 : 1;
    for (let length = 0; length <= 3 * 168 + 1; length += step) {
      const data = random.bytes(length);
      assert.equal(crypto.sha3("sha3_256", data, 32), sha3_256(data), `SHA3-256 of ${length}`);
      assert.equal(crypto.sha3("sha3_512", data, 64), sha3_512(data), `SHA3-512 of ${length}`);
      for (const [name, theirs] of [
        ["shake128", shake128],
        ["shake256", shake256],
      ] as const) {
        // Outputs of every length as well; the data's length runs the other way.
        const outputLength = 3 * 168 + 1 - length;
        assert.equal(
          crypto.sha3(name, data, outputLength),
          theirs(data, { dkLen: outputLength }),
          `${name} of ${length}, ${outputLength} bytes`,
        );
      }
    }
  });

  against("ML-KEM-768, all three operations and implicit rejection,", () => {
    for (let round = 0; round < rounds; round++) {
      const seed = random.bytes(64);
      const message = random.bytes(32);
      if (round < 4) (round & 1 ? message : seed).fill(round < 2 ? 0 : 0xff);
      const theirs = ml_kem768.keygen(seed);
      const { pair, publicKey } = crypto.mlKemGenerate(seed);
      assert.ok(same(publicKey, theirs.publicKey), `key of seed ${toHex(seed)}`);
      const encapsulated = ml_kem768.encapsulate(publicKey, message);
      const ours = crypto.mlKemEncapsulate(publicKey, message);
      const context = `seed ${toHex(seed)}, message ${toHex(message)}`;
      assert.ok(ours && same(ours.cipherText, encapsulated.cipherText), context);
      assert.ok(same(ours.sharedSecret, encapsulated.sharedSecret), context);
      assert.ok(same(crypto.mlKemDecapsulate(pair, ours.cipherText), ours.sharedSecret), context);

      const wrong = ours.cipherText.slice();
      if (round % 3 === 0) wrong.set(random.bytes(1088));
      else (wrong[random.below(1088)] as number) ^= 1 << random.below(8);
      const rejected = crypto.mlKemDecapsulate(pair, wrong);
      assert.ok(same(rejected, ml_kem768.decapsulate(wrong, theirs.secretKey)), context);
      assert.not(same(rejected, ours.sharedSecret));
    }
  });
}

test("a ciphertext that is wrong anywhere is rejected implicitly, as @noble does", () => {
  const seed = random.bytes(64);
  const theirs = ml_kem768.keygen(seed);
  const { pair, publicKey } = v8.mlKemGenerate(seed);
  const right = v8.mlKemEncapsulate(publicKey, random.bytes(32));
  assert.ok(right);
  const wrong: Uint8Array[] = [new Uint8Array(1088), new Uint8Array(1088).fill(0xff)];
  for (let at = 0; at < 1088; at++) {
    const changed = right.cipherText.slice();
    (changed[at] as number) ^= 1 << (at & 7);
    wrong.push(changed);
  }
  const other = v8.mlKemGenerate(random.bytes(64)).publicKey;
  wrong.push(v8.mlKemEncapsulate(other, random.bytes(32))?.cipherText ?? new Uint8Array());
  const secrets = new Set<string | undefined>();
  for (const ciphertext of wrong) {
    const secret = v8.mlKemDecapsulate(pair, ciphertext);
    assert.ok(same(secret, ml_kem768.decapsulate(ciphertext, theirs.secretKey)));
    secrets.add(toHex(secret));
  }
  assert.is(secrets.size, wrong.length, "each has a secret of its own");
  assert.not(secrets.has(toHex(right.sharedSecret)));
});

test("an encapsulation key with any coefficient of q or more is refused, as @noble does", () => {
  const { publicKey } = v8.mlKemGenerate(random.bytes(64));
  const message = random.bytes(32);
  const withCoefficient = (i: number, value: number) => {
    const key = publicKey.slice();
    const at = (i >> 1) * 3;
    const bytes = key.subarray(at, at + 3) as unknown as [number, number, number];
    if (i & 1) {
      bytes[1] = (bytes[1] & 0x0f) | ((value & 0xf) << 4);
      bytes[2] = value >> 4;
    } else {
      bytes[0] = value & 0xff;
      bytes[1] = (bytes[1] & 0xf0) | (value >> 8);
    }
    return key;
  };
  for (let i = 0; i < 768; i++) {
    const tooLarge = withCoefficient(i, i % 3 === 0 ? 4095 : q + (i % 3) - 1);
    assert.is(v8.mlKemEncapsulate(tooLarge, message), undefined, `coefficient ${i}`);
    const largest = v8.mlKemEncapsulate(withCoefficient(i, q - 1), message);
    assert.ok(largest, `coefficient ${i} of q - 1`);
    if (i % 16 !== 0) continue;
    assert.throws(() => ml_kem768.encapsulate(tooLarge, message));
    assert.equal(
      largest.cipherText,
      ml_kem768.encapsulate(withCoefficient(i, q - 1), message).cipherText,
    );
  }
  assert.is(v8.mlKemEncapsulate(new Uint8Array(1184).fill(0xff), message), undefined);
  // All of the seed of the matrix is free.
  const anySeed = publicKey.slice();
  anySeed.fill(0xff, 1152);
  assert.ok(v8.mlKemEncapsulate(anySeed, message));
});

/** Calls a function of polynomials on 256 values of 32 bits, and gives what became of them. */
function onSum(values: readonly number[], name: string, ...args: number[]): number[] {
  const padded = Int32Array.from({ length: 256 }, (_, i) => values[i] ?? 0);
  return v8.with([new Uint8Array(padded.buffer)], (f) => {
    v8.home.call(name, f, ...args);
    return [...new Int32Array(v8.home.read(f, 1024).buffer)].slice(0, values.length);
  });
}

test("compression rounds each coefficient of its range as FIPS 203 says", () => {
  const modulo = (x: number, m: number) => ((x % m) + m) % m;
  for (const [d, least, most] of [
    [10, -1664, 1664],
    [4, -q + 1, 2 * q - 1],
    [1, -q + 1, 2 * q - 1],
  ] as const) {
    for (let first = least; first <= most; first += 256) {
      const values = Array.from({ length: Math.min(256, most - first + 1) }, (_, i) => first + i);
      assert.equal(
        onSum(values, "mlKemCompress", d),
        // Half up: 2^d x / q is never half of an odd number.
        values.map((x) => Math.floor((2 ** (d + 1) * modulo(x, q) + q) / (2 * q)) % 2 ** d),
        `d = ${d} from ${first}`,
      );
    }
  }
});

test("reduction is right to the ends of its range", () => {
  const least = -7 * 65536 * q;
  const values = [least, least + 1, -q, -q + 1, -1, 0, 1, q - 1, q, q + 1, 2 ** 31 - 1];
  while (values.length < 256) values.push(random.below(2 ** 31) - (random.below(2) ? 0 : -least));
  const inRange = values.map((x) => Math.max(x, least));
  assert.equal(
    onSum(inRange, "mlKemReduceSum"),
    inRange.map((x) => ((x % q) + q) % q),
  );
});

test("the transforms multiply as plain polynomial multiplication does, with extreme coefficients", () => {
  const largest = (value: number) => Array.from({ length: 256 }, () => value);
  const any = (bound: number) => Array.from({ length: 256 }, () => random.below(bound));
  for (const [a, b] of [
    [largest(q - 1), largest(2)],
    [largest(q - 1), largest(-2)],
    [any(q), largest(2)],
    [any(q), any(5).map((x) => x - 2)],
    [any(q), largest(0).map((_, i) => (i === 255 ? -2 : 0))],
  ] as const) {
    // Modulo X^256 + 1.
    const expected = new Array<number>(256).fill(0);
    for (const [i, x] of a.entries())
      for (const [j, y] of b.entries())
        (expected[(i + j) % 256] as number) += (i + j < 256 ? 1 : -1) * x * y;
    const bytes = (f: readonly number[]) => new Uint8Array(Int16Array.from(f).buffer);
    v8.with([bytes(a), bytes(b), new Uint8Array(1024)], (f, g, product) => {
      for (const each of [f, g]) v8.home.call("mlKemNtt", each);
      v8.home.call("mlKemMultiplyAdd", product, f, g);
      v8.home.call("mlKemInverseNtt", product);
      const got = [...new Int32Array(v8.home.read(product, 1024).buffer)];
      assert.ok(got.every((x) => Math.abs(x) <= q / 2));
      assert.equal(
        got.map((x) => (x + q) % q),
        expected.map((x) => ((x % q) + q) % q),
      );
    });
  }
});

test("nothing is divided (KyberSlash): no primitive has an instruction of division", () => {
  /** The functions of a module's text that divide. */
  const dividing = (module: string) =>
    readFileSync(wasmPath(module).replace(/\.wasm$/, ".wat"), "utf8")
      .split(/^ \(func \$/m)
      .slice(1)
      .filter((text) => /\bi(32|64)\.(div|rem)_[su]\b/.test(text))
      .map((text) => text.split(/\s/, 1)[0] as string);
  const dividers = [
    // The number of a bit by the bits of a limb: the loop's counter.
    "assembly/crypto/p256-point/bitAt",
    // Tables of public keys, for verification.
    "assembly/crypto/p256-key-table/makeKeyTable",
    "assembly/crypto/p256-key-table/multiplyByTable",
    // How many records some bytes take.
    "assembly/session-manager/session/TlsSession#write",
  ];
  // The primitives alone, and as they ship: there a primitive may be part of what calls it.
  for (const module of ["testing/crypto", "runtime", "session-manager", "client"]) {
    const found = dividing(module).filter((name) =>
      /^assembly\/(crypto|session-manager)\//.test(name),
    );
    const expected = dividers.filter(
      (name) => module !== "testing/crypto" || name.startsWith("assembly/crypto/"),
    );
    assert.equal(found.sort(), expected.sort(), module);
  }
  assert.ok(dividing("testing/bench-kernels").length > 0, "where there is one, it is found");
});

test.run();
