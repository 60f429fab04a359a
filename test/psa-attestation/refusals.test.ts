// Each rule of COSE, CBOR and RFC 9783 broken once, with a signature that is otherwise valid.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { describeToken, tokenToJson } from "../../host/psa-attestation/inspect.js";
import {
  type Expectation,
  MAX_TOKEN,
  readToken,
  verifyToken,
} from "../../host/psa-attestation/verifier.js";
import {
  type Bends,
  cbor,
  claims,
  device,
  Entries,
  expected,
  fill,
  head,
  MEASUREMENT,
  NONCE,
  newDevice,
  Raw,
  SIGNER,
  token,
} from "./tokens.js";

const signed = (bent: Entries | Uint8Array, bends?: Bends) => token(bent, device.privateKey, bends);
const component = (...entries: [unknown, unknown][]) => new Entries(entries);

const rules: [name: string, rule: string, bytes: () => Uint8Array, expectation?: Expectation][] = [
  // COSE_Sign1 (RFC 9052)
  ["no tag", "cose-tag", () => signed(claims, { tag: new Uint8Array(0) })],
  ["tag COSE_Mac0 (17)", "cose-tag", () => signed(claims, { tag: Uint8Array.of(0xd1) })],
  [
    "CWT tag (61) around it",
    "cose-tag",
    () => signed(claims, { tag: Uint8Array.of(0xd8, 61, 0xd2) }),
  ],
  ["tag 18 twice", "cose-structure", () => signed(claims, { tag: Uint8Array.of(0xd2, 0xd2) })],
  ["three elements", "cose-structure", () => signed(claims, { elements: (e) => e.slice(0, 3) })],
  ["five elements", "cose-structure", () => signed(claims, { elements: (e) => [...e, 0] })],
  [
    "detached payload",
    "cose-structure",
    () => signed(claims, { elements: ([a, b, , d]) => [a, b, null, d] }),
  ],
  [
    "payload not wrapped in a byte string",
    "cose-structure",
    () => signed(claims, { elements: ([a, b, , d]) => [a, b, claims, d] }),
  ],
  [
    "unprotected header a byte string",
    "cose-structure",
    () => signed(claims, { unprotected: fill(1, 0xa0) }),
  ],
  ["protected header an array", "cose-headers", () => signed(claims, { protectedHeader: [1, -7] })],
  [
    "algorithm ES384",
    "cose-algorithm",
    () => signed(claims, { protectedHeader: new Entries([[1, -35]]) }),
  ],
  [
    "algorithm EdDSA",
    "cose-algorithm",
    () => signed(claims, { protectedHeader: new Entries([[1, -8]]) }),
  ],
  [
    "algorithm HMAC 256/256",
    "cose-algorithm",
    () => signed(claims, { protectedHeader: new Entries([[1, 5]]) }),
  ],
  [
    "algorithm as text",
    "cose-algorithm",
    () => signed(claims, { protectedHeader: new Entries([[1, "ES256"]]) }),
  ],
  ["no algorithm", "cose-algorithm", () => signed(claims, { protectedHeader: new Entries([]) })],
  [
    "protected header of length 0",
    "cose-algorithm",
    () => signed(claims, { protectedHeader: new Uint8Array(0) }),
  ],
  [
    "algorithm only unprotected",
    "cose-algorithm",
    () =>
      signed(claims, { protectedHeader: new Uint8Array(0), unprotected: new Entries([[1, -7]]) }),
  ],
  [
    "algorithm in both headers",
    "cose-headers",
    () => signed(claims, { unprotected: new Entries([[1, -7]]) }),
  ],
  [
    "critical header parameters",
    "cose-critical",
    () =>
      signed(claims, {
        protectedHeader: new Entries([
          [1, -7],
          [2, [99]],
          [99, 1],
        ]),
      }),
  ],
  [
    "duplicate header label",
    "cbor-duplicate-key",
    () =>
      signed(claims, {
        protectedHeader: new Entries([
          [1, -7],
          [1, -7],
        ]),
      }),
  ],
  [
    "bytes after the protected header's map",
    "cbor-trailing-bytes",
    () =>
      signed(claims, {
        protectedHeader: Buffer.concat([cbor(new Entries([[1, -7]])), fill(1, 0)]),
      }),
  ],
  [
    "signature of 63 bytes",
    "cose-signature-length",
    () => signed(claims, { signature: (s) => s.subarray(0, 63) }),
  ],
  [
    "signature of 65 bytes",
    "cose-signature-length",
    () => signed(claims, { signature: (s) => Buffer.concat([s, fill(1, 0)]) }),
  ],
  [
    "signature in DER",
    "cose-signature-length",
    () =>
      signed(claims, {
        signature: (s) =>
          Buffer.concat([
            Buffer.from("3044", "hex"),
            fill(2, 2),
            s.subarray(0, 32),
            fill(2, 2),
            s.subarray(32),
          ]),
      }),
  ],
  [
    "no signature",
    "cose-signature-length",
    () => signed(claims, { signature: () => new Uint8Array(0) }),
  ],
  ["signature all zero", "signature", () => signed(claims, { signature: () => fill(64, 0) })],
  ["r and s out of range", "signature", () => signed(claims, { signature: () => fill(64, 0xff) })],
  ["another device's key", "signature", () => token(claims, newDevice().privateKey)],
  ["external data signed along", "signature", () => signed(claims, { externalData: fill(4, 1) })],
  [
    "payload changed after signing",
    "signature",
    () => signed(claims, { elements: ([a, b, , d]) => [a, b, cbor(claims.with(2394, -2)), d] }),
  ],
  [
    "header changed after signing",
    "signature",
    () =>
      signed(claims, {
        elements: ([, b, c, d]) => [
          cbor(
            new Entries([
              [1, -7],
              [4, fill(1, 1)],
            ]),
          ),
          b,
          c,
          d,
        ],
      }),
  ],

  // CBOR (RFC 8949)
  ["bytes after the end", "cbor-trailing-bytes", () => signed(claims, { trailing: fill(1, 0) })],
  [
    "bytes after the claims",
    "cbor-trailing-bytes",
    () => signed(Buffer.concat([cbor(claims), fill(1, 0)])),
  ],
  ["empty", "cbor-malformed", () => new Uint8Array(0)],
  ["cut short", "cbor-malformed", () => signed(claims).subarray(0, 200)],
  [
    "a length beyond the end",
    "cbor-malformed",
    () => signed(Uint8Array.of(0xa1, 10, 0x5a, 0xff, 0xff, 0xff, 0xff)),
  ],
  [
    "a count beyond the end",
    "cbor-malformed",
    () => signed(Uint8Array.of(0xba, 0xff, 0xff, 0xff, 0xff)),
  ],
  [
    "a 64-bit length",
    "cbor-malformed",
    () => signed(Uint8Array.of(0xa1, 10, 0x5b, ...fill(8, 0xff))),
  ],
  [
    "reserved additional information",
    "cbor-malformed",
    () => signed(Uint8Array.of(0xa1, 10, 0x1c)),
  ],
  ["a break out of place", "cbor-malformed", () => signed(Uint8Array.of(0xa1, 10, 0xff))],
  [
    "a simple value encoded too long",
    "cbor-malformed",
    () => signed(claims.with(70000, new Raw(Uint8Array.of(0xf8, 31)))),
  ],
  [
    "map of indefinite length",
    "cbor-indefinite-length",
    () => signed(Buffer.concat([fill(1, 0xbf), cbor(claims).subarray(1), fill(1, 0xff)])),
  ],
  [
    "byte string of indefinite length",
    "cbor-indefinite-length",
    () => signed(claims.with(10, new Raw(Uint8Array.of(0x5f, 0x58, 32, ...NONCE, 0xff)))),
  ],
  [
    "array of indefinite length",
    "cbor-indefinite-length",
    () =>
      signed(
        claims.with(
          2399,
          new Raw(
            Buffer.concat([fill(1, 0x9f), cbor((claims.get(2399) as unknown[])[0]), fill(1, 0xff)]),
          ),
        ),
      ),
  ],
  [
    "COSE array of indefinite length",
    "cbor-indefinite-length",
    () => {
      const t = signed(claims);
      return Uint8Array.of(0xd2, 0x9f, ...t.subarray(2), 0xff);
    },
  ],
  [
    "duplicate claim",
    "cbor-duplicate-key",
    () => signed(new Entries([...claims.list, [10, NONCE]])),
  ],
  [
    "duplicate claim, other encoding of the key",
    "cbor-duplicate-key",
    () => signed(new Entries([...claims.list, [new Raw(head(0, 10, 2)), NONCE]])),
  ],
  [
    "duplicate key in a software component",
    "cbor-duplicate-key",
    () => signed(claims.with(2399, [component([2, MEASUREMENT], [5, SIGNER], [2, fill(32, 9)])])),
  ],
  [
    "duplicate key in an unknown claim",
    "cbor-duplicate-key",
    () =>
      signed(
        claims.with(
          70000,
          new Entries([
            ["a", 1],
            ["a", 2],
          ]),
        ),
      ),
  ],
  [
    "text that is not UTF-8",
    "cbor-invalid-text",
    () => signed(claims.with(2400, new Raw(Uint8Array.of(0x62, 0xc3, 0x28)))),
  ],
  [
    "nested too deep",
    "cbor-limit",
    () => signed(claims.with(70000, new Raw(Uint8Array.of(...fill(40, 0x81), 0)))),
  ],
  ["too many data items", "cbor-limit", () => signed(claims.with(70000, Array(1100).fill(0)))],
  ["too large", "token-size", () => signed(claims.with(70000, fill(MAX_TOKEN, 0)))],

  // Claims (RFC 9783 §4)
  ["claims not a map", "claims-structure", () => signed(cbor([1, 2]))],
  ["profile missing", "profile", () => signed(claims.without(265))],
  ["profile unknown", "profile", () => signed(claims.with(265, "http://example.com/psa"))],
  ["profile a byte string", "profile", () => signed(claims.with(265, fill(3, 1)))],
  ["two profiles", "profile", () => signed(claims.with(-75000, "PSA_IOT_PROFILE_1"))],
  ["nonce missing", "nonce", () => signed(claims.without(10))],
  ["nonce of 31 bytes", "nonce", () => signed(claims.with(10, fill(31, 0xaa)))],
  ["nonce of 33 bytes", "nonce", () => signed(claims.with(10, fill(33, 0xaa)))],
  ["nonce as text", "nonce", () => signed(claims.with(10, "a".repeat(32)))],
  ["two nonces", "nonce", () => signed(claims.with(10, [NONCE, NONCE]))],
  [
    "nonce with a tag",
    "nonce",
    () => signed(claims.with(10, new Raw(Uint8Array.of(0xd8, 64, ...cbor(NONCE))))),
  ],
  [
    "nonce of the right form, other value",
    "nonce-mismatch",
    () => signed(claims.with(10, fill(32, 0xab))),
  ],
  ["nonce longer than expected", "nonce-mismatch", () => signed(claims.with(10, fill(64, 0xaa)))],
  ["instance ID missing", "instance-id", () => signed(claims.without(256))],
  ["instance ID of 32 bytes", "instance-id", () => signed(claims.with(256, fill(32, 1)))],
  [
    "instance ID of another type",
    "instance-id",
    () => signed(claims.with(256, Uint8Array.of(2, ...fill(32, 1)))),
  ],
  [
    "another device's instance ID",
    "instance-id-mismatch",
    () => signed(claims.with(256, newDevice().instanceId)),
  ],
  ["client ID missing", "client-id", () => signed(claims.without(2394))],
  ["client ID 0", "client-id", () => signed(claims.with(2394, 0))],
  ["client ID 2^31", "client-id", () => signed(claims.with(2394, 2 ** 31))],
  ["client ID below -2^31", "client-id", () => signed(claims.with(2394, -(2 ** 31) - 1))],
  [
    "client ID a float",
    "client-id",
    () => signed(claims.with(2394, new Raw(Uint8Array.of(0xf9, 0x3c, 0x00)))),
  ],
  [
    "client ID of 64 bits",
    "client-id",
    () => signed(claims.with(2394, new Raw(Uint8Array.of(0x1b, ...fill(8, 0xff))))),
  ],
  ["lifecycle missing", "security-lifecycle", () => signed(claims.without(2395))],
  ["lifecycle not a state", "security-lifecycle", () => signed(claims.with(2395, 0x3100))],
  ["lifecycle 0x7000", "security-lifecycle", () => signed(claims.with(2395, 0x7000))],
  ["lifecycle beyond 16 bits", "security-lifecycle", () => signed(claims.with(2395, 0x13000))],
  ["lifecycle negative", "security-lifecycle", () => signed(claims.with(2395, -1))],
  ["lifecycle as text", "security-lifecycle", () => signed(claims.with(2395, "secured"))],
  ["lifecycle unknown", "lifecycle-not-trusted", () => signed(claims.with(2395, 0))],
  ["lifecycle provisioning", "lifecycle-not-trusted", () => signed(claims.with(2395, 0x2000))],
  [
    "lifecycle debug, not allowed",
    "lifecycle-not-trusted",
    () => signed(claims.with(2395, 0x4000)),
  ],
  [
    "lifecycle RoT debug, development allowed",
    "lifecycle-not-trusted",
    () => signed(claims.with(2395, 0x5000)),
    { ...expected, allowDevelopment: true },
  ],
  [
    "lifecycle decommissioned, development allowed",
    "lifecycle-not-trusted",
    () => signed(claims.with(2395, 0x6000)),
    { ...expected, allowDevelopment: true },
  ],
  ["implementation ID missing", "implementation-id", () => signed(claims.without(2396))],
  [
    "implementation ID of 31 bytes",
    "implementation-id",
    () => signed(claims.with(2396, fill(31, 1))),
  ],
  ["implementation ID an integer", "implementation-id", () => signed(claims.with(2396, 1))],
  ["software components missing", "software-components", () => signed(claims.without(2399))],
  ["no software component", "software-components", () => signed(claims.with(2399, []))],
  [
    "software components a map",
    "software-components",
    () => signed(claims.with(2399, component([2, MEASUREMENT], [5, SIGNER]))),
  ],
  [
    "software component an array",
    "software-components",
    () => signed(claims.with(2399, [[2, MEASUREMENT]])),
  ],
  [
    "measurement missing",
    "software-components",
    () => signed(claims.with(2399, [component([1, "ARoT"], [5, SIGNER])])),
  ],
  [
    "measurement of 20 bytes",
    "software-components",
    () => signed(claims.with(2399, [component([2, fill(20, 1)], [5, SIGNER])])),
  ],
  [
    "signer ID missing",
    "software-components",
    () => signed(claims.with(2399, [component([2, MEASUREMENT])])),
  ],
  [
    "signer ID as text",
    "software-components",
    () => signed(claims.with(2399, [component([2, MEASUREMENT], [5, "me"])])),
  ],
  [
    "measurement type a number",
    "software-components",
    () => signed(claims.with(2399, [component([1, 7], [2, MEASUREMENT], [5, SIGNER])])),
  ],
  [
    "version a number",
    "software-components",
    () => signed(claims.with(2399, [component([2, MEASUREMENT], [4, 1], [5, SIGNER])])),
  ],
  [
    "second component broken",
    "software-components",
    () =>
      signed(
        claims.with(2399, [component([2, MEASUREMENT], [5, SIGNER]), component([2, MEASUREMENT])]),
      ),
  ],
  [
    "33 software components",
    "software-components",
    () =>
      signed(
        claims.with(
          2399,
          Array.from({ length: 33 }, () => component([2, MEASUREMENT], [5, SIGNER])),
        ),
      ),
  ],
  ["boot seed of 7 bytes", "boot-seed", () => signed(claims.with(268, fill(7, 1)))],
  ["boot seed of 33 bytes", "boot-seed", () => signed(claims.with(268, fill(33, 1)))],
  ["boot seed as text", "boot-seed", () => signed(claims.with(268, "12345678"))],
  [
    "certification reference too short",
    "certification-reference",
    () => signed(claims.with(2398, "1234567890123-1234")),
  ],
  [
    "certification reference with letters",
    "certification-reference",
    () => signed(claims.with(2398, "123456789012a-12345")),
  ],
  [
    "certification reference with a line feed",
    "certification-reference",
    () => signed(claims.with(2398, "1234567890123-12345\n")),
  ],
  [
    "certification reference bytes",
    "certification-reference",
    () => signed(claims.with(2398, fill(19, 0x31))),
  ],
  ["verification service a number", "verification-service", () => signed(claims.with(2400, 1))],
  [
    "verification service far too long",
    "verification-service",
    () => signed(claims.with(2400, "x".repeat(300))),
  ],
];
for (const [name, rule, bytes, expectation] of rules)
  test(`refused (${rule}): ${name}`, () => {
    const verdict = verifyToken(bytes(), device.publicKey, expectation ?? expected);
    assert.ok(!verdict.ok, "accepted");
    assert.is(verdict.rule, rule);
    assert.ok(verdict.detail.length > 0, "no detail");
  });

