import { type Host, missingTools, runtimeHosts } from "../../host/mcu/toolchain.js";
import { notInTurn } from "../mcu-client/rotation.js";

/** Why no attack is mounted on a microcontroller with this host now; undefined: it is. One of the hosts has its turn in each run. */
export const whyNoAttack = (
  host: Host,
  hosts: readonly Host[] = runtimeHosts,
): string | undefined => missingTools() ?? notInTurn(host, hosts);
