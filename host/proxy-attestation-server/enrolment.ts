import { createPublicKey } from "node:crypto";
import { CliError } from "../common/cli.js";
import {
  describeLifecycle,
  gradeOf,
  isLifecycle,
  lifecycleState,
} from "../psa-attestation/lifecycle.js";
import { importP256 } from "../psa-attestation/p256.js";
import type { IsolateKind } from "./certificate.js";
import type { Device, EnrolRefusal, Store } from "./store.js";

/** What an operator enrols: from a file that a root of trust wrote, or from options. */
export type Enrolment = Pick<
  Device,
  "instanceId" | "publicKey" | "implementationId" | "lifecycle" | "kind" | "label"
>;

/** Value of `format` in an enrolment file. */
export const ENROLMENT_FORMAT = "veracruz-enrolment-v1";

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

/** Checks what concerns the whole enrolment, however it was given. */
export function checkEnrolment(enrolment: Enrolment): Enrolment {
  const { lifecycle, kind } = enrolment;
  if (enrolment.instanceId[0] !== 1) throw new CliError("the instance ID does not start with 01");
  if (!isLifecycle(lifecycle) || gradeOf(lifecycle) === "untrusted")
    throw new CliError(
      `lifecycle ${describeLifecycle(lifecycle)} gets no certificate: enrol secured (0x3000) or debug (0x4000) devices`,
    );
  if (kind === "linux" && gradeOf(lifecycle) === "production")
    throw new CliError(
      "the root of trust of a host isolate is software: it is enrolled as development grade (0x4000) only",
    );
  return { ...enrolment, lifecycle: lifecycleState(lifecycle) };
}

export function parseKind(text: unknown): IsolateKind {
  if (text !== "linux" && text !== "mcu") throw new CliError('the kind is not "linux" or "mcu"');
  return text;
}

/**
 * Reads an enrolment file: JSON with `format`, `instanceId`, `publicKey` (PEM), `implementationId`,
 * `lifecycle`, `kind`, and optionally `label` and `grade`, which is for people.
 *
 * @throws CliError
 */
export function parseEnrolmentFile(json: string): Enrolment {
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
  if (typeof file.lifecycle !== "number")
    throw new CliError('the enrolment file has no number "lifecycle"');
  if (file.grade === "development" && gradeOf(file.lifecycle) === "production")
    throw new CliError("a development-grade key cannot be enrolled as secured");
  return checkEnrolment({
    instanceId: parseHex(text("instanceId"), [33], "instance ID"),
    publicKey: parsePublicKey(text("publicKey")),
    implementationId: parseHex(text("implementationId"), [32], "implementation ID"),
    lifecycle: file.lifecycle,
    kind: parseKind(file.kind),
    label: typeof file.label === "string" ? file.label.slice(0, 100) : "",
  });
}

/**
 * Enrols the device of an enrolment file, as `vc-pas enroll --from` does.
 *
 * @throws CliError when the file is wrong or the store refuses
 */
export async function enrolFile(store: Store, json: string, now = Date.now()): Promise<Enrolment> {
  const enrolment = parseEnrolmentFile(json);
  const outcome = await store.enrol({ ...enrolment, enrolledAt: now });
  if (outcome !== "enrolled") throw new CliError(ENROL_REFUSALS[outcome], 1);
  return enrolment;
}

/** Why a device was not enrolled, in words. */
export const ENROL_REFUSALS: Record<EnrolRefusal, string> = {
  "instance-known": "a device with this instance ID is enrolled already",
  "key-known": "a device with this public key is enrolled already",
  "kind-differs": "devices with this implementation ID are enrolled as another kind",
};
