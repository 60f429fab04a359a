// The token module (assembly/psa-attestation) in V8 and in wasm3, and the software root of trust around it.
import { execFile } from "node:child_process";
import { createHash, createPublicKey, generateKeyPairSync } from "node:crypto";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot, wasmPath } from "../../host/common/paths.js";
import { readClaims } from "../../host/psa-attestation/claims.js";
import { parseSign1 } from "../../host/psa-attestation/cose.js";
import {
  type Certification,
  certificationNonce,
  enrolmentNonce,
  reattestationNonce,
} from "../../host/psa-attestation/nonces.js";
import { spkiOf } from "../../host/psa-attestation/p256.js";
import { PsaError } from "../../host/psa-attestation/psa-error.js";
import {
  SOFTWARE_IMPLEMENTATION_ID,
  SoftwareRootOfTrust,
} from "../../host/psa-attestation/root-of-trust.js";
import { TokenModule } from "../../host/psa-attestation/token-module.js";
import { readToken, verifyToken } from "../../host/psa-attestation/verifier.js";
import { tlv } from "../proxy-attestation-server/support.js";
import { aliasClaims, certificate } from "./aliases.js";
import { cbor, claimsFor, Entries, fill, newDevice } from "./tokens.js";

const folder = mkdtempSync(join(tmpdir(), "vc-rot-test-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

const bytes = readFileSync(wasmPath("attestation"));
const INVALID_ARGUMENT = -135;
const BAD_STATE = -137;
const TOO_SMALL = -138;
const INSUFFICIENT_STORAGE = -142;

const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const scalar = new Uint8Array(
  Buffer.from(privateKey.export({ format: "jwk" }).d as string, "base64url"),
);
const point = new Uint8Array(publicKey.export({ type: "spki", format: "der" }).subarray(-65));
const IMPLEMENTATION = fill(32, 0x1d);
const BOOT_SEED = fill(32, 0xb0);

type Exports = Record<string, (...args: number[]) => number> & { memory: WebAssembly.Memory };

/** An instance in V8, its exports called as a C home would call them. */
function instance(): Exports & { put(at: number, bytes: Uint8Array): void; base: number } {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), {});
  const calls = exports as unknown as Exports;
  calls._initialize?.();
  const base = calls.exchange?.() as number;
  return Object.assign(Object.create(null), calls, {
    base,
    memory: calls.memory,
    put: (at: number, data: Uint8Array) => new Uint8Array(calls.memory.buffer).set(data, base + at),
  });
}

function initialise(
  it: ReturnType<typeof instance>,
  changes: { key?: Uint8Array; lifecycle?: number; clientId?: number; bootSeed?: number } = {},
): number {
  it.put(0, changes.key ?? scalar);
  it.put(32, fill(32, 0xe7));
  it.put(64, IMPLEMENTATION);
  it.put(96, BOOT_SEED);
  const { lifecycle = 0x3000, clientId = -1, bootSeed = 32 } = changes;
  return (it.initialise as (...args: number[]) => number)(
    it.base,
    it.base + 32,
    it.base + 64,
    lifecycle,
    clientId,
    it.base + 96,
    bootSeed,
  );
}

const TYPE = Buffer.from("ARoT");
const MEASUREMENT = fill(32, 0x3e);
const SIGNER = fill(32, 0x51);
const VERSION = Buffer.from("1.2.3");

function addComponent(
  it: ReturnType<typeof instance>,
  {
    type = TYPE as Uint8Array,
    value = MEASUREMENT,
    signer = SIGNER,
    version = VERSION as Uint8Array,
  } = {},
): number {
  it.put(0, type);
  it.put(128, value);
  it.put(256, signer);
  it.put(384, version);
  return (it.addSoftwareComponent as (...args: number[]) => number)(
    it.base,
    type.length,
    it.base + 128,
    value.length,
    it.base + 256,
    signer.length,
    it.base + 384,
    version.length,
  );
}

/** A request for a certificate for a key: as much of it as the module looks at. */
function requestFor(keyInfo: Uint8Array): Uint8Array {
  return new Uint8Array(tlv(0x30, tlv(0x30, [2, 1, 0], tlv(0x30), keyInfo, tlv(0xa0)), tlv(0x30)));
}

