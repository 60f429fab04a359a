import { createPublicKey, type KeyObject, randomBytes } from "node:crypto";
import { CliError } from "../common/cli.js";
import { enrolmentNonce } from "../psa-attestation/nonces.js";
import { verifyToken } from "../psa-attestation/verifier.js";
import { type BoardLink, Step, type UpdateState } from "./link.js";
import { type Manifest, signConfirmation } from "./manifest.js";

/** Measurement types of a token's software components, in the order of a manifest's images. */
const measurementTypes = ["ARoT", "NSPE"];

/** The device as it was enrolled: `BoardEnrolment` has these. */
export interface EnrolledDevice {
  /** In hexadecimal, 33 bytes. */
  readonly instanceId: string;
  /** PEM. */
  readonly publicKey: string;
}

/** An uncompressed point. */
function pointOf(key: KeyObject): Uint8Array {
  return new Uint8Array(key.export({ type: "spki", format: "der" }).subarray(-65));
}

/**
 * Has a board attest the images that it runs.
 *
 * @throws CliError when its token is not the enrolled device's, or names other images than the manifest
 */
async function attest(link: BoardLink, manifest: Manifest, device: EnrolledDevice): Promise<void> {
  const key = createPublicKey(device.publicKey);
  const challenge = new Uint8Array(randomBytes(32));
  const verified = verifyToken(await link.prove(challenge), key, {
    nonce: enrolmentNonce(challenge, pointOf(key)),
    instanceId: Buffer.from(device.instanceId, "hex"),
    allowDevelopment: true,
  });
  if (!verified.ok)
    throw new CliError(
      `the board does not attest itself: ${verified.detail} (${verified.rule})`,
      1,
    );
  manifest.components.forEach(({ name, digest }, index) => {
    const type = measurementTypes[index];
    const found = verified.claims.softwareComponents.filter(
      (each) => each.measurementType === type,
    );
    if (
      found.length !== 1 ||
      Buffer.compare(found[0]?.measurementValue ?? Buffer.of(), digest) !== 0
    )
      throw new CliError(`the board runs another image ${name} than the manifest names`, 1);
  });
}

/**
 * Has a board attest that it runs the candidate of a manifest, and confirms it then.
 *
 * @param key the owner's private key
 * @throws CliError, UpdateRefused
 */
export async function confirmUpdate(
  link: BoardLink,
  manifest: Manifest,
  device: EnrolledDevice,
  key: KeyObject,
): Promise<UpdateState> {
  const state = await link.state();
  if (state.confirmedSequence === manifest.sequence && !state.trial) return state;
  if (!state.trial || Buffer.compare(state.running, manifest.digest) !== 0)
    throw new CliError(
      state.candidate === "ready"
        ? "the board has the candidate and does not run it yet: restart the board (vc-mcu update)"
        : `the board runs images of sequence number ${state.runningSequence}${state.trial ? "" : ", which are confirmed"}, and not these`,
      1,
    );
  await attest(link, manifest, device);
  const instanceId = Buffer.from(device.instanceId, "hex");
  return link.step(Step.CONFIRM, 0, signConfirmation(manifest.digest, instanceId, key));
}
