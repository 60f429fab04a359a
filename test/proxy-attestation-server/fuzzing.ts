// Malformed tokens, certification requests, certificates, statements and message bodies by the
// thousand. Whatever comes, each parser answers with a verdict: an exception of any other kind, or
// anything accepted that was not signed so, is a finding.
import { generateKeyPairSync } from "node:crypto";
import { commitPayload, verifyCommit } from "../../host/continuity/commit-statement.js";
import { decodeScope, ScopeError } from "../../host/continuity/scope.js";
import { initialiseCa, loadCa } from "../../host/proxy-attestation-server/ca.js";
import { AttestationService } from "../../host/proxy-attestation-server/service.js";
import { StatementSigner } from "../../host/proxy-attestation-server/signer.js";
import { SqliteStore } from "../../host/proxy-attestation-server/sqlite-store.js";
import {
  statementPayload,
  verifyStatement,
} from "../../host/proxy-attestation-server/statement.js";
import { verifyToken } from "../../host/psa-attestation/verifier.js";
import {
  decodeMessage,
  encodeMessage,
  TransportError,
} from "../../host/transport-protocol/index.js";
import {
  isolateCertificate,
  OID_COMMIT_SERVICE,
  OID_VERIFICATION_SERVICE,
  randomSerial,
} from "../../host/x509/certificate.js";
import { readCsr } from "../../host/x509/csr.js";
import { verifyIsolateCertificate } from "../../host/x509/read-certificate.js";
import {
  certificate as aliasCertificate,
  aliasClaims,
  encoded,
  newLayeredDevice,
  withCertificate,
} from "../psa-attestation/aliases.js";
import { cbor, claimsFor, fill, MEASUREMENT, newDevice, token } from "../psa-attestation/tokens.js";
import { Random } from "../support/random.js";
import {
  allowMeasurement,
  csrFor,
  enrol,
  newIsolateKey,
  nonceFor,
  POLICY,
  POLICY_DEMAND,
  POLICY_HASH,
  SCOPE,
  temporaryFolder,
} from "./support.js";

/** Bytes at which encodings of lengths and types change. */
const EDGES = [
  0, 1, 0x17, 0x18, 0x1b, 0x1f, 0x30, 0x3f, 0x58, 0x5f, 0x7f, 0x80, 0x84, 0x9f, 0xa0, 0xbf, 0xd2,
  0xff,
];

const CHAINED_TOKEN = "token with its chain";
const CHAIN = "chain beside a token";

/** One to four changes: bits, bytes, edges, cuts, repeats, moves, insertions. */
export function mutate(bytes: Uint8Array, dice: Random, donor: Uint8Array): Uint8Array {
  let mutant = Uint8Array.from(bytes);
  for (let changes = 1 + dice.below(4); changes > 0; changes--) {
    const at = dice.below(Math.max(1, mutant.length));
    const length = dice.below(24);
    switch (dice.below(8)) {
      case 0:
        mutant[at] = (mutant[at] ?? 0) ^ (1 << dice.below(8));
        break;
      case 1:
        mutant[at] = dice.below(256);
        break;
      case 2:
        mutant[at] = EDGES[dice.below(EDGES.length)] as number;
        break;
      case 3:
        mutant = mutant.slice(0, at);
        break;
      case 4:
        mutant = Uint8Array.of(...mutant.slice(0, at), ...mutant.slice(at + length));
        break;
      case 5: {
        const piece = mutant.slice(at, at + length);
        const to = dice.below(mutant.length + 1);
        mutant = Uint8Array.of(...mutant.slice(0, to), ...piece, ...mutant.slice(to));
        break;
      }
      case 6: {
        const from = dice.below(donor.length);
        const piece = donor.slice(from, from + length);
        mutant = Uint8Array.of(...mutant.slice(0, at), ...piece, ...mutant.slice(at));
        break;
      }
      default:
        for (let i = at; i < Math.min(mutant.length, at + length); i++)
          mutant[i] = EDGES[dice.below(EDGES.length)] as number;
    }
  }
  return mutant;
}

export interface Findings {
  runs: number;
  accepted: number;
  refusals: Record<string, number>;
}