const KEY_INFO = new Uint8Array(publicKey.export({ type: "spki", format: "der" }));
const OTHER_KEY = new Uint8Array(
  generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({
    type: "spki",
    format: "der",
  }),
);
const ASKED: Certification = {
  challenge: fill(32, 1),
  policyHash: fill(32, 2),
  scopeHash: fill(32, 3),
  csr: requestFor(KEY_INFO),
};

function tokenAt(it: ReturnType<typeof instance>, at: number, status: number) {
  return { status, token: new Uint8Array(it.memory.buffer).slice(at, at + Math.max(0, status)) };
}

/** Asks as the runtime does for a certificate. */
function certify(
  it: ReturnType<typeof instance>,
  changes: Partial<Certification> = {},
  capacity = 2048,
) {
  const { challenge, policyHash, scopeHash, csr } = { ...ASKED, ...changes };
  it.put(0, challenge);
  it.put(32, policyHash);
  it.put(64, scopeHash);
  it.put(96, csr);
  const { base } = it;
  const call = it.certificationToken as (...args: number[]) => number;
  const status = call(base, base + 32, base + 64, base + 96, csr.length, base, capacity);
  return tokenAt(it, base, status);
}

/** Asks as the runtime does for a client. */
function reattest(it: ReturnType<typeof instance>, nonce: Uint8Array, exporter = fill(32, 0xe0)) {
  it.put(0, nonce);
  it.put(32, exporter);
  const call = it.reattestationToken as (...args: number[]) => number;
  return tokenAt(it, it.base, call(it.base, it.base + 32, it.base, 2048));
}

/** Asks as the home does when the device is enrolled. */
function getToken(it: ReturnType<typeof instance>, challenge: Uint8Array, capacity = 1024) {
  it.put(0, challenge);
  const at = it.base + 64;
  const call = it.enrolmentToken as (...args: number[]) => number;
  return tokenAt(it, at, call(it.base, at, capacity));
}

function ready(): ReturnType<typeof instance> {
  const it = instance();
  assert.is(initialise(it), 0);
  assert.is(addComponent(it), 0);
  return it;
}

test("the module is small and imports nothing", () => {
  assert.ok(bytes.length <= 24 * 1024, `${bytes.length} bytes`);
  assert.equal(WebAssembly.Module.imports(new WebAssembly.Module(bytes)), []);
});

test("a token holds the claims in deterministic CBOR and verifies", () => {
  const it = ready();
  const challenge = fill(32, 0x0c);
  const nonce = enrolmentNonce(challenge, point);
  const { token } = getToken(it, challenge);
  const instanceId = Uint8Array.of(1, ...createHash("sha256").update(point).digest());
  const verdict = verifyToken(token, publicKey, { nonce, instanceId });
  assert.ok(verdict.ok);
  // The exact bytes, written by the test's own encoder, keys in ascending order of their encoding.
  const claims = new Entries([
    [10, nonce],
    [256, instanceId],
    [265, "tag:psacertified.org,2023:psa#tfm"],
    [268, BOOT_SEED],
    [2394, -1],
    [2395, 0x3000],
    [2396, IMPLEMENTATION],
    [
      2399,
      [
        new Entries([
          [1, "ARoT"],
          [2, MEASUREMENT],
          [4, "1.2.3"],
          [5, SIGNER],
        ]),
      ],
    ],
  ]);
  assert.is(
    Buffer.from(verdict.payload).toString("hex"),
    Buffer.from(cbor(claims)).toString("hex"),
  );
  const payload = cbor(claims);
  const expected = Buffer.concat([
    Buffer.from("d28443a10126a0", "hex"),
    cbor(payload),
    Buffer.from("5840", "hex"),
  ]);
  assert.is(Buffer.from(token).subarray(0, -64).toString("hex"), expected.toString("hex"));
});

test("tokens are small: one component ≤ 400 bytes, two ≤ 480", () => {
  const it = ready();
  assert.ok((it.getTokenSize?.() ?? 0) <= 400, `one: ${it.getTokenSize?.()}`);
  assert.is(addComponent(it, { type: Buffer.from("BL") }), 0);
  const { status } = getToken(it, fill(32, 1));
  assert.ok(status > 0 && status <= 480, `two: ${status}`);
});

