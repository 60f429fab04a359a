import { test } from "uvu";
import { type Host, missingTools, runtimeHosts } from "../../host/mcu/toolchain.js";
import { SharedDevice } from "../mcu-client/deployment.js";
import { notInTurn } from "../mcu-client/rotation.js";
import { boardInFull } from "../support/platforms.js";
import { skip } from "../support/shared.js";
import { computations } from "./computations.js";
import { refusals } from "./refusals.js";

/** Runs the server tests on the trusted runtime of one emulated board, one deployment after the other. */
export function onDevice(runtimeHost: Host): void {
  const reason = missingTools() ?? notInTurn(runtimeHost, runtimeHosts);
  if (reason === undefined) {
    const device = new SharedDevice({ board: boardInFull(), runtimeHost });
    computations(device);
    refusals(device);
    test.after(() => device.stop());
  } else skip(1, reason);
  test.run();
}
