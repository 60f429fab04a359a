// Which key exchange a session has, what a policy that requires the hybrid one does to clients that cannot,
// and that everyone says it.
import { once } from "node:events";
import { connect as connectTls } from "node:tls";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ISOLATE_NAME } from "../../host/veracruz-client/isolate-identity.js";
import { connectTunnel } from "../../host/veracruz-client/tunnels.js";
import { KeyExchangeWatch } from "../../host/veracruz-server/key-exchange.js";
import { failure, principal, System } from "../support/system.js";

const HYBRID = "X25519MLKEM768";
const [major = 0, minor = 0] = process.versions.openssl.split(".").map(Number);
const nodeKnowsHybrid = major > 3 || (major === 3 && minor >= 5);

const options = (policy: { key_exchange?: "hybrid-required" }) => ({
  principals: { alice: "p.wasm:w,input-0:w,output:r" },
  programs: { "p.wasm": { module: new Uint8Array(8), rights: "input-0:r,output:w" } },
  policy,
});

/** The exchanges that the server has logged. */
const logged = (system: System) =>
  system.logged("session keys agreed").map(({ keyExchange }) => keyExchange);

/** TLS of Node.js with these groups, straight to the isolate: the error that it ends with, or the group. */
async function rawTls(system: System, groups: string): Promise<string> {
  const { pem, keyPem } = principal("alice");
  const stream = connectTls({
    socket: await connectTunnel(system.address, 60_000),
    servername: ISOLATE_NAME,
    ca: system.attestation.caPem,
    cert: pem,
    key: keyPem,
    minVersion: "TLSv1.3",
    ecdhCurve: groups,
    checkServerIdentity: () => undefined,
  });
  try {
    await once(stream, "secureConnect");
    return String((stream.getEphemeralKeyInfo() as { name?: string }).name ?? HYBRID);
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  } finally {
    stream.destroy();
  }
}

test("a policy that requires hybrid: our client has it, a classical one is turned away", () =>
  System.use(options({ key_exchange: "hybrid-required" }), async (system) => {
    const before = await system.connect("alice");
    assert.is(before.keyExchange, HYBRID);
    for (const group of ["X25519", "prime256v1", "X25519:prime256v1"])
      assert.match(await rawTls(system, group), /ALERT_HANDSHAKE_FAILURE/, group);
    if (nodeKnowsHybrid) {
      const node = await system.connect("alice", { tls: "node" });
      assert.is(node.keyExchange, HYBRID);
      await node.close();
    } else {
      const error = await failure(system.connect("alice", { tls: "node" }));
      assert.match(
        error.message,
        /^the policy requires X25519MLKEM768, which the TLS of this Node\.js \(OpenSSL 3\.\d+\.\d+\S*\) does not know; expected --tls own, or OpenSSL 3\.5$/,
      );
      assert.is((error as { kind?: string }).kind, "usage");
    }
    // The session that was there goes on.
    assert.is((await before.policyHash()).length, 32);
    await before.close();
    assert.ok(logged(system).every((name) => name === HYBRID));
    assert.ok(logged(system).length >= 1);
  }));

test("a policy without a word on it: hybrid with who can, classical with others, both in the log", () =>
  System.use(options({}), async (system) => {
    const own = await system.connect("alice");
    assert.is(own.keyExchange, HYBRID);
    const node = await system.connect("alice", { tls: "node" });
    assert.is(node.keyExchange, nodeKnowsHybrid ? HYBRID : "X25519");
    await node.close();
    assert.is(await rawTls(system, "prime256v1"), "prime256v1");
    // The server supports P-384 not: HelloRetryRequest, and only the second ServerHello counts.
    assert.is(await rawTls(system, "P-384:X25519"), "X25519");
    assert.equal(logged(system), [HYBRID, node.keyExchange, "secp256r1", "X25519"]);
    await own.close();
  }));

test("the server takes the bytes before a ServerHello as they come, and gives up on others", () => {
  const extension = (type: number, ...bytes: number[]) => [0, type, 0, bytes.length, ...bytes];
  const hello = (random: string, group: number) => {
    const extensions = [
      ...extension(43, 3, 4),
      ...extension(51, group >> 8, group & 0xff, 0, 2, 7, 7),
    ];
    const body = [
      ...[3, 3, ...Buffer.from(random, "hex"), ...new Array(32 - random.length / 2).fill(0)],
      ...[3, 1, 2, 3, 0x13, 0x03, 0, 0, extensions.length, ...extensions],
    ];
    return [2, 0, 0, body.length, ...body];
  };
  const record = (type: number, bytes: number[]) => [type, 3, 3, 0, bytes.length, ...bytes];
  const seen = (stream: number[], step: number) => {
    const watch = new KeyExchangeWatch();
    const found: string[] = [];
    for (let at = 0; at < stream.length; at += step) {
      const name = watch.take(Buffer.from(stream.slice(at, at + step)));
      if (name !== undefined) found.push(name);
    }
    return found;
  };
  const retry = record(22, hello("cf21ad74e59a61119999", 0x11ec));
  const changed = record(20, [1]);
  const random = "aa".repeat(32);
  for (const step of [1, 7, 1000]) {
    for (const [group, name] of [
      [0x11ec, HYBRID],
      [0x1d, "X25519"],
      [0x17, "secp256r1"],
      [0x6399, "group 0x6399"],
    ] as const) {
      const whole = hello(random, group);
      const halves = [...record(22, whole.slice(0, 50)), ...record(22, whole.slice(50))];
      assert.equal(seen([...record(22, whole), ...record(23, [9])], step), [name]);
      assert.equal(seen([...retry, ...changed, ...halves, ...halves], step), [name]);
    }
    assert.equal(seen([...retry, ...changed], step), []);
    assert.equal(seen(record(21, [2, 40]), step), []);
    assert.equal(seen(record(22, hello(random, 0x1d).slice(0, 60)), step), []);
    assert.equal(seen(new Array(9000).fill(22), step), []);
    assert.equal(seen(record(22, [2, 0, 0, 4, 1, 2, 3, 4]), step), []);
  }
});

test.run();