test("a certified key: the device is its identity key, and each token carries the certificate", () => {
  const it = instance();
  const take = (identity: Uint8Array, chain: Uint8Array) => {
    it.put(0, identity);
    it.put(128, chain);
    const call = it.certified as (...args: number[]) => number;
    return call(it.base, it.base + 128, chain.length);
  };
  const identity = newDevice();
  const claims = aliasClaims(claimsFor(identity), identity.point);
  const chain = certificate(claims, identity.privateKey);
  assert.is(take(identity.point, chain), BAD_STATE, "before there is a key");
  assert.is(initialise(it), 0);
  for (const length of [0, 545])
    assert.is(take(identity.point, fill(length, 0xd2)), INVALID_ARGUMENT, `${length} bytes`);
  assert.is(take(identity.point, chain), 0);
  assert.is(addComponent(it), 0);
  const { token } = getToken(it, fill(32, 1));
  const message = parseSign1(token);
  const said = readClaims(message.payload);
  assert.equal(said.instanceId, identity.instanceId);
  const header = message.unprotected.get(13);
  assert.ok(header);
  assert.equal(Buffer.from(token.subarray(header.start, header.end)), Buffer.from(chain));
  assert.is(token.length, (it.getTokenSize as () => number)());
  assert.equal(said.nonce, enrolmentNonce(fill(32, 1), identity.point));
  assert.is(take(identity.point, chain), BAD_STATE, "after the first token");
});

test("sizes are told exactly, small buffers reported", () => {
  const it = ready();
  const size = it.getTokenSize?.() as number;
  const challenge = fill(32, 7);
  assert.is(getToken(it, challenge).status, size);
  assert.is(getToken(it, challenge, size).status, size);
  new Uint8Array(it.memory.buffer).fill(0x77, it.base + 64, it.base + 64 + size);
  assert.is(getToken(it, challenge, size - 1).status, TOO_SMALL);
  assert.is(getToken(it, challenge, 0).status, TOO_SMALL);
  const room = new Uint8Array(it.memory.buffer).slice(it.base + 64, it.base + 64 + size);
  assert.ok(
    room.every((byte) => byte === 0x77),
    "nothing is stored when it does not fit",
  );
});

test("each purpose has a nonce of its own, which the module puts together itself", () => {
  const it = ready();
  const nonceOf = ({ token }: { token: Uint8Array }) => {
    const read = readToken(token);
    assert.ok(read.ok);
    return read.claims.nonce;
  };
  assert.equal(nonceOf(certify(it)), certificationNonce(ASKED));
  const nonce = fill(32, 9);
  const exporter = fill(32, 10);
  assert.equal(
    nonceOf(reattest(it, nonce, exporter)),
    reattestationNonce({ nonce, publicKey: KEY_INFO, policyHash: ASKED.policyHash, exporter }),
  );
  assert.equal(nonceOf(getToken(it, nonce)), enrolmentNonce(nonce, point));
});

test("attack: a runtime that is taken over under one policy certifies nothing under another", () => {
  const it = ready();
  assert.ok(certify(it).status > 0);
  // The attacker has the runtime, and may call whatever there is. Nothing signs a nonce of its making: these are
  // all the exports.
  assert.equal(
    Object.entries(it)
      .flatMap(([name, value]) => (typeof value === "function" ? [name] : []))
      .filter((name) => name !== "put")
      .toSorted(),
    [
      "_initialize",
      "addSoftwareComponent",
      "certificationToken",
      "certified",
      "destroy",
      "enrolmentToken",
      "exchange",
      "exchangeSize",
      "getTokenSize",
      "initialise",
      "instanceId",
      "publicKey",
      "reattestationToken",
      "runtimeStarts",
    ],
  );
  assert.is(certify(it, { policyHash: fill(32, 0x66) }).status, BAD_STATE, "another policy");
  assert.is(certify(it, { scopeHash: fill(32, 0x66) }).status, BAD_STATE, "another scope");
  assert.is(certify(it, { csr: requestFor(OTHER_KEY) }).status, BAD_STATE, "a foreign key");
  assert.ok(certify(it, { challenge: fill(32, 0x66) }).status > 0, "a renewal");
  // Only its home, which starts it anew from what was measured, makes it a runtime that works for somebody else.
  it.runtimeStarts?.();
  assert.is(reattest(it, fill(32, 1)).status, BAD_STATE, "nothing of before holds");
  assert.ok(certify(it, { policyHash: fill(32, 0x66), csr: requestFor(OTHER_KEY) }).status > 0);
});

