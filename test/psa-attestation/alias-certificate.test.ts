// Tokens by an alias key that a device identity key has certified: what is taken, and what an attacker gets refused who has
// tokens, chains and alias keys of other starts and other devices.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { describeToken, tokenToJson } from "../../host/psa-attestation/inspect.js";
import { readToken, verifyToken } from "../../host/psa-attestation/verifier.js";
import {
  ALIAS_PROFILE,
  aliasClaims,
  certificate,
  coseKey,
  encoded,
  layeredToken,
  newLayeredDevice,
  withCertificate,
} from "./aliases.js";
import {
  cbor,
  claimsFor,
  Entries,
  fill,
  MEASUREMENT,
  NONCE,
  Raw,
  SIGNER,
  token,
} from "./tokens.js";

const device = newLayeredDevice();
const { identity, alias } = device;
const claims = claimsFor(identity, NONCE);
const certified = aliasClaims(claims, alias.point);
const chain = certificate(certified, identity.privateKey);
const other = newLayeredDevice();

/** The rule by which the verifier refuses a token under the identity key of a device, or "accepted". */
function ruleOf(bytes: Uint8Array, of = identity): string {
  const expected = { nonce: NONCE, instanceId: of.instanceId, allowDevelopment: true };
  const verdict = verifyToken(bytes, of.publicKey, expected);
  if (!verdict.ok) assert.ok(verdict.detail.length > 0, `${verdict.rule} has no detail`);
  return verdict.ok ? "accepted" : verdict.rule;
}

const bent = (claimsSet: Entries | Uint8Array) =>
  withCertificate(claims, alias.privateKey, certificate(claimsSet, identity.privateKey));
const beside = (bytes: Uint8Array | Entries) => withCertificate(claims, alias.privateKey, bytes);
const component = (measurement: Uint8Array, version?: string) =>
  new Entries([
    [1, "ARoT"],
    [2, measurement],
    ...((version === undefined ? [] : [[4, version]]) as [unknown, unknown][]),
    [5, SIGNER],
  ]);
const key = coseKey(alias.point);
const withKey = (changed: Entries) => bent(certified.with(8, new Entries([[1, changed]])));

test("a token by a certified alias key is accepted, and says what the certificate says", () => {
  const bytes = layeredToken(device, NONCE);
  const verdict = verifyToken(bytes, identity.publicKey, { nonce: NONCE });
  assert.ok(verdict.ok);
  assert.equal(verdict.claims.instanceId, identity.instanceId);
  assert.equal(verdict.claims.softwareComponents[0]?.measurementValue, MEASUREMENT);
});

test("an update changes alias key and measurements, and the device stays the same", () => {
  const updated = { identity, alias: other.alias };
  const change = (of: Entries) => of.with(2399, [component(fill(32, 0x77), "2.0")]);
  const verdict = verifyToken(layeredToken(updated, NONCE, change), identity.publicKey, {
    nonce: NONCE,
    instanceId: identity.instanceId,
  });
  assert.ok(verdict.ok);
  assert.is(verdict.claims.softwareComponents[0]?.version, "2.0");
});

