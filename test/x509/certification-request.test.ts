// PKCS#10 requests for the key of an isolate: as OpenSSL and the proxy attestation server read them.
import { spawnSync } from "node:child_process";
import { createPublicKey } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { TlsConfig } from "../../host/session-manager/engine.js";
import { loadTlsEngine } from "../../host/session-manager/load.js";
import { readCsr } from "../../host/x509/csr.js";
import { toPem } from "../../host/x509/pem.js";
import { hasCommand } from "../session-manager/support/processes.js";
import { skip } from "../support/shared.js";
import { certificate, newKey, scalar } from "./support/certificates.js";

const engine = loadTlsEngine({}, "testing/session-manager");

/** Generates a key pair in the module, and a PKCS#10 request (DER) for it. */
function newRequest(commonName: string, dnsName: string, config = engine.configure()): Uint8Array {
  assert.is(engine.call("generateIdentity", config.handle), 1);
  return requestOf(config, commonName, dnsName);
}

/** A PKCS#10 request (DER) for a configuration's key. */
function requestOf(config: TlsConfig, commonName: string, dnsName: string): Uint8Array {
  const [name, dns] = [Buffer.from(commonName), Buffer.from(dnsName)];
  const capacity = 512 + name.length + dns.length;
  const out = engine.call("allocate", capacity);
  const at = engine.call("allocate", name.length + dns.length);
  engine.store(at, Buffer.concat([name, dns]));
  const texts = [at, name.length, at + name.length, dns.length];
  const length = engine.call("createRequest", config.handle, out, capacity, ...texts);
  assert.ok(length > 0);
  const request = engine.read(out, length);
  engine.call("release", at);
  engine.call("release", out);
  return request;
}

const openssl = (pem: string) =>
  spawnSync("openssl", ["req", "-noout", "-verify", "-subject", "-nameopt", "utf8", "-text"], {
    input: pem,
    encoding: "utf8",
  });

if (!hasCommand("openssl", "version")) skip(1, "the command openssl is missing");
else
  test("OpenSSL verifies the request, and finds subject and name", () => {
    const { status, stdout, stderr } = openssl(
      toPem("CERTIFICATE REQUEST", newRequest("Isolat 7", "ComputeEnclave.dev")),
    );
    assert.is(status, 0, stderr);
    assert.match(stdout, /subject=.*CN ?= ?Isolat 7/);
    assert.match(stdout, /DNS:ComputeEnclave\.dev/);
    assert.match(stdout, /ASN1 OID: prime256v1/);
    assert.match(stdout, /Signature Algorithm: ecdsa-with-SHA256/);
    assert.match(stdout, /Version: 1/);
  });

test("a hundred requests, each for another key, are taken by the proxy attestation server", () => {
  const keys = new Set<string>();
  for (let i = 0; i < 100; i++) {
    const request = readCsr(newRequest("isolate", "ComputeEnclave.dev"));
    assert.ok(request.ok, request.ok ? "" : request.detail);
    if (request.ok) keys.add(Buffer.from(request.subjectPublicKeyInfo).toString("hex"));
  }
  assert.is(keys.size, 100);
});

test("names of any length within the room", () => {
  for (const length of [1, 64, 100, 127, 128, 129, 200, 255, 256, 300]) {
    const request = readCsr(newRequest("n".repeat(length), "d".repeat(length)));
    assert.ok(request.ok, `${length}: ${request.ok ? "" : request.detail}`);
  }
});

test("too little room is said, and nothing is written outside", () => {
  const config = engine.configure();
  const der = newRequest("isolate", "ComputeEnclave.dev", config);
  const out = engine.call("allocate", 1024);
  const name = engine.call("allocate", 7);
  engine.store(name, Buffer.from("isolate"));
  for (let capacity = 0; capacity < der.length - 8; capacity++) {
    engine.store(out, Buffer.alloc(1024, 0xee));
    assert.is(engine.call("createRequest", config.handle, out, capacity, name, 7, name, 7), -1);
    const behind = engine.read(out + capacity, 1024 - capacity);
    assert.ok(
      behind.every((byte) => byte === 0xee),
      `room of ${capacity}`,
    );
    // The name is shorter than the one above: from here on it fits.
    if (capacity > der.length - 20) break;
  }
  assert.ok(engine.call("createRequest", config.handle, out, 1024, name, 7, name, 7) > 0);
});

test("a private key out of range is refused", () => {
  const chain: Buffer[] = [];
  const order = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
  for (const hex of ["00".repeat(32), order, "ff".repeat(32)])
    assert.throws(
      () => engine.configure({ identity: { privateKey: Buffer.from(hex, "hex"), chain } }),
      /private key/,
    );
  assert.throws(() => engine.configure({ identity: { privateKey: Buffer.alloc(31, 1), chain } }));
  engine.configure({ identity: { privateKey: Buffer.alloc(32, 1), chain } });
});

test("a chain that does not fit the key, does not parse, or is too long is refused", () => {
  const key = newKey();
  const identity = (chain: Buffer[]) =>
    engine.configure({ identity: { privateKey: scalar(key), chain } });
  const mine = certificate({ subject: "mine", key });
  const other = certificate({ subject: "other", key: newKey() });
  identity([mine]);
  identity([mine, other, other, other]);
  for (const chain of [
    [other],
    [other, mine],
    [mine.subarray(0, -1)],
    [mine, Buffer.from([5, 0])],
    [mine, Buffer.alloc(1)],
    [mine, other, other, other, other],
    [mine, Buffer.alloc(5000, 0x30)],
  ])
    assert.throws(() => identity(chain), /certificates/);
});

test("the public key in the request is the private key's", () => {
  const key = newKey();
  const config = engine.configure({ identity: { privateKey: scalar(key), chain: [] } });
  const request = readCsr(requestOf(config, "x", "y"));
  assert.ok(request.ok);
  if (request.ok)
    assert.ok(
      createPublicKey({
        key: Buffer.from(request.subjectPublicKeyInfo),
        format: "der",
        type: "spki",
      }).equals(key.publicKey),
    );
});

test.run();