test("what is no request for a P-256 key gets no token, and binds nothing", () => {
  const it = ready();
  const p384 = generateKeyPairSync("ec", { namedCurve: "P-384" }).publicKey;
  const right = ASKED.csr;
  const cases: [string, Uint8Array][] = [
    ["nothing", new Uint8Array(0)],
    ["a key of P-384", requestFor(new Uint8Array(p384.export({ type: "spki", format: "der" })))],
    ["a byte less", right.subarray(0, -1)],
    ["a byte more", Uint8Array.of(...right, 0)],
    ["a key alone", KEY_INFO],
    ["zeros", new Uint8Array(1024)],
    ["too long", new Uint8Array(1025)],
  ];
  for (const [name, csr] of cases) assert.is(certify(it, { csr }).status, INVALID_ARGUMENT, name);
  assert.is(certify(it, {}, 10).status, TOO_SMALL);
  assert.ok(certify(it, { policyHash: fill(32, 0x66) }).status > 0, "nothing was bound before");
});

test("nothing is signed before there are a key and a measurement", () => {
  const it = instance();
  assert.is(getToken(it, fill(32, 1)).status, BAD_STATE);
  assert.is(it.getTokenSize?.(), BAD_STATE);
  assert.is(it.publicKey?.(it.base, 65), BAD_STATE);
  assert.is(it.instanceId?.(it.base, 33), BAD_STATE);
  assert.is(addComponent(it), BAD_STATE);
  assert.is(initialise(it), 0);
  assert.is(getToken(it, fill(32, 1)).status, BAD_STATE);
});

test("the first token closes the list of components; a key is taken once", () => {
  const it = ready();
  assert.is(initialise(it), BAD_STATE);
  assert.ok(getToken(it, fill(32, 1)).status > 0);
  assert.is(addComponent(it, { value: fill(32, 0xff) }), BAD_STATE);
  const { token } = getToken(it, fill(32, 2));
  const read = readToken(token);
  assert.ok(read.ok);
  assert.is(read.claims.softwareComponents.length, 1);
});

test("arguments out of range are refused, and change nothing", () => {
  const cases: [string, Parameters<typeof initialise>[1]][] = [
    ["key 0", { key: fill(32, 0) }],
    ["key above the order", { key: fill(32, 0xff) }],
    ["lifecycle 0x7000", { lifecycle: 0x7000 }],
    ["lifecycle 0x3100", { lifecycle: 0x3100 }],
    ["lifecycle 0x13000", { lifecycle: 0x13000 }],
    ["lifecycle -1", { lifecycle: -1 }],
    ["client ID 0", { clientId: 0 }],
    ["boot seed of 7 bytes", { bootSeed: 7 }],
    ["boot seed of 33 bytes", { bootSeed: 33 }],
    ["boot seed beyond memory", { bootSeed: -1 }],
  ];
  for (const [name, changes] of cases) {
    const it = instance();
    assert.is(initialise(it, changes), INVALID_ARGUMENT, name);
    assert.is(initialise(it), 0, `${name}: a right call after it works`);
  }
  const it = instance();
  assert.is(initialise(it), 0);
  const components: [string, Parameters<typeof addComponent>[1]][] = [
    ["type of 17 bytes", { type: fill(17, 0x41) }],
    ["type not ASCII", { type: fill(4, 0xc3) }],
    ["measurement of 31 bytes", { value: fill(31, 1) }],
    ["measurement of 20 bytes", { value: fill(20, 1) }],
    ["signer of 0 bytes", { signer: fill(0, 1) }],
    ["version of 17 bytes", { version: fill(17, 0x41) }],
  ];
  for (const [name, component] of components)
    assert.is(addComponent(it, component), INVALID_ARGUMENT, name);
  const far = it.memory.buffer.byteLength;
  assert.is(
    it.addSoftwareComponent?.(it.base, 4, far - 31, 32, it.base, 32, it.base, 0),
    INVALID_ARGUMENT,
  );
  for (let i = 0; i < 4; i++) assert.is(addComponent(it), 0);
  assert.is(addComponent(it), INSUFFICIENT_STORAGE);
  assert.is(it.enrolmentToken?.(far - 31, it.base, 1024), INVALID_ARGUMENT);
  assert.is(it.enrolmentToken?.(it.base, far - 100, 1024), INVALID_ARGUMENT);
  const { base } = it;
  const certification = it.certificationToken as (...args: number[]) => number;
  for (const bad of [0, 1, 2, 3, 5]) {
    const args = [base, base, base, base + 96, 100, base];
    args[bad] = far - 20;
    assert.is(certification(...args, 1024), INVALID_ARGUMENT, `argument ${bad}`);
  }
  assert.is(certification(base, base, base, base, -1, base, 1024), INVALID_ARGUMENT);
  assert.ok(getToken(it, fill(32, 1), 1500).status > 0);
});

