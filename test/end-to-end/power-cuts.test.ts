// Power cuts at each step: the isolate's process killed, and the emulator of a Cortex-M in two hosts.
import { test } from "uvu";
import { missingTools } from "../../host/mcu/toolchain.js";
import { hostsInTurn } from "../mcu-client/rotation.js";
import { boardInFull, emulatedDevice, hostProcess } from "../support/platforms.js";
import { skip } from "../support/shared.js";
import { TestAttestation } from "../support/system.js";
import { powerCuts } from "./power-cuts.js";

const hosts = hostsInTurn();
const missing = missingTools();
if (missing !== undefined) skip(hosts.length, missing);
const devices = missing ? [] : hosts.map((host) => emulatedDevice(boardInFull(), host));

for (const platform of [hostProcess, ...devices]) {
  const attestation = await TestAttestation.start({ platform });
  powerCuts(attestation);
  test.after(() => attestation.stop());
}
test.run();
