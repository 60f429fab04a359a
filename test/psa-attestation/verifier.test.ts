import { createPublicKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { describeToken, tokenToJson } from "../../host/psa-attestation/inspect.js";
import {
  certificationNonce,
  enrolmentNonce,
  reattestationNonce,
} from "../../host/psa-attestation/nonces.js";
import { type Expectation, readToken, verifyToken } from "../../host/psa-attestation/verifier.js";
import { hasShared, sharedPath, skip } from "../support/shared.js";
import {
  type Bends,
  cbor,
  claims,
  device,
  Entries,
  expected,
  fill,
  head,
  IMPLEMENTATION_ID,
  MEASUREMENT,
  NONCE,
  Raw,
  SIGNER,
  token,
} from "./tokens.js";

/** The rule by which the verifier refuses, or "accepted". */
function ruleOf(bytes: Uint8Array, expectation: Expectation = expected): string {
  const verdict = verifyToken(bytes, device.publicKey, expectation);
  if (!verdict.ok) assert.ok(verdict.detail.length > 0, `${verdict.rule} has no detail`);
  return verdict.ok ? "accepted" : verdict.rule;
}

const signed = (bent: Entries | Uint8Array, bends?: Bends) => token(bent, device.privateKey, bends);
const component = (...entries: [unknown, unknown][]) => new Entries(entries);

test("a right token is accepted and its claims come back", () => {
  const verdict = verifyToken(signed(claims), device.publicKey, expected);
  assert.ok(verdict.ok);
  assert.equal(verdict.claims.profile, "tag:psacertified.org,2023:psa#tfm");
  assert.equal(verdict.claims.instanceId, device.instanceId);
  assert.equal(verdict.claims.implementationId, IMPLEMENTATION_ID);
  assert.equal(verdict.claims.clientId, -1);
  assert.equal(verdict.claims.securityLifecycle, 0x3000);
  assert.equal(verdict.claims.bootSeed, fill(32, 0xb0));
  assert.equal(verdict.claims.softwareComponents, [
    { measurementType: "ARoT", measurementValue: MEASUREMENT, signerId: SIGNER },
  ]);
  assert.equal(verdict.payload, new Uint8Array(cbor(claims)));
});

// RFC 9783 Appendix A and variants.
if (hasShared("vectors", "psa", "rfc9783-sign1.json")) {
  test("the COSE_Sign1 example of RFC 9783 verifies, and no byte of it can change", () => {
    const bytes = new Uint8Array(readFileSync(sharedPath("vectors", "psa", "rfc9783-sign1.cbor")));
    const vector = JSON.parse(
      readFileSync(sharedPath("vectors", "psa", "rfc9783-sign1.json"), "utf8"),
    );
    const { kty, crv, x, y } = vector.key;
    const key = createPublicKey({ key: { kty, crv, x, y }, format: "jwk" });
    const expectation = { nonce: fill(32, 1) };
    const verdict = verifyToken(bytes, key, expectation);
    assert.ok(verdict.ok);
    const json = tokenToJson(
      readToken(bytes) as Extract<ReturnType<typeof readToken>, { ok: true }>,
    );
    const plain = (value: string) => value.replace(/^h:/, "");
    const want = vector.token.claims;
    assert.is(json.nonce, plain(want["10"]));
    assert.is(json.instanceId, plain(want["256"]));
    assert.is(json.profile, want["265"]);
    assert.is(json.bootSeed, plain(want["268"]));
    assert.is(json.clientId, want["2394"]);
    assert.is(json.securityLifecycle, want["2395"]);
    assert.is(json.implementationId, plain(want["2396"]));
    assert.equal(json.softwareComponents, [
      {
        measurementType: want["2399"][0]["1"],
        measurementValue: plain(want["2399"][0]["2"]),
        signerId: plain(want["2399"][0]["5"]),
      },
    ]);
    for (let i = 0; i < bytes.length; i++) {
      const bent = bytes.slice();
      bent[i] = (bent[i] as number) ^ 1;
      assert.not.ok(verifyToken(bent, key, expectation).ok, `byte ${i}`);
    }
  });
} else skip(1, "the RFC 9783 example is read from ../shared/vectors/psa, which is not here");

const legacy = new Entries([
  [-75000, "PSA_IOT_PROFILE_1"],
  [-75001, -1],
  [-75002, 0x3000],
  [-75003, IMPLEMENTATION_ID],
  [-75004, fill(32, 0xb0)],
  [-75005, "1234567890123"],
  [-75006, [component([1, "ARoT"], [2, MEASUREMENT], [5, SIGNER])]],
  [-75008, NONCE],
  [-75009, device.instanceId],
  [-75010, "https://verifier.example"],
]);
const tolerated: [name: string, bytes: () => Uint8Array, expectation?: Expectation][] = [
  ["profile http://arm.com/psa/2.0.0", () => signed(claims.with(265, "http://arm.com/psa/2.0.0"))],
  [
    "profile 2.0.0 with its own boot seed key",
    () => signed(claims.with(265, "http://arm.com/psa/2.0.0").without(268).with(2397, fill(32, 2))),
  ],
  ["PSA_IOT_PROFILE_1 with its own claim keys", () => signed(legacy)],
  ["its own claim keys without a profile", () => signed(legacy.without(-75000))],
  [
    "PSA_IOT_PROFILE_1 named under the new key",
    () => signed(claims.with(265, "PSA_IOT_PROFILE_1")),
  ],
  ["no boot seed", () => signed(claims.without(268))],
  ["boot seed of 8 bytes", () => signed(claims.with(268, fill(8, 1)))],
  ["certification reference", () => signed(claims.with(2398, "1234567890123-12345"))],
  ["verification service", () => signed(claims.with(2400, "https://verifier.example"))],
  [
    "no measurement type",
    () => signed(claims.with(2399, [component([2, MEASUREMENT], [5, SIGNER])])),
  ],
  [
    "every member of a software component",
    () =>
      signed(
        claims.with(2399, [
          component([1, "BL"], [2, fill(48, 1)], [4, "1.0"], [5, fill(64, 2)], [6, "sha-384"]),
        ]),
      ),
  ],
  [
    "two software components",
    () =>
      signed(
        claims.with(2399, [
          component([1, "BL"], [2, fill(32, 1)], [5, SIGNER]),
          component([1, "ARoT"], [2, MEASUREMENT], [5, SIGNER]),
        ]),
      ),
  ],
  ["client ID at its ends", () => signed(claims.with(2394, 2 ** 31 - 1))],
  ["client ID at its lower end", () => signed(claims.with(2394, -(2 ** 31)))],
  ["lifecycle with the implementation's bits", () => signed(claims.with(2395, 0x30ff))],
  [
    "lifecycle debug where allowed",
    () => signed(claims.with(2395, 0x4001)),
    { ...expected, allowDevelopment: true },
  ],
  [
    "unknown claims: integer, text key, tag, float, nested",
    () =>
      signed(
        new Entries([
          ...claims.list,
          [70000, new Raw(Uint8Array.of(0xc1, 0xfb, ...fill(8, 0x41)))],
          ["note", [1, [true, null]]],
          [-99, new Entries([[fill(2, 1), 2]])],
          [[1, 2], 3],
        ]),
      ),
  ],
  [
    "unknown member of a software component, with a tag",
    () =>
      signed(
        claims.with(2399, [
          component([2, MEASUREMENT], [5, SIGNER], [9, new Raw(Uint8Array.of(0xc0, 0x61, 0x61))]),
        ]),
      ),
  ],
  ["entries in another order", () => signed(new Entries([...claims.list].reverse()))],
  [
    "integers and lengths not minimal",
    () =>
      signed(
        new Entries(
          claims.list.map(([key, value]) => [
            new Raw(head(0, key as number, 4)),
            value instanceof Uint8Array
              ? new Raw(Buffer.concat([head(2, value.length, 2), value]))
              : value === 0x3000
                ? new Raw(head(0, 0x3000, 8))
                : value,
          ]),
        ),
      ),
  ],
  [
    "lengths in the COSE array not minimal",
    () =>
      signed(claims, {
        tag: Uint8Array.of(0xd8, 18),
        elements: (e) =>
          e.map((x) =>
            x instanceof Uint8Array ? new Raw(Buffer.concat([head(2, x.length, 4), x])) : x,
          ),
      }),
  ],
  [
    "further headers: key ID, content type, x5chain",
    () =>
      signed(claims, {
        protectedHeader: new Entries([
          [1, -7],
          [3, "application/eat+cwt"],
        ]),
        unprotected: new Entries([
          [4, fill(8, 1)],
          [33, fill(9, 1)],
          ["vendor", 1],
        ]),
      }),
  ],
  ["high S", () => signed(claims, { signature: highS })],
  ["low S", () => signed(claims, { signature: lowS })],
];
const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
function withS(signature: Uint8Array, wantHigh: boolean): Uint8Array {
  const s = BigInt(`0x${Buffer.from(signature.subarray(32)).toString("hex")}`);
  const turned = s > N / 2n === wantHigh ? s : N - s;
  return Buffer.concat([
    signature.subarray(0, 32),
    Buffer.from(turned.toString(16).padStart(64, "0"), "hex"),
  ]);
}
function highS(signature: Uint8Array): Uint8Array {
  return withS(signature, true);
}
function lowS(signature: Uint8Array): Uint8Array {
  return withS(signature, false);
}
for (const [name, bytes, expectation] of tolerated)
  test(`accepted: ${name}`, () => {
    assert.is(ruleOf(bytes(), expectation), "accepted");
  });

test("nonces of 48 and 64 bytes are accepted", () => {
  for (const length of [48, 64])
    assert.is(
      ruleOf(signed(claims.with(10, fill(length, 5))), { nonce: fill(length, 5) }),
      "accepted",
    );
});

test("a token is printed for people, unknown claims too, nothing of it interpreted by a terminal", () => {
  const read = readToken(
    signed(claims.with(2400, "https://v.example/\u001b[31m").with(70000, ["x", fill(2, 0xee)])),
  );
  assert.ok(read.ok);
  const text = describeToken(read).join("\n");
  assert.match(text, /security lifecycle +secured \(0x3000\), production grade/);
  assert.match(text, new RegExp(`measurement +${"3e".repeat(32)}`));
  assert.match(text, /claim 70000 \(not PSA's\) +\["x", h'eeee'\]/);
  assert.not.ok(text.includes("\u001b"), "a terminal would read an escape sequence");
});

test("the forms of nonce are what docs/protocols.md says, and differ", () => {
  // Computed apart from this code, as by: printf 'veracruz-csr-v2' … | openssl dgst -sha256
  const challenge = fill(32, 0x11);
  const csr = new TextEncoder().encode("csr");
  const policyHash = fill(32, 0x22);
  const scopeHash = fill(32, 0x33);
  const exporter = fill(32, 0x44);
  const point = Uint8Array.of(4, ...fill(64, 0x55));
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
  assert.is(
    hex(certificationNonce({ challenge, csr, policyHash, scopeHash })),
    "595896180fc1049f733f495caadabb7332660cdb95598f5127a05e73af212ada",
  );
  const asked = { nonce: challenge, publicKey: csr, policyHash, exporter };
  assert.is(
    hex(reattestationNonce(asked)),
    "1ee695531e7d3f13d7889a94ff50c8c2ba2ce76dac0f5d81b887402c5a71bc92",
  );
  assert.is(
    hex(enrolmentNonce(challenge, point)),
    "bac613f303a9e3a6b5161a816c3242b8b556ef05b640102ddbf61f1c879be7fd",
  );
  const short = fill(31, 1);
  assert.throws(
    () => certificationNonce({ challenge: short, csr, policyHash, scopeHash }),
    /challenge has 31 bytes/,
  );
  assert.throws(() => reattestationNonce({ ...asked, policyHash: fill(33, 1) }), /33 bytes/);
  assert.throws(() => reattestationNonce({ ...asked, exporter: short }), /exporter has 31 bytes/);
  assert.throws(() => enrolmentNonce(challenge, short), /31 bytes/);
});

test.run();
