import { createPublicKey, randomBytes, randomInt } from "node:crypto";
import { CliError } from "../common/cli.js";
import { describeLifecycle, gradeOf, isLifecycle } from "../psa-attestation/lifecycle.js";
import { importP256 } from "../psa-attestation/p256.js";
import { ENROLMENT_FORMAT } from "../psa-attestation/root-of-trust.js";
import { kindOf } from "./enrolment-decision.js";
import type { Application, EnrolOutcome, Store } from "./store.js";

type Enrolled = Extract<EnrolOutcome, { outcome: "enrolled" }>;

/** Bytes from hexadecimal text of an exact length. */
export function parseHex(text: string, lengths: readonly number[], what: string): Uint8Array {
  const bytes = new Uint8Array(Buffer.from(text, "hex"));
  if (!/^([0-9a-f]{2})*$/i.test(text) || !lengths.includes(bytes.length))
    throw new CliError(`the ${what} is not ${lengths.join(" or ")} bytes in hexadecimal`);
  return bytes;
}

/** The SubjectPublicKeyInfo (DER) of a P-256 public key in PEM. */
export function parsePublicKey(pem: string): Uint8Array {
  let spki: Uint8Array;
  try {
    spki = new Uint8Array(createPublicKey(pem).export({ type: "spki", format: "der" }));
  } catch {
    throw new CliError("the public key is not a public key in PEM");
  }
  if (importP256(spki) === undefined) throw new CliError("the public key is not a P-256 key");
  return spki;
}

/** A device that somebody puts forward, before evidence and time are added. */
export type Applicant = Omit<Application, "enrolledAt" | "evidence">;

/** Checks what concerns the whole of it, however it was given. */
export function checkApplicant(applicant: Applicant): Applicant {
  if (applicant.instanceId[0] !== 1) throw new CliError("the instance ID does not start with 01");
  return applicant;
}

/**
 * Reads an enrolment file: JSON with `format`, `instanceId`, `publicKey` (PEM), `implementationId`,
 * `lifecycle`, `kind`, and optionally `label` and `grade`, which is for people.
 *
 * The file is the applicant's, and anybody can edit it: kind and lifecycle are decided by the server
 * (`decideEnrolment`). A file that claims anything else of its device is refused, as its device would be.
 *
 * @param evident whether there is evidence that the device is production grade
 * @throws CliError
 */
export function parseEnrolmentFile(json: string, evident = false): Applicant {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw new CliError(`the enrolment file is not JSON: ${(error as Error).message}`);
  }
  if (typeof value !== "object" || value === null)
    throw new CliError("the enrolment file is not a JSON object");
  const file = value as Record<string, unknown>;
  if (file.format !== ENROLMENT_FORMAT)
    throw new CliError(`the enrolment file's format is not ${ENROLMENT_FORMAT}`);
  const text = (name: string): string => {
    const member = file[name];
    if (typeof member !== "string") throw new CliError(`the enrolment file has no text "${name}"`);
    return member;
  };
  const { lifecycle } = file;
  if (typeof lifecycle !== "number")
    throw new CliError('the enrolment file has no number "lifecycle"');
  const implementationId = parseHex(text("implementationId"), [32], "implementation ID");
  const kind = kindOf(implementationId);
  const software =
    kind === "linux"
      ? "the implementation ID is that of the software root of trust: it is linux, development grade (0x4000), and nothing else"
      : undefined;
  if (file.kind !== kind)
    throw new CliError(software ?? `devices of this implementation ID are of kind ${kind}`);
  const grade = isLifecycle(lifecycle) ? gradeOf(lifecycle) : "untrusted";
  if (grade === "untrusted")
    throw new CliError(
      `lifecycle ${describeLifecycle(lifecycle)} gets no certificate: devices are enrolled secured (0x3000) or as development grade (0x4000)`,
    );
  if (grade === "production" && software !== undefined) throw new CliError(software);
  if (grade === "production" && !evident)
    throw new CliError(
      `the enrolment file says ${describeLifecycle(lifecycle)}, which is not taken on a file's word: give --endorsement, --token and --challenge`,
    );
  if (grade === "development" && evident)
    throw new CliError(
      `the enrolment file says ${describeLifecycle(lifecycle)}: there is nothing to endorse`,
    );
  return checkApplicant({
    instanceId: parseHex(text("instanceId"), [33], "instance ID"),
    publicKey: parsePublicKey(text("publicKey")),
    implementationId,
    label: typeof file.label === "string" ? file.label.slice(0, 100) : "",
  });
}

/**
 * Enrols a device.
 *
 * @throws CliError when the store refuses
 */
export async function enrol(store: Store, application: Application): Promise<Enrolled> {
  const result = await store.enrol(application);
  if (result.outcome !== "enrolled") throw new CliError(result.detail, 1);
  return result;
}

/**
 * Enrols the device of an enrolment file as development grade, as `vc-pas enroll --from` does.
 *
 * @throws CliError when the file is wrong or the store refuses
 */
export function enrolFile(store: Store, json: string, now = Date.now()): Promise<Enrolled> {
  return enrol(store, { ...parseEnrolmentFile(json), enrolledAt: now });
}

/**
 * Draws a challenge for a device to prove its key over when it is enrolled.
 *
 * @param lifetime milliseconds
 * @returns 32 bytes
 */
export async function enrolmentChallenge(store: Store, lifetime: number): Promise<Uint8Array> {
  const challenge = new Uint8Array(randomBytes(32));
  const expiresAt = Date.now() + lifetime;
  while (!(await store.addChallenge({ deviceId: randomInt(2 ** 31), challenge, expiresAt })));
  return challenge;
}