test("the longest token that can be asked for fits and verifies", () => {
  const it = instance();
  assert.is(initialise(it, { clientId: -(2 ** 31) }), 0);
  const longest = {
    type: fill(16, 0x41),
    value: fill(64, 1),
    signer: fill(64, 2),
    version: fill(16, 0x42),
  };
  for (let i = 0; i < 4; i++) assert.is(addComponent(it, longest), 0);
  const challenge = fill(32, 9);
  const { token } = getToken(it, challenge, 1984);
  assert.ok(verifyToken(token, publicKey, { nonce: enrolmentNonce(challenge, point) }).ok);
});

test("the key does not stay where the home put it, and destroying wipes it everywhere", () => {
  const it = ready();
  getToken(it, fill(32, 1));
  const exchange = new Uint8Array(it.memory.buffer).slice(it.base, it.base + 2048);
  assert.is(Buffer.from(exchange).indexOf(scalar), -1);
  assert.is.not(
    Buffer.from(it.memory.buffer).indexOf(scalar),
    -1,
    "it is somewhere, or this shows nothing",
  );
  it.destroy?.();
  assert.is(Buffer.from(it.memory.buffer).indexOf(scalar), -1);
  assert.is(getToken(it, fill(32, 1)).status, BAD_STATE);
});

test("signatures of one challenge differ, from one to the next and from boot to boot", () => {
  const it = ready();
  const seen = new Set<string>();
  for (let i = 0; i < 5; i++)
    seen.add(Buffer.from(getToken(it, fill(32, 1)).token).toString("hex"));
  assert.is(seen.size, 5);
});

test("the public key and the instance ID are those of the key", () => {
  const it = ready();
  assert.is(it.publicKey?.(it.base, 65), 65);
  assert.equal(new Uint8Array(it.memory.buffer).slice(it.base, it.base + 65), point);
  assert.is(it.publicKey?.(it.base, 64), TOO_SMALL);
  assert.is(it.instanceId?.(it.base, 32), TOO_SMALL);
  assert.is(it.instanceId?.(it.base, 33), 33);
});

test("wasm3 makes the same claims as V8", () => {
  const module = new TokenModule();
  module.initialise({
    privateKey: scalar,
    entropy: fill(32, 0xe7),
    implementationId: IMPLEMENTATION,
    lifecycle: 0x3000,
    clientId: -1,
    bootSeed: BOOT_SEED,
  });
  module.addSoftwareComponent({
    type: "ARoT",
    measurement: MEASUREMENT,
    signerId: SIGNER,
    version: "1.2.3",
  });
  const it = ready();
  // The same key, entropy and history: the same signatures.
  const ours = module.certificationToken(ASKED);
  assert.equal(ours, certify(it).token);
  const nonce = fill(32, 3);
  assert.equal(
    module.reattestationToken(nonce, fill(32, 4)),
    reattest(it, nonce, fill(32, 4)).token,
  );
  assert.equal(module.enrolmentToken(nonce), getToken(it, nonce).token);
  assert.is(module.tokenSize(), ours.length);
  assert.throws(
    () => module.certificationToken(ASKED, 100),
    (error: unknown) => error instanceof PsaError && error.status === TOO_SMALL,
  );
  assert.throws(() => module.enrolmentToken(fill(20, 1)), /32 bytes/);
  module.free();
});

