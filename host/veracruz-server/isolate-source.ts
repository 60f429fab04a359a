import type { IsolateLauncher } from "../common/isolate-launcher.js";
import type { Policy } from "../veracruz-utils/policy.js";

/** An isolate that a computation has to itself, until it gives it back. */
export interface IsolateLease {
  readonly launcher: IsolateLauncher;
  /** Wipe what the isolate still holds of another policy, instead of refusing to work with it. */
  readonly reset: boolean;
  /** Memory of this computer that the isolate may take, in bytes. */
  readonly memory: number;
  /** Gives it back, and says how its work came to its end. */
  release(status: "ended" | "failed" | "stopped"): void;
}

/** Where the isolates of a server's computations come from. */
export interface IsolateSource {
  /** What it gives, for the operator. */
  readonly description: string;
  /** How many it can give at a time. */
  readonly most: number;
  /** Memory of this computer that an isolate for this policy would take, in bytes. */
  memoryFor(policy: Policy): number;
  /** An isolate; undefined when all are taken. */
  take(policy: Policy): IsolateLease | undefined;
}

/** A source that gives one isolate to one computation at a time: as `vc-server POLICY` does. */
export function onlyIsolate(launcher: IsolateLauncher, reset: boolean, memory = 0): IsolateSource {
  let taken = false;
  return {
    description: launcher.description,
    most: 1,
    memoryFor: () => memory,
    take() {
      if (taken) return undefined;
      taken = true;
      return {
        launcher,
        reset,
        memory,
        release() {
          taken = false;
        },
      };
    },
  };
}

/** A source that starts a process for each computation. */
export function processIsolates(
  launcherFor: (policy: Policy) => IsolateLauncher,
  memoryFor: (policy: Policy) => number,
): IsolateSource {
  return {
    description: "process",
    most: Number.POSITIVE_INFINITY,
    memoryFor,
    take: (policy) => ({
      launcher: launcherFor(policy),
      reset: false,
      memory: memoryFor(policy),
      release: () => undefined,
    }),
  };
}
