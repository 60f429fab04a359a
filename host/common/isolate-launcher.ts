import type { Duplex } from "node:stream";

/** A running isolate, seen from the server. */
export interface StartedIsolate {
  /** Carries the frames of the transport protocol. */
  readonly stream: Duplex;
  /** Settles, with the reason in words, when the isolate itself ends (where that can be seen). */
  readonly exited: Promise<string>;
  /** Ends what `start` started; settles when it has ended. */
  stop(): Promise<void>;
}

/** Takes what an isolate says of itself: one line for the log. */
export type IsolateLog = (
  level: "info" | "warn" | "error",
  event: string,
  details?: Record<string, unknown>,
) => void;

/** A way to reach an isolate. Each start after the first comes when the previous isolate is gone. */
export interface IsolateLauncher {
  /** For logs: what and where. */
  readonly description: string;
  /** Whether a first start that fails may succeed later, because somebody else has to do something. */
  readonly mayComeLater: boolean;
  /** Starts it, or connects to it. Rejects with why it could not. */
  start(log: IsolateLog): Promise<StartedIsolate>;
}