/** Every simple value and float that CBOR can write (RFC 8949 §3.3), well-formed or not. */
const simpleValues = [
  ...Array.from({ length: 24 }, (_, value) => Uint8Array.of(0xe0 + value)),
  ...[0, 31, 32, 254, 255].map((value) => Uint8Array.of(0xf8, value)),
  Uint8Array.of(0xf9, 0x3c, 0x00),
  Uint8Array.of(0xfa, 0x3f, 0x80, 0, 0),
  Uint8Array.of(0xfb, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0),
  ...[0xfc, 0xfd, 0xfe, 0xff].map((byte) => Uint8Array.of(byte)),
];
/** Rules that say where in the encoding it went wrong rather than in which claim. */
const encodingRules = ["cbor-malformed", "cbor-duplicate-key"];

for (const [place, bend] of [
  ...[10, 256, 265, 268, 2394, 2395, 2396, 2397, 2398, 2399, 2400].map(
    (key) => [`claim ${key}`, (value: Raw) => claims.with(key, value)] as const,
  ),
  ...[1, 2, 4, 5, 6].map(
    (key) =>
      [
        `entry ${key} of a software component`,
        (value: Raw) =>
          claims.with(2399, [component([2, MEASUREMENT], [5, SIGNER]).with(key, value)]),
      ] as const,
  ),
  ["a software component", (value: Raw) => claims.with(2399, [value])],
  ["inside a claim's array", (value: Raw) => claims.with(10, [value])],
  ["inside a claim's map", (value: Raw) => claims.with(256, new Entries([[value, value]]))],
] as const) {
  test(`a simple value or float as ${place} is refused, whichever it is; undefined is not absent`, () => {
    for (const bytes of simpleValues) {
      const name = Buffer.from(bytes).toString("hex");
      const verdict = verifyToken(signed(bend(new Raw(bytes))), device.publicKey, expected);
      // 2397 is the boot seed of an older profile, and unknown to this one.
      if (verdict.ok) assert.is(place, "claim 2397", name);
      else assert.ok(verdict.detail.length > 0, name);
    }
  });
}

test("a simple value in a claim that is not PSA's, or as a key, is shown as it is", () => {
  for (const bytes of simpleValues) {
    const name = Buffer.from(bytes).toString("hex");
    const tokens = [
      claims.with(70000, new Raw(bytes)),
      new Entries([...claims.list, [new Raw(bytes), 1]]),
    ].map((bent) => readToken(signed(bent)));
    for (const read of tokens) {
      if (!read.ok) assert.ok(encodingRules.includes(read.rule), `${name}: ${read.rule}`);
      else {
        assert.ok(describeToken(read).length > 8);
        assert.ok(JSON.stringify(tokenToJson(read)).includes("signature"));
      }
    }
  }
});

test("the claims that are bent above are accepted unbent", () => {
  assert.ok(verifyToken(signed(claims), device.publicKey, expected).ok);
});

test.run();
