import { createHash } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  decodeScope,
  encodeScope,
  type Scope,
  ScopeError,
  scopeHash,
} from "../../host/continuity/scope.js";
import { encode } from "../../host/psa-attestation/cbor.js";
import { belowMinimum, isVersion } from "../../host/psa-attestation/versions.js";
import { MAX_SCOPE_BYTES } from "../../host/transport-protocol/messages.js";
import { Policy, scopeOf } from "../../host/veracruz-utils/policy.js";
import { fullPolicy, samplePolicy, textOf } from "../veracruz-utils/sample-policies.js";

const hash = (byte: number) => new Uint8Array(32).fill(byte);
const instance = (byte: number) => Uint8Array.of(1, ...hash(byte));

test("a scope is read as it was written, the largest one too", () => {
  const largest: Scope = {
    runtimeHashes: { linux: hash(1), mcu: hash(2) },
    allowDevelopment: true,
    maxRestarts: 1000,
    instanceIds: Array.from({ length: 32 }, (_, i) => instance(i)),
    minimumVersions: ["a", "b", "c", "d"].map((letter) => ({
      component: letter.repeat(16),
      version: "65535.65535.6553",
    })),
  };
  assert.ok(encodeScope(largest).length <= MAX_SCOPE_BYTES);
  for (const scope of [largest, scopeOf(samplePolicy()), scopeOf(fullPolicy())])
    assert.equal(decodeScope(encodeScope(scope)), scope);
});

test("the encoding is the documented one", () => {
  const scope: Scope = {
    runtimeHashes: { mcu: hash(0xaa) },
    allowDevelopment: false,
    maxRestarts: 300,
    instanceIds: [instance(0xbb)],
    minimumVersions: [{ component: "ARoT", version: "1.2" }],
  };
  const expected = [
    "87", // an array of 7
    `71${Buffer.from("veracruz-scope-v1").toString("hex")}`,
    "40",
    `5820${"aa".repeat(32)}`,
    "00",
    "19012c",
    `81582101${"bb".repeat(32)}`,
    `818264${Buffer.from("ARoT").toString("hex")}63${Buffer.from("1.2").toString("hex")}`,
  ].join("");
  assert.is(Buffer.from(encodeScope(scope)).toString("hex"), expected);
});

test("a policy's scope hash covers what it demands of isolates, and nothing else", () => {
  const hashOf = (changes: object) =>
    Buffer.from(new Policy(textOf({ ...fullPolicy(), ...changes })).scopeHash).toString("hex");
  const base = hashOf({});
  const policy = new Policy(textOf(fullPolicy()));
  assert.equal(scopeHash(policy.scope), policy.scopeHash);
  assert.is(createHash("sha256").update(policy.scope).digest("hex"), base);
  for (const change of [
    { runtime_manager_hash_linux: "11".repeat(32) },
    { runtime_manager_hash_mcu: "11".repeat(32) },
    { runtime_manager_hash_mcu: undefined },
    { allow_development: false },
    { max_restarts: 0 },
    { instance_ids: undefined },
    { minimum_versions: undefined },
  ])
    assert.is.not(hashOf(change), base, JSON.stringify(change));
  for (const change of [{ max_rounds: 9 }, { computation_id: "00".repeat(16) }, { debug: false }])
    assert.is(hashOf(change), base, JSON.stringify(change));
});

test("what is no scope is refused", () => {
  const good: unknown[] = [
    "veracruz-scope-v1",
    hash(1),
    new Uint8Array(0),
    0,
    0,
    [instance(1)],
    [["A", "1"]],
  ];
  decodeScope(encode(good));
  const bent = (index: number, value: unknown) => encode(good.with(index, value));
  const bad: [string, Uint8Array][] = [
    ["nothing", new Uint8Array(0)],
    ["another label", bent(0, "veracruz-scope-v2")],
    ["a hash of 31 bytes", bent(1, hash(1).subarray(1))],
    ["a hash as text", bent(1, "x".repeat(32))],
    ["allow_development 2", bent(3, 2)],
    ["1001 restarts", bent(4, 1001)],
    ["-1 restarts", bent(4, -1)],
    [
      "33 devices",
      bent(
        5,
        Array.from({ length: 33 }, (_, i) => instance(i)),
      ),
    ],
    ["a device of another type", bent(5, [hash(1)])],
    ["five versions", bent(6, Array(5).fill(["A", "1"]))],
    ["a version that is none", bent(6, [["A", "1.x"]])],
    ["a version of three parts", bent(6, [["A", "1", "2"]])],
    ["eight parts", encode([...good, 0])],
    ["six parts", encode(good.slice(0, 6))],
    ["bytes behind it", Buffer.concat([encode(good), Buffer.of(0)])],
    // 0x87 as an array of indefinite length, and a number in more bytes than it needs.
    [
      "an indefinite length",
      Buffer.concat([Buffer.of(0x9f), encode(good).subarray(1), Buffer.of(0xff)]),
    ],
    ["too long", new Uint8Array(MAX_SCOPE_BYTES + 1)],
  ];
  for (const [what, bytes] of bad) {
    assert.throws(
      () => decodeScope(bytes),
      (error: unknown) => error instanceof ScopeError,
      what,
    );
  }
});

test("versions are compared number by number", () => {
  for (const [version, minimum, enough] of [
    ["1.2.0", "1.2", true],
    ["1.2", "1.2.0.0", true],
    ["1.10", "1.9", true],
    ["1.9", "1.10", false],
    ["0.9.9", "1", false],
    ["2", "1.99.99.99", true],
    ["", "0", false],
    ["1.2-beta", "1", false],
    [undefined, "0", false],
  ] as const)
    assert.is(
      belowMinimum(
        [{ component: "ARoT", ...(version !== undefined && { version }) }, { component: "BL" }],
        [{ component: "ARoT", version: minimum }],
      ) === undefined,
      enough,
      `${version} against ${minimum}`,
    );
  const wanted = [{ component: "ARoT", version: "1" }];
  assert.match(belowMinimum([], wanted) ?? "", /wants ARoT 1 or newer, the device says nothing/);
  const two = ["2", "0.9"].map((version) => ({ component: "ARoT", version }));
  assert.match(belowMinimum(two, wanted) ?? "", /the device says 2, 0\.9/);
  assert.not(isVersion("1.2.3.4.5"));
});

test.run();
