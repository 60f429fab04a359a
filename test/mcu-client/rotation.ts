import { execFileSync } from "node:child_process";
import { projectRoot } from "../../host/common/paths.js";
import {
  defaultRuntimeHost,
  type EmulatedBoard,
  emulatedBoards,
  type Host,
  runtimeHosts,
} from "../../host/mcu/toolchain.js";

export interface SmokeTest {
  readonly board: EmulatedBoard;
  readonly runtimeHost: Host;
  readonly over: "tcp" | "serial";
}

const links = ["tcp", "serial"] as const;
/** Boards that are smoke-tested in one run. */
const BOARDS_A_RUN = 2;
const DAY_MS = 86_400_000;

/**
 * Whose turn it is: `VC_TEST_ROTATION` where it is set, else from the commit's hash, so that a commit
 * tests the same each time; without a repository the day decides.
 */
export function rotation(): { turn: number | "all"; from: string } {
  const forced = process.env.VC_TEST_ROTATION;
  if (forced === "all") return { turn: "all", from: "VC_TEST_ROTATION" };
  if (forced !== undefined) {
    if (!/^\d{1,9}$/.test(forced)) {
      throw new Error(`VC_TEST_ROTATION=${forced}: expected a whole number, or all`);
    }
    return { turn: Number(forced), from: "VC_TEST_ROTATION" };
  }
  try {
    const hash = execFileSync("git", ["rev-parse", "HEAD"], {
      cwd: projectRoot,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    return { turn: Number.parseInt(hash.slice(0, 6), 16), from: "the commit" };
  } catch {
    return { turn: Math.floor(Date.now() / DAY_MS), from: "the day" };
  }
}

/** The smoke tests of this turn; each board comes in each host over each link as the turns go by. */
export function chooseSmoke(turn: number | "all", inFull: EmulatedBoard): SmokeTest[] {
  const others = emulatedBoards.filter((board) => board !== inFull);
  if (turn === "all") {
    return others.flatMap((board) =>
      runtimeHosts.flatMap((runtimeHost) => links.map((over) => ({ board, runtimeHost, over }))),
    );
  }
  const pick = <T>(of: readonly T[], index: number): T => of[index % of.length] as T;
  return Array.from({ length: Math.min(BOARDS_A_RUN, others.length) }, (_, index) => ({
    board: pick(others, turn + index),
    // Neither goes in step with the boards, nor with each other.
    runtimeHost: pick(runtimeHosts, Math.floor(turn / others.length) + index),
    over: pick(links, Math.floor(turn / others.length / runtimeHosts.length) + index),
  }));
}

/** The hosts of this run for a test of one isolate after the other: the default, and one of the others in turn. */
export function hostsInTurn(turn = rotation().turn): readonly Host[] {
  if (turn === "all") return runtimeHosts;
  const others = runtimeHosts.filter((host) => host !== defaultRuntimeHost);
  return [defaultRuntimeHost, others[turn % others.length] as Host];
}

/**
 * Why the suite on a host has no turn in this run; undefined: it has. As the turns go by each has its own, so that a
 * run need not wait for the same suite on every host.
 */
export function notInTurn(
  host: Host,
  hosts: readonly Host[],
  turn = rotation().turn,
): string | undefined {
  if (turn === "all") return undefined;
  if ((hosts.indexOf(host) + turn) % hosts.length === 0) return undefined;
  return `it is not the turn of HOST=${host} in this commit's run; VC_TEST_ROTATION=all runs all hosts`;
}
