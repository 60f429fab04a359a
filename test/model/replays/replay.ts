// What the replays of the models' attacks have in common. A step of a trace is done to the real implementation, as
// far as that lets itself be treated so; at the end it is looked at what came of it.

import { sign } from "node:crypto";
import { commitRequest } from "../../../host/continuity/commit-statement.js";
import type { Message } from "../../../host/transport-protocol/index.js";
import type { IsolateKey } from "../../proxy-attestation-server/support.js";

/** Why the implementation does not do what a step wants. */
export class Stopped extends Error {
  override name = "Stopped";
}

/** What came of a replay. */
export interface Replayed {
  /** Steps that were not possible, each with what was said instead. */
  readonly stopped: readonly { step: string; why: string }[];
  /** What came of it that the property rules out, in words. */
  readonly broken: readonly string[];
}

/** The modules of the trusted world that a replay runs on. */
export interface Modules {
  readonly runtime: Uint8Array;
  readonly attestation: Uint8Array;
}

/** What a kind of step does. Throws `Stopped` where the implementation refuses. */
export type Steps = readonly (readonly [
  pattern: RegExp,
  act: (first: number, second: number) => Promise<void>,
])[];

/**
 * Does the steps of a trace, in order.
 *
 * @throws where no kind of step fits: the model says something that nobody has taught the replay
 */
export async function doSteps(
  trace: readonly string[],
  kinds: Steps,
): Promise<Replayed["stopped"]> {
  const stopped: { step: string; why: string }[] = [];
  for (const step of trace) {
    const kind = kinds.find(([pattern]) => pattern.test(step));
    if (kind === undefined) throw new Error(`no such step: ${step}`);
    const [first = 0, second = 0] = [...step.matchAll(/\d+/g)].map(Number);
    try {
      await kind[1](first, second);
    } catch (error) {
      if (!(error instanceof Stopped)) throw error;
      stopped.push({ step, why: error.message });
    }
  }
  return stopped;
}

/** Turns of the event loop: what was written in this process has arrived then, whatever the time is. */
export async function turns(until: () => boolean): Promise<boolean> {
  for (let turn = 0; turn < 400 && !until(); turn++)
    await new Promise((resolve) => setImmediate(resolve));
  return until();
}

/** A request for a commit as a runtime in the attacker's hands signs it. */
export function commitOf(
  { privateKey, spki: publicKey }: IsolateKey,
  policyHash: Uint8Array,
  scopeHash: Uint8Array,
): Message<"commitComputation"> {
  const subject = { policyHash, scopeHash, publicKey };
  const key = { key: privateKey, dsaEncoding: "ieee-p1363" } as const;
  const signature = new Uint8Array(sign("sha256", commitRequest(subject), key));
  return { type: "commitComputation", ...subject, signature };
}