test("the software root of trust: key made on first use, kept for its owner, same device next time", () => {
  const path = join(folder, "device.pem");
  const first = SoftwareRootOfTrust.open(path);
  assert.is(statSync(path).mode & 0o777, 0o600);
  assert.match(readFileSync(path, "utf8"), /^# Development-grade/);
  const id = first.instanceId;
  const key = createPublicKey({
    key: Buffer.from(spkiOf(first.publicKey)),
    format: "der",
    type: "spki",
  });
  const version = Buffer.concat([Buffer.of(7), Buffer.from("version0.1.0")]);
  const magic = Buffer.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
  const runtime = Buffer.concat([magic, Buffer.of(0, version.length), version]);
  const measurement = first.measureRuntime(runtime);
  assert.equal(measurement, new Uint8Array(createHash("sha256").update(runtime).digest()));
  assert.throws(() => first.measureRuntime(Buffer.from("another")), /already/);
  const challenge = fill(32, 4);
  const nonce = enrolmentNonce(challenge, first.publicKey);
  const token = first.enrolmentToken(challenge);
  assert.not.ok(verifyToken(token, key, { nonce }).ok, "never production grade");
  const verdict = verifyToken(token, key, { nonce, instanceId: id, allowDevelopment: true });
  assert.ok(verdict.ok);
  assert.is(verdict.claims.securityLifecycle, 0x4000);
  assert.equal(verdict.claims.implementationId, SOFTWARE_IMPLEMENTATION_ID);
  assert.equal(verdict.claims.softwareComponents[0]?.measurementValue, measurement);
  assert.is(verdict.claims.softwareComponents[0]?.version, "0.1.0");
  assert.match(first.describe(), /DEVELOPMENT-GRADE/);
  first.free();
  const second = SoftwareRootOfTrust.open(path);
  assert.equal(second.instanceId, id);
  second.measureRuntime(Buffer.concat([runtime, Buffer.of(0)]));
  const changed = verifyToken(second.enrolmentToken(challenge), key, {
    nonce,
    allowDevelopment: true,
  });
  assert.ok(changed.ok);
  assert.not.equal(changed.claims.softwareComponents[0]?.measurementValue, measurement);
  assert.is(changed.claims.softwareComponents[0]?.version, undefined, "a malformed module");
  assert.not.equal(changed.claims.bootSeed, verdict.claims.bootSeed);
  second.free();
});

test("processes that start at once make one key between them, whole", async () => {
  const place = join(folder, "at-once");
  mkdirSync(place);
  const command = join(projectRoot, "build/js/host/psa-attestation/cli.js");
  const runs = Array.from({ length: 6 }, () =>
    promisify(execFile)(process.execPath, [command, "init", "--key", join(place, "device.pem")]),
  );
  const ids = (await Promise.all(runs)).map(({ stdout }) => JSON.parse(stdout).instanceId);
  assert.is(new Set(ids).size, 1);
  assert.equal(readdirSync(place), ["device.pem"]);
  assert.is(statSync(join(place, "device.pem")).mode & 0o777, 0o600);
});

test("a key in a folder that nobody may write to is used as it is", () => {
  const place = join(folder, "read-only");
  mkdirSync(place);
  const first = SoftwareRootOfTrust.open(join(place, "device.pem"));
  chmodSync(place, 0o500);
  const second = SoftwareRootOfTrust.open(join(place, "device.pem"));
  assert.equal(second.instanceId, first.instanceId);
  chmodSync(place, 0o700);
  for (const each of [first, second]) each.free();
});

test("the software root of trust refuses a key that others may read, or that is none", () => {
  const path = join(folder, "open.pem");
  SoftwareRootOfTrust.open(path).free();
  chmodSync(path, 0o644);
  assert.throws(() => SoftwareRootOfTrust.open(path), /may be used by others/);
  const broken = join(folder, "broken.pem");
  writeFileSync(broken, "no key", { mode: 0o600 });
  assert.throws(() => SoftwareRootOfTrust.open(broken), /not an unencrypted P-256/);
  assert.throws(() => SoftwareRootOfTrust.open(join(folder, "none", "x.pem")), /cannot write/);
});

test("before anything is measured the software root of trust signs nothing", () => {
  const root = SoftwareRootOfTrust.open(join(folder, "unmeasured.pem"));
  assert.throws(
    () => root.enrolmentToken(fill(32, 1)),
    (error: unknown) => error instanceof PsaError && error.status === BAD_STATE,
  );
  root.free();
});

test.run();
