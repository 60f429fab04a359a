// The key schedule and record protection: the values of RFC 8448 §3 (its certificates are RSA, so the
// messages themselves do not fit this profile), and random inputs against a schedule on Node's crypto.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { wasmPath } from "../../host/common/paths.js";
import { instantiate } from "../../host/session-manager/engine.js";
import { Random } from "../support/random.js";
import { AES, CHACHA, expandLabel, hmac, Protection } from "./support/scripted-peer.js";
import { Content, concat, message, u8, u16 } from "./support/wire.js";

const instance = instantiate(readFileSync(wasmPath("testing/tls-schedule")));
const hex = (text: string): Buffer => Buffer.from(text.replace(/\s/g, ""), "hex");

const place = (bytes: Uint8Array): number => {
  const at = instance.call("allocate", Math.max(bytes.length, 1));
  instance.memory().set(bytes, at);
  return at;
};
const read = (at: number, length: number): Buffer =>
  Buffer.from(instance.memory().subarray(at, at + length));
const secret = (index: number): Buffer => read(instance.call("secret", index), 32);
const finished = (trafficSecret: Buffer, hash: Buffer): Buffer => {
  const out = place(Buffer.alloc(32));
  instance.call("finished", place(trafficSecret), place(hash), out);
  return read(out, 32);
};
const suiteBit = (suite: number): number => (suite === AES ? 2 : 1);

/** RFC 8448 §3, simple 1-RTT handshake: TLS_AES_128_GCM_SHA256, X25519. */
const trace = {
  shared: hex("8bd4054fb55b9d63fdfbacf9f04b9f0d35e6d63f537563efd46272900f89492d"),
  helloHash: hex("860c06edc07858ee8e78f0e7428c58edd6b43f2ca3e6e95f02ed063cf0e1cad8"),
  clientHandshake: hex("b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21"),
  serverHandshake: hex("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38"),
  finishedHash: hex("9608102a0f1ccc6db6250b7b7e417b1a000eaada3daae4777a7686c9ff83df13"),
  clientApplication: hex("9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5"),
  serverApplication: hex("a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643"),
  exporterMaster: hex("fe22f881176eda18eb8f44529e6792c50c9a3f89452f68d8ae311b4309d3cf50"),
  clientFinished: hex("a8ec436d677634ae525ac1fcebe11a039ec17694fac6e98527b642f2edd5ce61"),
};
/** Application data of 50 bytes, 00 to 31, and a close_notify, as each side protects them. */
const records = {
  clientData:
    hex(`17 03 03 00 43 a2 3f 70 54 b6 2c 94 d0 af fa fe 82 28 ba 55 cb ef ac ea 42 f9 14 aa
    66 bc ab 3f 2b 98 19 a8 a5 b4 6b 39 5b d5 4a 9a 20 44 1e 2b 62 97 4e 1f 5a 62 92 a2 97 70 14 bd
    1e 3d ea e6 3a ee bb 21 69 49 15 e4`),
  serverData: hex(`17 03 03 00 43 2e 93 7e 11 ef 4a c7 40 e5 38 ad 36 00 5f c4 a4 69 32 fc 32 25 d0
    5f 82 aa 1b 36 e3 0e fa f9 7d 90 e6 df fc 60 2d cb 50 1a 59 a8 fc c4 9c 4b f2 e5 f0 a2 1c 00 47
    c2 ab f3 32 54 0d d0 32 e1 67 c2 95 5d`),
  serverClose: hex("17 03 03 00 13 b5 8f d6 71 66 eb f5 99 d2 47 20 cf be 7e fa 7a 88 64 a9"),
  clientClose: hex("17 03 03 00 13 c9 87 27 60 65 56 66 b7 4d 7f f1 15 3e fd 6d b6 d0 b0 e3"),
};

test("RFC 8448: the handshake's secrets", () => {
  instance.call("deriveHandshakeSecrets", place(trace.shared), place(trace.helloHash));
  assert.equal(secret(0), trace.clientHandshake);
  assert.equal(secret(1), trace.serverHandshake);
});

test("RFC 8448: the secrets of application data", () => {
  instance.call("deriveHandshakeSecrets", place(trace.shared), place(trace.helloHash));
  instance.call("deriveApplicationSecrets", place(trace.finishedHash));
  assert.equal(secret(2), trace.clientApplication);
  assert.equal(secret(3), trace.serverApplication);
  assert.equal(secret(4), trace.exporterMaster);
});

test("RFC 8448: the client's Finished", () => {
  assert.equal(finished(trace.clientHandshake, trace.finishedHash), trace.clientFinished);
});

