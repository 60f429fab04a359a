// The key pair that a server makes while it is idle: it serves one handshake, and nothing of it stays.
import { createPrivateKey, createPublicKey } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { handshakeModule } from "../../host/benchmarks/tls/handshake-module.js";
import { Group, Suite } from "../../host/session-manager/engine.js";

const module = handshakeModule();
const memory = () => Buffer.from(module.instance.memory());
const MINUTE = 60_000;

function spare(): { pair: Buffer; privateKey: Buffer; publicKey: Buffer } {
  const at = module.call("spareKeyAt");
  const pair = Buffer.from(memory().subarray(at, at + 64));
  return { pair, privateKey: pair.subarray(0, 32), publicKey: pair.subarray(32) };
}

const isWiped = () => spare().pair.every((byte) => byte === 0);

/** The public key of a private one, by OpenSSL. */
function publicKeyOf(privateKey: Buffer): Buffer {
  const pkcs8 = Buffer.concat([Buffer.from("302e020100300506032b656e04220420", "hex"), privateKey]);
  const key = createPublicKey(createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" }));
  return Buffer.from(key.export({ format: "jwk" }).x ?? "", "base64url");
}

/** A handshake; gives what the server sent first. */
function shakeHands(group: number): Buffer {
  module.call("choose", Suite.ChaCha20Poly1305, group);
  module.call("clientHello");
  module.call("serverFlight");
  const at = module.call("serverOutput");
  const flight = Buffer.from(memory().subarray(at, at + module.call("serverOutputLength")));
  module.call("clientFlight");
  module.call("serverFinish");
  module.expect("finish");
  return flight;
}

for (const [name, group] of [
  ["X25519", Group.x25519],
  ["X25519MLKEM768", Group.x25519mlkem768],
] as const)
  test(`${name}: the pair goes into the next handshake, and into no other`, () => {
    module.call("idle", 0);
    const { privateKey, publicKey } = spare();
    assert.equal(publicKey, publicKeyOf(privateKey));
    assert.ok(shakeHands(group).includes(publicKey));
    assert.ok(isWiped());
    assert.not.ok(memory().includes(privateKey), "the private key stayed in memory");
    // Without one the server makes its own.
    assert.not.ok(shakeHands(group).includes(publicKey));
    module.call("idle", 0);
    assert.not.equal(spare().publicKey, publicKey);
    shakeHands(group);
  });

test("P-256 leaves it in place", () => {
  module.call("idle", 0);
  const { pair } = spare();
  shakeHands(Group.secp256r1);
  assert.equal(spare().pair, pair);
});

test("a pair that nobody needs is wiped after a minute, and none is made until somebody has come", () => {
  module.call("idle", MINUTE);
  assert.not.ok(isWiped());
  module.call("idle", 1);
  assert.ok(isWiped());
  module.call("idle", MINUTE);
  assert.ok(isWiped());
  shakeHands(Group.x25519);
  module.call("idle", 0);
  assert.not.ok(isWiped());
});

test.run();