const same = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;

/**
 * Runs every target `count` times.
 *
 * @throws on the first finding, naming target, seed and input
 */
export async function fuzz(
  count: number,
  seed: number,
  progress: (target: string, findings: Findings) => void = () => {},
): Promise<void> {
  const folder = temporaryFolder();
  const keyPath = `${folder.path}/ca-key.pem`;
  const caPath = `${folder.path}/ca.pem`;
  initialiseCa(keyPath, caPath, "Test CA", 30);
  const ca = loadCa(keyPath, caPath);
  const store = SqliteStore.open(`${folder.path}/pas.sqlite`);
  const service = new AttestationService(store, ca, { challengeLifetime: 86_400_000 });
  const device = newDevice();
  await enrol(store, device);
  await allowMeasurement(store);

  const key = newIsolateKey();
  const csr = csrFor(key);
  const nonce = fill(32, 0xaa);
  const claims = cbor(claimsFor(device, nonce));
  const native = token(claims, device.privateKey);
  const now = Date.now();
  const certificate = isolateCertificate(
    { spki: key.spki, runtimeHash: MEASUREMENT, kind: "mcu", lifecycle: 0x3000, ...POLICY_DEMAND },
    ca,
    { notBefore: now - 1000, notAfter: now + 86_400_000 },
    randomSerial(),
  );
  const asked = {
    nonce,
    publicKey: key.spki,
    policyHash: POLICY_HASH,
    exporter: fill(32, 0xe0),
  };
  const statement = new StatementSigner(ca, OID_VERIFICATION_SERVICE).sign(
    statementPayload(
      {
        ...asked,
        kind: "mcu",
        lifecycle: 0x3000,
        runtimeHash: MEASUREMENT,
        instanceId: device.instanceId,
        highest: 1,
      },
      now,
    ),
    now,
  );
  const subject = { ...POLICY_DEMAND, publicKey: key.spki };
  const commit = new StatementSigner(ca, OID_COMMIT_SERVICE).sign(
    commitPayload(subject, { n: 1, of: 2 }, now),
    now,
  );
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const started = await service.start({ type: "start", protocol: "psa", firmwareVersion: "" });
  if (!started.ok) throw new Error(started.detail);
  const { challenge, deviceId } = started.message;
  const enrolment = token(claimsFor(device, nonceFor(challenge, csr)), device.privateKey);
  const message = encodeMessage({
    type: "nativeAttestationToken",
    token: enrolment,
    csr,
    deviceId,
    ...POLICY,
  });

  // A device whose first stage has certified an alias key: a token, and what is beside it.
  const { identity, alias } = newLayeredDevice();
  const layeredClaims = claimsFor(identity, nonce);
  const certified = encoded(aliasClaims(layeredClaims, alias.point));
  const chain = aliasCertificate(certified, identity.privateKey);
  const layered = (beside: Uint8Array) => withCertificate(layeredClaims, alias.privateKey, beside);
  const verifyLayered = (input: Uint8Array) =>
    verifyToken(input, identity.publicKey, { nonce, instanceId: identity.instanceId });
  const layeredOriginal = layered(chain);
  if (!verifyLayered(layeredOriginal).ok) throw new Error("the token with its chain is refused");

  type Verdict = { ok: boolean; rule?: string };
  /** Each target: the input that is mutated, what takes it, and whether an acceptance is a finding. */
  const targets: [
    string,
    Uint8Array,
    (input: Uint8Array) => Verdict | Promise<Verdict>,
    boolean,
  ][] = [
    ["token", native, (input) => verifyToken(input, device.publicKey, { nonce }), true],
    [
      "claims, signed by another key",
      claims,
      (input) => verifyToken(token(input, privateKey), device.publicKey, { nonce }),
      true,
    ],
    // With a valid signature over whatever the claims have become: acceptance is no finding here.
    [
      "claims, signed",
      claims,
      (input) => verifyToken(token(input, device.privateKey), device.publicKey, { nonce }),
      false,
    ],
    [CHAINED_TOKEN, layeredOriginal, verifyLayered, true],
    // Beside a token that its alias key signs as ever.
    [CHAIN, chain, (input) => verifyLayered(layered(input)), true],
    // The identity key signs whatever the certificate has become: the token says otherwise, or it is by another key.
    [
      "certificate's claims, signed by the identity",
      certified,
      (input) => verifyLayered(layered(aliasCertificate(input, identity.privateKey))),
      true,
    ],
    [
      "certificate's claims, signed by another key",
      certified,
      (input) => verifyLayered(layered(aliasCertificate(input, alias.privateKey))),
      true,
    ],
    ["certification request", csr, readCsr, true],
    [
      "certificate",
      certificate,
      (input) =>
        verifyIsolateCertificate(input, {
          ...POLICY_DEMAND,
          ca: ca.certificate,
          runtimeHashes: { mcu: MEASUREMENT },
          now,
        }),
      true,
    ],
    [
      "commit",
      commit,
      (input) =>
        verifyCommit(input, { ...subject, ca: ca.certificate, of: 2, isolateNotBefore: now, now }),
      true,
    ],
    ["scope", SCOPE, (input) => scopeVerdict(input), false],
    [
      "statement",
      statement,
      (input) =>
        verifyStatement(input, {
          ...asked,
          ca: ca.certificate,
          runtimeHashes: { mcu: MEASUREMENT },
          isolateNotBefore: now,
          now,
        }),
      true,
    ],
    [
      "request of the service",
      message,
      async (input) => {
        // Would use the challenge up, and keep all later inputs from getting further.
        if (same(input, message)) return { ok: false, rule: "unchanged" };
        try {
          const request = decodeMessage("attestationRequest", input);
          if (request.type === "start") return await service.start(request);
          if (request.type === "verifyProxyToken") return await service.verifyProxyToken(request);
          if (request.type === "commitComputation") return await service.commit(request);
          return await service.attest(request);
        } catch (error) {
          if (error instanceof TransportError) return { ok: false, rule: "message" };
          throw error;
        }
      },
      true,
    ],
  ];
  try {
    for (const [name, original, target, acceptanceIsFinding] of targets) {
      const dice = new Random(seed);
      const findings: Findings = { runs: 0, accepted: 0, refusals: {} };
      for (; findings.runs < count; findings.runs++) {
        const donor = targets[dice.below(targets.length)]?.[1] ?? original;
        const input = mutate(original, dice, donor);
        const shown = `${name}, seed ${seed}, run ${findings.runs}: ${Buffer.from(input).toString("hex")}`;
        let verdict: Verdict;
        try {
          verdict = await target(input);
        } catch (error) {
          throw new Error(`exception from ${shown}`, { cause: error });
        }
        if (verdict.ok) findings.accepted++;
        else {
          const rule = verdict.rule ?? "?";
          findings.refusals[rule] = (findings.refusals[rule] ?? 0) + 1;
        }
        if (verdict.ok && acceptanceIsFinding && !isEquivalent(name, input, original))
          throw new Error(`accepted: ${shown}`);
      }
      progress(name, findings);
    }
  } finally {
    await store.close();
    folder.remove();
  }
}

function scopeVerdict(input: Uint8Array): { ok: boolean; rule?: string } {
  try {
    decodeScope(input);
    return { ok: true };
  } catch (error) {
    if (error instanceof ScopeError) return { ok: false, rule: error.message.replace(/\d+/g, "n") };
    throw error;
  }
}

/** Changes that undo themselves, and those to the unprotected header, which nothing signs. */
function isEquivalent(name: string, input: Uint8Array, original: Uint8Array): boolean {
  if (same(input, original)) return true;
  // Neither has anything that is not signed, but where the certificate stands in the token.
  if (name === CHAIN || name === CHAINED_TOKEN) return false;
  if (name !== "token" && name !== "statement" && name !== "commit") return false;
  // The payload and the signature are the same, whatever stands around them.
  const payload = original.subarray(original.length - 66 - 64, original.length - 66);
  const signature = original.subarray(original.length - 64);
  return (
    Buffer.from(input).includes(Buffer.from(payload)) &&
    Buffer.from(input).includes(Buffer.from(signature))
  );
}
