/**
 * What a peer's primitives take on the same board: wolfSSL 5.5.4, built from the source that Debian 12 carries
 * (`mcu-client/images/peers/`).
 */
import { join } from "node:path";
import { emulatorArguments } from "../../mcu/emulator.js";
import { type EmulatedBoard, make, mcuBuildFolder, runCommand } from "../../mcu/toolchain.js";

/** wolfSSL in portable C, and with its assembly for Cortex-M, of which this version has P-256 only. */
export const PEERS = ["c", "assembly"] as const;
/** One of `PEERS`. */
export type Peer = (typeof PEERS)[number];

const TIMEOUT_MS = 600_000;

/**
 * Builds the image, if it is not up to date, and counts.
 *
 * @returns instructions by the names of the calls in `bench.ts`; a peer lacks some
 * @throws Error when a primitive fails, or its source cannot be had
 */
export async function measurePeer(board: EmulatedBoard, peer: Peer): Promise<Map<string, number>> {
  await make({ BOARD: board, IMAGE: "peers", PEER: peer });
  const image = join(mcuBuildFolder, board, `peers-${peer}`, "peers.elf");
  const emulator = emulatorArguments({ board, image, commandLine: "peers", exact: true });
  const output = await runCommand("qemu-system-arm", emulator, { timeoutMs: TIMEOUT_MS });
  const counts = new Map<string, number>();
  for (const [, name = "", count] of output.matchAll(/^count (\w+) (\d+)\r?$/gm))
    counts.set(name.replace("_", " "), Number(count));
  if (counts.size === 0 || output.includes("error:"))
    throw new Error(`the peer's image ended early:\n${output}`);
  return counts;
}
