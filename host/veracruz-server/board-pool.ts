import { setTimeout as delay } from "node:timers/promises";
import type { IsolateLauncher, IsolateLog, StartedIsolate } from "../common/isolate-launcher.js";
import { State } from "../transport-protocol/index.js";
import type { Policy } from "../veracruz-utils/policy.js";
import { IsolateConnection, WIPE_PAUSE_MS, WIPE_TRIES } from "./isolate-connection.js";
import type { IsolateSource } from "./isolate-source.js";

/** An isolate of a pool. */
export interface PooledBoard {
  readonly launcher: IsolateLauncher;
  /** Whether it runs before and after the server's connection, and so may hold something. */
  readonly lasts: boolean;
}

interface Place extends PooledBoard {
  taken: boolean;
  /** Whether a computation of this server has had it: what it holds is over, and may be wiped. */
  mayWipe: boolean;
}

/** Milliseconds for a board's answer to what it holds. */
const PROBE_MS = 10_000;

const silent = {
  tlsOutput: () => undefined,
  sessionOpened: () => undefined,
  sessionClosed: () => undefined,
  ended: () => undefined,
  commitWanted: () => undefined,
  freshnessWanted: () => undefined,
  lost: () => undefined,
};

/** Asks a board over a connection that ends with the answer. */
async function ask<T>(
  place: Place,
  log: IsolateLog,
  question: (connection: IsolateConnection) => Promise<T>,
): Promise<T> {
  const started = await place.launcher.start(log);
  const connection = new IsolateConnection(started.stream, silent);
  const timer = setTimeout(() => connection.lose(`no answer within ${PROBE_MS} ms`), PROBE_MS);
  try {
    return await question(connection);
  } finally {
    clearTimeout(timer);
    connection.lose("asked");
    await started.stop();
  }
}

/** Has a board wipe what it holds. A board with one world does so by a reset of all of it: until it is there again. */
async function wipe(place: Place, log: IsolateLog): Promise<string | undefined> {
  await ask(place, log, (connection) => connection.request("reset", {}));
  log("info", "isolate reset: what it held is wiped", { isolate: place.launcher.description });
  let problem = "";
  for (let tries = 0; tries < WIPE_TRIES; tries++) {
    await delay(WIPE_PAUSE_MS);
    try {
      const { state } = await ask(place, log, (connection) =>
        connection.request("runtimeState", {}),
      );
      return state === State.INITIAL ? undefined : "it holds something after its reset";
    } catch (error) {
      problem = (error as Error).message;
    }
  }
  return `it does not come back after its reset: ${problem}`;
}

/** Why a board is not for a policy; undefined where it is, wiped if that was needed. */
async function problemOf(place: Place, policy: Policy, log: IsolateLog) {
  if (!place.lasts) return undefined;
  const { state, policyHash } = await ask(place, log, (connection) =>
    connection.request("runtimeState", {}),
  );
  const isOwn = Buffer.compare(policyHash, policy.hash) === 0;
  if (state === State.INITIAL || (isOwn && state !== State.ENDED)) return undefined;
  if (state !== State.ENDED && !place.mayWipe)
    return "it is at work for another policy; --reset wipes what it holds";
  return wipe(place, log);
}

/**
 * A pool of boards, each for one computation at a time. A computation gets the board that is at work for it already,
 * as after a start of the server, or one that holds nothing, or one whose computation is over, which is wiped before.
 *
 * @param reset wipe a board that is at work for another policy
 */
export function boardPool(boards: readonly PooledBoard[], reset: boolean): IsolateSource {
  const places: Place[] = boards.map((board) => ({ ...board, taken: false, mayWipe: reset }));
  let promised = 0;

  /** Takes a free board that fits. */
  async function choose(policy: Policy, log: IsolateLog): Promise<Place> {
    const problems: string[] = [];
    for (const place of places) {
      if (place.taken) continue;
      place.taken = true;
      const problem = await problemOf(place, policy, log).catch((error: Error) => error.message);
      if (problem === undefined) return place;
      place.taken = false;
      problems.push(`${place.launcher.description}: ${problem}`);
    }
    throw new Error(`no board can be had: ${problems.join("; ") || "all are taken"}`);
  }

  return {
    description: boards.map(({ launcher }) => launcher.description).join(", "),
    most: boards.length,
    memoryFor: () => 0,
    take(policy) {
      if (promised >= places.length) return undefined;
      promised++;
      let own: Place | undefined;
      const launcher: IsolateLauncher = {
        get description() {
          return own?.launcher.description ?? `one of ${places.length} boards`;
        },
        mayComeLater: true,
        async start(log): Promise<StartedIsolate> {
          // Once it has one it stays there: what the computation has sent is on that board.
          own ??= await choose(policy, log);
          return own.launcher.start(log);
        },
      };
      return {
        launcher,
        reset: false,
        memory: 0,
        release() {
          promised--;
          if (own === undefined) return;
          own.taken = false;
          own.mayWipe = true;
        },
      };
    },
  };
}