const attacks: [string, string, Uint8Array, typeof identity?][] = [
  [
    "signed by another alias key",
    "signature",
    withCertificate(claims, other.alias.privateKey, chain),
  ],
  [
    "signed by the identity key itself",
    "signature",
    withCertificate(claims, identity.privateKey, chain),
  ],
  ["without its chain", "signature", token(claims, alias.privateKey)],
  ["with the chain of another device", "alias-signature", layeredToken(other, NONCE)],
  [
    "whose chain another device has signed for this one",
    "alias-signature",
    beside(certificate(certified, other.identity.privateKey)),
  ],
  [
    "whose chain the alias key has signed",
    "alias-signature",
    beside(certificate(certified, alias.privateKey)),
  ],
  [
    "with another measurement than the chain",
    "alias-mismatch",
    withCertificate(claims.with(2399, [component(fill(32, 9))]), alias.privateKey, chain),
  ],
  [
    "with another version than the chain",
    "alias-mismatch",
    withCertificate(claims.with(2399, [component(MEASUREMENT, "9.0")]), alias.privateKey, chain),
  ],
  [
    "with a component more than the chain",
    "alias-mismatch",
    withCertificate(
      claims.with(2399, [component(MEASUREMENT), component(fill(32, 9))]),
      alias.privateKey,
      chain,
    ),
  ],
  [
    "that claims to be secured, of a start that was open",
    "alias-mismatch",
    beside(certificate(certified.with(2395, 0x4000), identity.privateKey)),
  ],
  [
    "with another implementation ID than the chain",
    "alias-mismatch",
    withCertificate(claims.with(2396, fill(32, 3)), alias.privateKey, chain),
  ],
  [
    "with another instance ID than the chain",
    "alias-mismatch",
    withCertificate(claims.with(256, other.identity.instanceId), alias.privateKey, chain),
  ],
  [
    "whose chain names another device than has signed it",
    "alias-identity",
    beside(certificate(certified.with(256, other.identity.instanceId), identity.privateKey)),
  ],
  [
    "whose alias key is the identity key",
    "alias-key",
    withCertificate(
      claims,
      identity.privateKey,
      certificate(aliasClaims(claims, identity.point), identity.privateKey),
    ),
  ],
  ["whose chain is a token", "alias-structure", beside(token(claims, identity.privateKey))],
  ["whose chain is for another purpose", "alias-structure", bent(certified.with(265, "tag:x"))],
  [
    "whose chain has another profile",
    "alias-structure",
    bent(certified.with(265, Uint8Array.of(0x55, 0x1e, 0x06))),
  ],
  ["whose chain is for no key", "alias-structure", bent(certified.without(8))],
  ["whose chain says more", "alias-structure", bent(certified.with(2400, "a.example"))],
  ["whose chain says no lifecycle", "alias-structure", bent(certified.without(2395))],
  [
    "whose chain has its claims in another order",
    "alias-structure",
    bent(new Entries([...certified.list].reverse())),
  ],
  [
    "whose chain says a claim twice",
    "cbor-duplicate-key",
    bent(new Entries([...certified.list, [2395, 0x3000]])),
  ],
  ["whose chain is no map", "alias-structure", bent(new Uint8Array(cbor([1])))],
  [
    "whose chain has bytes after its claims",
    "cbor-trailing-bytes",
    bent(Buffer.concat([encoded(certified), Buffer.of(0)])),
  ],
  [
    "whose chain has a lifecycle that is none",
    "security-lifecycle",
    bent(certified.with(2395, 0x7000)),
  ],
  ["whose key may sign", "alias-key-usage", withKey(key.with(4, [1, 2]))],
  ["whose key may sign only", "alias-key-usage", withKey(key.with(4, [1]))],
  ["whose key agrees on keys", "alias-key-usage", withKey(key.with(4, [7]))],
  ["whose key is for whatever", "alias-structure", withKey(key.without(4))],
  ["whose key is for another algorithm", "alias-key-usage", withKey(key.with(3, -35))],
  ["whose key is on another curve", "alias-key", withKey(key.with(-1, 2))],
  ["whose key is of another type", "alias-key", withKey(key.with(1, 1))],
  ["whose key is short", "alias-key", withKey(key.with(-2, fill(31, 1)))],
  ["whose key is no point", "alias-key", withKey(key.with(-3, fill(32, 1)))],
  ["whose key is half of one", "alias-key", withKey(key.with(-3, true))],
  ["whose chain is a byte string", "alias-structure", beside(new Entries([[13, chain]]))],
  [
    "whose chain is an array of chains",
    "alias-structure",
    beside(new Entries([[13, [new Raw(chain), new Raw(chain)]]])),
  ],
  [
    "with its chain twice",
    "cbor-duplicate-key",
    beside(
      new Entries([
        [13, new Raw(chain)],
        [13, new Raw(chain)],
      ]),
    ),
  ],
  [
    "whose chain has an unprotected header",
    "alias-structure",
    beside(
      certificate(certified, identity.privateKey, {
        unprotected: new Entries([[4, fill(4, 1)]]),
      }),
    ),
  ],
  [
    "whose chain is longer than any",
    "alias-size",
    bent(
      certified.with(2399, [
        component(MEASUREMENT),
        component(fill(64, 1)),
        component(fill(64, 2)),
        component(fill(64, 3)),
      ]),
    ),
  ],
  [
    "whose chain has another signature",
    "alias-signature",
    beside(
      certificate(certified, identity.privateKey, {
        signature: (right) => Uint8Array.from(right, (byte, i) => (i === 40 ? byte ^ 1 : byte)),
      }),
    ),
  ],
  [
    "whose chain is untagged",
    "alias-structure",
    beside(certificate(certified, identity.privateKey, { tag: new Uint8Array(0) })),
  ],
  [
    "whose chain is under another tag",
    "cose-tag",
    beside(certificate(certified, identity.privateKey, { tag: Uint8Array.of(0xd1) })),
  ],
];

for (const [name, rule, bytes, of] of attacks)
  test(`refused (${rule}): a token ${name}`, () => assert.is(ruleOf(bytes, of), rule));

test("a chain in the protected header is none", () => {
  const protectedHeader = new Entries([
    [1, -7],
    [13, new Raw(chain)],
  ]);
  assert.is(ruleOf(token(claims, alias.privateKey, { protectedHeader })), "signature");
});

test("no chain that is cut off or has one bit changed is accepted", () => {
  const right = beside(chain);
  assert.is(ruleOf(right), "accepted");
  for (let length = 0; length < chain.length; length++)
    assert.is.not(ruleOf(beside(chain.subarray(0, length))), "accepted", `${length} bytes`);
  for (let at = 0; at < chain.length; at++) {
    const changed = Uint8Array.from(chain);
    changed[at] = (changed[at] as number) ^ (1 << (at % 8));
    assert.is.not(ruleOf(beside(changed)), "accepted", `byte ${at}`);
  }
});

test("a token with a chain is printed for people", () => {
  const read = readToken(layeredToken(device, NONCE));
  assert.ok(read.ok);
  const text = describeToken(read).join("\n");
  assert.match(text, new RegExp(`alias key +${Buffer.from(alias.point).toString("hex")}`));
  assert.match(JSON.stringify(tokenToJson(read)), /"alias":\{"publicKey":"04/);
  assert.equal(ALIAS_PROFILE, Uint8Array.of(85, 30, 7));
});

test.run();
