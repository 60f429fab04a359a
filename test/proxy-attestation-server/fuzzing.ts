// Malformed tokens, certification requests, certificates, statements and message bodies by the
// thousand. Whatever comes, each parser answers with a verdict: an exception of any other kind, or
// anything accepted that was not signed so, is a finding.
import { generateKeyPairSync } from "node:crypto";
import { initialiseCa, loadCa } from "../../host/proxy-attestation-server/ca.js";
import {
  isolateCertificate,
  randomSerial,
} from "../../host/proxy-attestation-server/certificate.js";
import { readCsr } from "../../host/proxy-attestation-server/csr.js";
import { verifyIsolateCertificate } from "../../host/proxy-attestation-server/read-certificate.js";
import { AttestationService } from "../../host/proxy-attestation-server/service.js";
import { SqliteStore } from "../../host/proxy-attestation-server/sqlite-store.js";
import { StatementSigner, verifyStatement } from "../../host/proxy-attestation-server/statement.js";
import { enrolmentNonce, reattestationNonce } from "../../host/psa-attestation/nonces.js";
import { verifyToken } from "../../host/psa-attestation/verifier.js";
import {
  decodeMessage,
  encodeMessage,
  TransportError,
} from "../../host/transport-protocol/index.js";
import { cbor, claimsFor, fill, MEASUREMENT, newDevice, token } from "../psa-attestation/tokens.js";
import { allowMeasurement, csrFor, enrol, newIsolateKey, temporaryFolder } from "./support.js";

/** A small generator of repeatable pseudo-random numbers (xorshift32), for choosing mutations. */
export class Dice {
  private state: number;

  constructor(seed: number) {
    this.state = seed | 0 || 1;
  }

  below(bound: number): number {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    return (this.state >>> 0) % bound;
  }
}

/** Bytes at which encodings of lengths and types change. */
const EDGES = [
  0, 1, 0x17, 0x18, 0x1b, 0x1f, 0x30, 0x3f, 0x58, 0x5f, 0x7f, 0x80, 0x84, 0x9f, 0xa0, 0xbf, 0xd2,
  0xff,
];

/** One to four changes: bits, bytes, edges, cuts, repeats, moves, insertions. */
export function mutate(bytes: Uint8Array, dice: Dice, donor: Uint8Array): Uint8Array {
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
    { spki: key.spki, runtimeHash: MEASUREMENT, kind: "mcu", lifecycle: 0x3000 },
    ca,
    { notBefore: now - 1000, notAfter: now + 86_400_000 },
    randomSerial(),
  );
  const policyHash = fill(32, 0x90);
  const statement = new StatementSigner(ca).sign(
    {
      clientNonce: nonce,
      claims: cbor(claimsFor(device, reattestationNonce(nonce, key.spki, policyHash))),
      spki: key.spki,
      policyHash,
      kind: "mcu",
      runtimeHash: MEASUREMENT,
    },
    now,
  );
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const started = await service.start({ type: "start", protocol: "psa", firmwareVersion: "" });
  if (!started.ok) throw new Error(started.detail);
  const { challenge, deviceId } = started.message;
  const enrolment = token(claimsFor(device, enrolmentNonce(challenge, csr)), device.privateKey);
  const message = encodeMessage({
    type: "nativeAttestationToken",
    token: enrolment,
    csr,
    deviceId,
  });

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
    ["certification request", csr, readCsr, true],
    [
      "certificate",
      certificate,
      (input) =>
        verifyIsolateCertificate(input, {
          ca: ca.certificate,
          runtimeHashes: { mcu: MEASUREMENT },
          now,
        }),
      true,
    ],
    [
      "statement",
      statement,
      (input) =>
        verifyStatement(input, {
          ca: ca.certificate,
          clientNonce: nonce,
          spki: key.spki,
          policyHash,
          runtimeHashes: { mcu: MEASUREMENT },
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
      const dice = new Dice(seed);
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

/** Changes that undo themselves, and those to the unprotected header, which nothing signs. */
function isEquivalent(name: string, input: Uint8Array, original: Uint8Array): boolean {
  if (same(input, original)) return true;
  if (name !== "token" && name !== "statement") return false;
  // The payload and the signature are the same, whatever stands around them.
  const payload = original.subarray(original.length - 66 - 64, original.length - 66);
  const signature = original.subarray(original.length - 64);
  return (
    Buffer.from(input).includes(Buffer.from(payload)) &&
    Buffer.from(input).includes(Buffer.from(signature))
  );
}
