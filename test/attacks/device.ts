import { test } from "uvu";
import type { Host } from "../../host/mcu/toolchain.js";
import { boardInFull, emulatedDevice } from "../support/platforms.js";
import { skip } from "../support/shared.js";
import { TestAttestation } from "../support/system.js";
import { memoryAttacks } from "./memory.js";
import { principalAttacks } from "./principals.js";
import { readerAttacks } from "./readers.js";
import { restartAttacks } from "./restarts.js";
import { strangerAttacks } from "./strangers.js";
import { whyNoAttack } from "./turns.js";

/** Mounts the attacks on an emulated board. */
export async function attackDevice(runtimeHost: Host): Promise<void> {
  const reason = whyNoAttack(runtimeHost);
  if (reason === undefined) {
    const platform = emulatedDevice(boardInFull(), runtimeHost);
    const attestation = await TestAttestation.start({ platform });
    strangerAttacks(attestation);
    principalAttacks(attestation);
    memoryAttacks(attestation);
    readerAttacks(attestation);
    restartAttacks(attestation);
    test.after(() => attestation.stop());
  } else skip(1, reason);
  test.run();
}
