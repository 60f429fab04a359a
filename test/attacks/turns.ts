import { type Host, missingTools } from "../../host/mcu/toolchain.js";
import { notInTurn } from "../mcu-client/rotation.js";

/** The hosts on which attacks on microcontrollers are mounted, one of them in each run. */
const HOSTS: readonly Host[] = ["wasm3", "c"];

/** Why no attack is mounted on a microcontroller with this host now; undefined: it is. */
export const whyNoAttack = (host: Host): string | undefined =>
  missingTools() ?? notInTurn(host, HOSTS);
