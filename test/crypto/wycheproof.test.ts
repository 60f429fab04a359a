// Every test of every Wycheproof file that the primitives cover, in V8, and a sample of them in wasm3.
import { readFileSync } from "node:fs";
import { sha256 } from "@noble/hashes/sha2.js";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { hasShared, sharedPath, skip } from "../support/shared.js";
import { type AeadName, CryptoModule, hex, inV8, inWasm3, same } from "./support.js";

interface Case {
  readonly tcId: number;
  readonly comment: string;
  readonly flags: readonly string[];
  readonly result: "valid" | "invalid" | "acceptable";
  /** The fields of the file's own schema, hexadecimal, `size` excepted. */
  readonly [field: string]: unknown;
}

interface Group {
  readonly tests: readonly Case[];
  readonly [field: string]: unknown;
}

const field = (object: Case | Group, name: string): Uint8Array => hex(object[name] as string);

/**
 * What is wrong with how the module answers a test; undefined when nothing is. `null` when the test asks
 * for what the primitive is not made for.
 */
type Check = (crypto: CryptoModule, test: Case, group: Group) => string | null | undefined;

function expectBytes(actual: Uint8Array | undefined, test: Case, name: string): string | undefined {
  const matches = actual !== undefined && same(actual, field(test, name));
  if (matches === (test.result !== "invalid")) return undefined;
  return matches ? "was accepted" : "was refused, or came out wrong";
}

const aead =
  (name: AeadName): Check =>
  (crypto, test, group) => {
    // The interface takes nonces of 12 bytes and tags of 16, and each AEAD keys of one length.
    const keyLength = name === "Aes128Gcm" ? 128 : 256;
    if (group.ivSize !== 96 || group.tagSize !== 128 || group.keySize !== keyLength) return null;
    const [key, nonce, aad] = [field(test, "key"), field(test, "iv"), field(test, "aad")];
    const sealed = new Uint8Array([...field(test, "ct"), ...field(test, "tag")]);
    const wrong = expectBytes(crypto.open(name, key, nonce, aad, sealed), test, "msg");
    if (wrong !== undefined || test.result === "invalid") return wrong;
    const again = crypto.seal(name, key, nonce, aad, field(test, "msg"));
    return same(again, sealed) ? undefined : "sealing gave another record";
  };

const files: Readonly<Record<string, { tests: number; check: Check }>> = {
  aes_gcm_test: { tests: 316, check: aead("Aes128Gcm") },
  chacha20_poly1305_test: { tests: 325, check: aead("ChaCha20Poly1305") },
  ecdh_secp256r1_ecpoint_test: {
    tests: 355,
    check(crypto, test) {
      const peer = field(test, "public");
      // Only uncompressed points are taken: TLS 1.3 has no others (RFC 8446 §4.2.8.2). The caller
      // checks the length; a shorter key is refused before it comes here.
      if (peer.length !== 65) return test.result === "valid" ? null : undefined;
      return expectBytes(crypto.p256Ecdh(scalar(field(test, "private")), peer), test, "shared");
    },
  },
  ecdsa_secp256r1_sha256_test: {
    tests: 484,
    check(crypto, test, group) {
      const key = hex((group.publicKey as { uncompressed: string }).uncompressed);
      const raw = crypto.signatureFromDer(field(test, "sig"));
      const verified = raw !== undefined && crypto.p256Verify(raw, sha256(field(test, "msg")), key);
      if (verified === (test.result !== "invalid")) return undefined;
      return verified ? "was accepted" : "was refused";
    },
  },
  hkdf_sha256_test: {
    tests: 86,
    check(crypto, test) {
      const size = test.size as number;
      // The invalid ones ask for more than 255 blocks: nothing is stored then.
      const prk = crypto.hkdfExtract(field(test, "salt"), field(test, "ikm"));
      const okm = crypto.hkdfExpand(prk, field(test, "info"), size);
      if (test.result === "invalid")
        return okm.every((byte) => byte === 0xaa) ? undefined : "something was stored";
      return expectBytes(okm, test, "okm");
    },
  },
  hmac_sha256_test: {
    tests: 174,
    check(crypto, test, group) {
      // A truncated tag is the beginning of the whole one.
      const length = (group.tagSize as number) / 8;
      const tag = crypto.hmac(field(test, "key"), field(test, "msg")).subarray(0, length);
      return expectBytes(tag, test, "tag");
    },
  },
  x25519_test: {
    tests: 518,
    check(crypto, test) {
      const [scalar, u] = [field(test, "private"), field(test, "public")];
      const result = crypto.x25519(scalar, u);
      // A result of zero, which RFC 7748 §6.1 lets a caller refuse, is told by `false`.
      const zero = (test.flags as string[]).includes("ZeroSharedSecret");
      if (zero) return result === undefined ? undefined : "zero was not told";
      return expectBytes(result, test, "shared");
    },
  },
};

/** The files' private keys are integers of any length; the interface takes 32 bytes. */
function scalar(integer: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(32);
  const significant = integer.subarray(Math.max(0, integer.length - 32));
  assert.ok(integer.subarray(0, integer.length - significant.length).every((byte) => byte === 0));
  bytes.set(significant, 32 - significant.length);
  return bytes;
}

/** One test in so many is done in wasm3, which is some twenty times slower. */
const everySo = 5;
const v8 = new CryptoModule(inV8());
const wasm3 = new CryptoModule(inWasm3());

for (const [name, { tests, check }] of Object.entries(files)) {
  const path = sharedPath("vectors", "wycheproof", `${name}.json`);
  if (!hasShared("vectors", "wycheproof", `${name}.json`)) {
    skip(tests, `Wycheproof's ${name}.json is not there (${path})`);
    continue;
  }
  const { numberOfTests, testGroups } = JSON.parse(readFileSync(path, "utf8")) as {
    numberOfTests: number;
    testGroups: Group[];
  };
  for (const crypto of [v8, wasm3]) {
    test(`Wycheproof ${name}, ${crypto === v8 ? "all" : "a sample"} in ${crypto.home.name}`, () => {
      const wrong: string[] = [];
      let checked = 0;
      let outside = 0;
      let number = 0;
      for (const group of testGroups) {
        for (const test of group.tests) {
          if (crypto === wasm3 && number++ % everySo !== 0) continue;
          const verdict = check(crypto, test, group);
          if (verdict === null) outside++;
          else checked++;
          if (verdict) wrong.push(`${test.tcId} (${test.result}, ${test.comment}): ${verdict}`);
        }
      }
      assert.equal(wrong, []);
      if (crypto === v8) assert.is(checked + outside, numberOfTests);
      assert.ok(checked > 0);
      if (outside > 0 && crypto === v8)
        console.log(
          `${name}: ${outside} of ${numberOfTests} are for other key, nonce or tag sizes`,
        );
    });
  }
}

test.run();
