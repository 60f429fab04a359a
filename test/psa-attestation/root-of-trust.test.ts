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
import { spkiOf } from "../../host/psa-attestation/p256.js";
import {
  SOFTWARE_IMPLEMENTATION_ID,
  SoftwareRootOfTrust,
} from "../../host/psa-attestation/root-of-trust.js";
import { PsaError, TokenModule } from "../../host/psa-attestation/token-module.js";
import { readToken, verifyToken } from "../../host/psa-attestation/verifier.js";
import { cbor, Entries, fill } from "./tokens.js";

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

function getToken(it: ReturnType<typeof instance>, challenge: Uint8Array, capacity = 1024) {
  it.put(0, challenge);
  const at = it.base + 64;
  const status = (it.getToken as (...args: number[]) => number)(
    it.base,
    challenge.length,
    at,
    capacity,
  );
  return {
    status,
    token: new Uint8Array(it.memory.buffer).slice(at, at + Math.max(0, status)),
  };
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
  const nonce = fill(32, 0x0c);
  const { token } = getToken(it, nonce);
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
  assert.ok((it.getTokenSize?.(32) ?? 0) <= 400, `one: ${it.getTokenSize?.(32)}`);
  assert.is(addComponent(it, { type: Buffer.from("BL") }), 0);
  const { status } = getToken(it, fill(32, 1));
  assert.ok(status > 0 && status <= 480, `two: ${status}`);
});

test("PSA semantics: challenges of 32, 48, 64 bytes, sizes told exactly, small buffers reported", () => {
  const it = ready();
  for (const length of [32, 48, 64]) {
    const size = it.getTokenSize?.(length) as number;
    const nonce = fill(length, length);
    assert.is(getToken(it, nonce).status, size);
    assert.is(getToken(it, nonce, size).status, size);
    new Uint8Array(it.memory.buffer).fill(0x77, it.base + 64, it.base + 64 + size);
    assert.is(getToken(it, nonce, size - 1).status, TOO_SMALL);
    assert.is(getToken(it, nonce, 0).status, TOO_SMALL);
    const room = new Uint8Array(it.memory.buffer).slice(it.base + 64, it.base + 64 + size);
    assert.ok(
      room.every((byte) => byte === 0x77),
      "nothing is stored when it does not fit",
    );
  }
  for (const length of [0, 1, 31, 33, 47, 49, 63]) {
    assert.is(getToken(it, fill(length, 1)).status, INVALID_ARGUMENT, `challenge of ${length}`);
    assert.is(it.getTokenSize?.(length), INVALID_ARGUMENT);
  }
  assert.is(it.getToken?.(it.base, 65, it.base + 128, 1024), INVALID_ARGUMENT);
  assert.is(it.getToken?.(it.base, -1, it.base + 128, 1024), INVALID_ARGUMENT);
});

test("nothing is signed before there are a key and a measurement", () => {
  const it = instance();
  assert.is(getToken(it, fill(32, 1)).status, BAD_STATE);
  assert.is(it.getTokenSize?.(32), BAD_STATE);
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
  assert.is(it.getToken?.(far - 31, 32, it.base, 1024), INVALID_ARGUMENT);
  assert.is(it.getToken?.(it.base, 32, far - 100, 1024), INVALID_ARGUMENT);
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
  const nonce = fill(64, 9);
  const { token } = getToken(it, nonce, 1984);
  assert.ok(verifyToken(token, publicKey, { nonce }).ok);
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
  const nonce = fill(48, 3);
  const ours = module.token(nonce);
  // The same key, entropy and history: the same signature.
  assert.equal(ours, getToken(it, nonce).token);
  assert.is(module.tokenSize(48), ours.length);
  assert.throws(
    () => module.token(nonce, 100),
    (error: unknown) => error instanceof PsaError && error.status === TOO_SMALL,
  );
  assert.throws(
    () => module.token(fill(20, 1)),
    (error: unknown) => error instanceof PsaError && error.status === INVALID_ARGUMENT,
  );
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
  const runtime = Buffer.from("the runtime's bytes");
  const measurement = first.measureRuntime(runtime, "0.1.0");
  assert.equal(measurement, new Uint8Array(createHash("sha256").update(runtime).digest()));
  assert.throws(() => first.measureRuntime(Buffer.from("another")), /already/);
  const nonce = fill(32, 4);
  const token = first.attestationToken(nonce);
  assert.not.ok(verifyToken(token, key, { nonce }).ok, "never production grade");
  const verdict = verifyToken(token, key, { nonce, instanceId: id, allowDevelopment: true });
  assert.ok(verdict.ok);
  assert.is(verdict.claims.securityLifecycle, 0x4000);
  assert.equal(verdict.claims.implementationId, SOFTWARE_IMPLEMENTATION_ID);
  assert.equal(verdict.claims.softwareComponents[0]?.measurementValue, measurement);
  assert.match(first.describe(), /DEVELOPMENT-GRADE/);
  first.free();
  const second = SoftwareRootOfTrust.open(path);
  assert.equal(second.instanceId, id);
  second.measureRuntime(Buffer.concat([runtime, Buffer.of(0)]));
  const changed = verifyToken(second.attestationToken(nonce), key, {
    nonce,
    allowDevelopment: true,
  });
  assert.ok(changed.ok);
  assert.not.equal(changed.claims.softwareComponents[0]?.measurementValue, measurement);
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
    () => root.attestationToken(fill(32, 1)),
    (error: unknown) => error instanceof PsaError && error.status === BAD_STATE,
  );
  root.free();
});

test.run();
