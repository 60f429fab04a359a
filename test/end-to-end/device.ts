import { test } from "uvu";
import { type Host, missingTools, runtimeHosts } from "../../host/mcu/toolchain.js";
import { notInTurn } from "../mcu-client/rotation.js";
import { boardInFull, emulatedDevice } from "../support/platforms.js";
import { skip } from "../support/shared.js";
import { TestAttestation } from "../support/system.js";
import { computations } from "./computations.js";
import { endPoints } from "./end-points.js";
import { lifecycle } from "./lifecycle.js";
import { serverKills } from "./server-kills.js";

/** Runs the end-to-end tests against an emulated board. */
export async function onDevice(runtimeHost: Host): Promise<void> {
  const reason = missingTools() ?? notInTurn(runtimeHost, runtimeHosts);
  if (reason === undefined) {
    const attestation = await TestAttestation.start({
      // Programs are compiled in one of the builds, interpreted in the other.
      platform: emulatedDevice(
        boardInFull(),
        runtimeHost,
        runtimeHost === "wasm3" ? undefined : "JIT",
      ),
    });
    computations(attestation);
    endPoints(attestation);
    lifecycle(attestation);
    serverKills(attestation);
    test.after(() => attestation.stop());
  } else skip(1, reason);
  test.run();
}