for (const [who, traffic, data, close, before] of [
  ["client", trace.clientApplication, records.clientData, records.clientClose, 0],
  // The server's first record is a ticket.
  ["server", trace.serverApplication, records.serverData, records.serverClose, 1],
] as const)
  test(`RFC 8448: application data and close_notify under the ${who}'s keys`, () => {
    instance.call("protect", suiteBit(AES), place(traffic));
    for (let i = 0; i < before; i++) instance.call("seal", place(Buffer.alloc(64)), 10);
    const bytes = concat(Buffer.from(Array.from({ length: 50 }, (_, i) => i)), u8(Content.data));
    for (const [inner, expected] of [
      [bytes, data],
      [Buffer.from([1, 0, Content.alert]), close],
    ] as const) {
      const record = place(concat(expected.subarray(0, 5), inner, Buffer.alloc(16)));
      instance.call("seal", record, inner.length);
      assert.equal(read(record, expected.length), expected);
    }
  });

test("random secrets: the same as Node's cryptography derives", () => {
  const random = new Random(8448);
  for (let run = 0; run < 200; run++) {
    const [shared, hash, later] = [random.bytes(32), random.bytes(32), random.bytes(32)];
    const empty = createHash("sha256").digest();
    const early = hmac(Buffer.alloc(32), Buffer.alloc(32));
    const handshake = hmac(expandLabel(early, "derived", empty, 32), shared);
    const master = hmac(expandLabel(handshake, "derived", empty, 32), Buffer.alloc(32));
    instance.call("deriveHandshakeSecrets", place(shared), place(hash));
    assert.equal(secret(0), expandLabel(handshake, "c hs traffic", hash, 32));
    assert.equal(secret(1), expandLabel(handshake, "s hs traffic", hash, 32));
    const key = expandLabel(secret(1), "finished", Buffer.alloc(0), 32);
    assert.equal(finished(secret(1), later), hmac(key, later));
    instance.call("deriveApplicationSecrets", place(later));
    assert.equal(secret(2), expandLabel(master, "c ap traffic", later, 32));
    assert.equal(secret(3), expandLabel(master, "s ap traffic", later, 32));
    const traffic = place(shared);
    instance.call("update", traffic);
    assert.equal(read(traffic, 32), expandLabel(shared, "traffic upd", Buffer.alloc(0), 32));
  }
});

for (const suite of [CHACHA, AES])
  test(`records of suite 0x${suite.toString(16)}: sealed and opened as by Node, number by number`, () => {
    const random = new Random(suite);
    const traffic = random.bytes(32);
    const node = new Protection(suite, traffic);
    instance.call("protect", suiteBit(suite), place(traffic));
    for (const length of [1, 2, 15, 16, 17, 63, 64, 65, 255, 256, 1000, 16385]) {
      const inner = random.bytes(length);
      const header = concat(u8(23), u16(0x0303), u16(length + 16));
      const record = place(concat(header, inner, Buffer.alloc(16)));
      instance.call("seal", record, length);
      assert.equal(read(record, 5 + length + 16), node.sealInner(inner));
    }
    // The other way: a wrong tag leaves data and number as they were.
    const peer = new Protection(suite, traffic);
    instance.call("protect", suiteBit(suite), place(traffic));
    for (const length of [1, 16, 100, 4000]) {
      const inner = random.bytes(length);
      const sealed = peer.sealInner(inner);
      const wrong = Buffer.from(sealed);
      wrong[wrong.length - 1 - random.below(16)] = 0;
      const at = place(wrong);
      if (!wrong.equals(sealed)) {
        assert.is(instance.call("open", at, length), 0);
        assert.equal(read(at, wrong.length), wrong);
      }
      const good = place(sealed);
      assert.is(instance.call("open", good, length), 1);
      assert.equal(read(good + 5, length), inner);
    }
  });

test("the transcript of a HelloRetryRequest begins with the hash of the first ClientHello", () => {
  const random = new Random(9);
  const [first, second, third] = [random.bytes(200), random.bytes(90), random.bytes(300)];
  const out = place(Buffer.alloc(36));
  const hash = (): Buffer => {
    instance.call("hashTranscript", out);
    return read(out, 32);
  };
  const sha256 = (...parts: Buffer[]): Buffer =>
    createHash("sha256")
      .update(concat(...parts))
      .digest();
  instance.call("resetTranscript");
  assert.equal(hash(), sha256());
  instance.call("addToTranscript", place(first), first.length);
  assert.equal(hash(), sha256(first));
  assert.equal(hash(), sha256(first), "asking changes nothing");
  instance.call("replaceTranscript", out);
  const replaced = message(254, sha256(first));
  for (const [bytes, whole] of [
    [second, [replaced, second]],
    [third, [replaced, second, third]],
  ] as const) {
    instance.call("addToTranscript", place(bytes), bytes.length);
    assert.equal(hash(), sha256(...whole));
  }
});

test.run();
