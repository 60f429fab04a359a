// Answers printed in the standards themselves, in V8 and in wasm3.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type AeadName, CryptoModule, hex, inV8, inWasm3, toHex, utf8 } from "./support.js";

const nothing = new Uint8Array();
const repeat = (byte: number, length: number) => new Uint8Array(length).fill(byte);
const range = (first: number, length: number) =>
  Uint8Array.from({ length }, (_, i) => (first + i) & 0xff);

for (const home of [inV8(), inWasm3()]) {
  const crypto = new CryptoModule(home);
  const known = (title: string, body: () => void) => test(`${title}, ${home.name}`, body);

  known("SHA-256: FIPS 180-4's examples", () => {
    for (const [message, digest] of [
      ["", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
      ["abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
      [
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
      ],
    ] as const) {
      assert.is(toHex(crypto.sha256(utf8(message))), digest);
    }
    const thousand = repeat(0x61, 1000);
    assert.is(
      toHex(crypto.sha256Pieces(Array.from({ length: 1000 }, () => thousand))),
      "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
    );
  });

  known("HMAC-SHA-256: RFC 4231", () => {
    const largeKey = repeat(0xaa, 131);
    for (const [key, data, tag] of [
      [
        repeat(0x0b, 20),
        utf8("Hi There"),
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
      ],
      [
        utf8("Jefe"),
        utf8("what do ya want for nothing?"),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
      ],
      [
        repeat(0xaa, 20),
        repeat(0xdd, 50),
        "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
      ],
      [
        largeKey,
        utf8("Test Using Larger Than Block-Size Key - Hash Key First"),
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
      ],
      [
        largeKey,
        utf8(
          "This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.",
        ),
        "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
      ],
    ] as const) {
      assert.is(toHex(crypto.hmac(key, data)), tag);
    }
  });

  known("HKDF: RFC 5869 A.1 and A.3", () => {
    const ikm = repeat(0x0b, 22);
    const prk = crypto.hkdfExtract(range(0, 13), ikm);
    assert.is(toHex(prk), "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
    assert.is(
      toHex(crypto.hkdfExpand(prk, range(0xf0, 10), 42)),
      "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
    );
    const unsalted = crypto.hkdfExtract(nothing, ikm);
    assert.is(
      toHex(crypto.hkdfExpand(unsalted, nothing, 42)),
      "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
    );
  });

  known("TLS 1.3 key schedule: the trace of RFC 8448 §3", () => {
    const clientPrivate = hex("49af42ba7f7994852d713ef2784bcbcaa7911de26adc5642cb634540e7ea5005");
    const serverPrivate = hex("b1580eeadf6dd589b8ef4f2d5652578cc810e9980191ec8d058308cea216a21e");
    const clientPublic = crypto.x25519PublicKey(clientPrivate);
    const serverPublic = crypto.x25519PublicKey(serverPrivate);
    assert.is(
      toHex(clientPublic),
      "99381de560e4bd43d23d8e435a7dbafeb3c06e51c13cae4d5413691e529aaf2c",
    );
    assert.is(
      toHex(serverPublic),
      "c9828876112095fe66762bdbf7c672e156d6cc253b833df1dd69b1b04e751f0f",
    );
    const shared = crypto.x25519(clientPrivate, serverPublic) ?? nothing;
    assert.is(toHex(shared), "8bd4054fb55b9d63fdfbacf9f04b9f0d35e6d63f537563efd46272900f89492d");
    assert.equal(shared, crypto.x25519(serverPrivate, clientPublic));

    const emptyHash = crypto.sha256(nothing);
    const zeros = new Uint8Array(32);
    const early = crypto.hkdfExtract(nothing, zeros);
    assert.is(toHex(early), "33ad0a1c607ec03b09e6cd9893680ce210adf300aa1f2660e1b22e10f170f92a");
    const forHandshake = crypto.hkdfExpandLabel(early, "derived", emptyHash, 32);
    assert.is(
      toHex(forHandshake),
      "6f2615a108c702c5678f54fc9dbab69716c076189c48250cebeac3576c3611ba",
    );
    const handshake = crypto.hkdfExtract(forHandshake, shared);
    assert.is(toHex(handshake), "1dc826e93606aa6fdc0aadc12f741b01046aa6b99f691ed221a9f0ca043fbeac");
    const forMaster = crypto.hkdfExpandLabel(handshake, "derived", emptyHash, 32);
    const master = crypto.hkdfExtract(forMaster, zeros);
    assert.is(toHex(master), "18df06843d13a08bf2a449844c5f8a478001bc4d4c627984d5a41da8d0402919");

    const serverTraffic = hex("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38");
    assert.is(
      toHex(crypto.hkdfExpandLabel(serverTraffic, "key", nothing, 16)),
      "3fce516009c21727d0f2e4e86ee403bc",
    );
    assert.is(
      toHex(crypto.hkdfExpandLabel(serverTraffic, "iv", nothing, 12)),
      "5d313eb2671276ee13000b30",
    );
  });

  const aeadKnown = (
    name: AeadName,
    source: string,
    answer: { key: string; nonce: string; aad: string; plaintext: string; sealed: string },
  ) =>
    known(`${name}: ${source}`, () => {
      const [key, nonce, aad] = [hex(answer.key), hex(answer.nonce), hex(answer.aad)];
      const record = crypto.seal(name, key, nonce, aad, hex(answer.plaintext));
      assert.is(toHex(record), answer.sealed);
      assert.is(toHex(crypto.open(name, key, nonce, aad, record)), answer.plaintext);
    });

  aeadKnown("ChaCha20Poly1305", "RFC 8439 §2.8.2", {
    key: "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
    nonce: "070000004041424344454647",
    aad: "50515253c0c1c2c3c4c5c6c7",
    plaintext: toHex(
      utf8(
        "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
      ),
    ) as string,
    sealed:
      "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6" +
      "3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36" +
      "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc" +
      "3ff4def08e4b7a9de576d26586cec64b6116" +
      "1ae10b594f09e26a7e902ecbd0600691",
  });
  const zeros = { key: "00".repeat(16), nonce: "00".repeat(12), aad: "" };
  aeadKnown("Aes128Gcm", "test case 1 of the GCM specification", {
    ...zeros,
    plaintext: "",
    sealed: "58e2fccefa7e3061367f1d57a4e7455a",
  });
  aeadKnown("Aes128Gcm", "test case 2", {
    ...zeros,
    plaintext: "00".repeat(16),
    sealed: "0388dace60b6a392f328c2b971b2fe78ab6e47d42cec13bdf53a67b21257bddf",
  });
  aeadKnown("Aes128Gcm", "test case 4", {
    key: "feffe9928665731c6d6a8f9467308308",
    nonce: "cafebabefacedbaddecaf888",
    aad: "feedfacedeadbeeffeedfacedeadbeefabaddad2",
    plaintext:
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72" +
      "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
    sealed:
      "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e" +
      "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091" +
      "5bc94fbc3221a5db94fae95ae7121a47",
  });

  known("X25519: RFC 7748 §5.2", () => {
    for (const [scalar, u, result] of [
      [
        "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
        "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
        "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
      ],
      [
        "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
        "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
        "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
      ],
    ] as const) {
      assert.is(toHex(crypto.x25519(hex(scalar), hex(u))), result);
    }
    let k = hex("0900000000000000000000000000000000000000000000000000000000000000");
    let u = k;
    const turns = home.name === "V8" ? 1000 : 1;
    for (let turn = 0; turn < turns; turn++) [k, u] = [crypto.x25519(k, u) ?? nothing, k];
    assert.is(
      toHex(k),
      turns === 1000
        ? "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51"
        : "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079",
    );
  });

  known("ECDH over P-256: RFC 5903 §8.1", () => {
    const i = hex("c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433");
    const r = hex("c6ef9c5d78ae012a011164acb397ce2088685d8f06bf9be0b283ab46476bee53");
    const gi = crypto.p256PublicKey(i) ?? nothing;
    const gr = crypto.p256PublicKey(r) ?? nothing;
    assert.is(
      toHex(gi.subarray(1, 33)),
      "dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c3772581180",
    );
    const shared = "d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de";
    assert.is(toHex(crypto.p256Ecdh(i, gr)), shared);
    assert.is(toHex(crypto.p256Ecdh(r, gi)), shared);
  });

  known("ECDSA over P-256: RFC 6979 A.2.5, with nothing fresh", () => {
    const key = hex("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721");
    const publicKey = crypto.p256PublicKey(key) ?? nothing;
    assert.is(
      toHex(publicKey),
      "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6" +
        "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299",
    );
    for (const [message, expected] of [
      [
        "sample",
        "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716" +
          "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
      ],
      [
        "test",
        "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367" +
          "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083",
      ],
    ] as const) {
      const digest = crypto.sha256(utf8(message));
      assert.is(toHex(crypto.p256Sign(key, digest, nothing)), expected);
      // The first of these has its s in the upper half of the range.
      assert.ok(crypto.p256Verify(hex(expected), digest, publicKey));
    }
  });
}

test.run();
