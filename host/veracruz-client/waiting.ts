import { setTimeout as delay } from "node:timers/promises";
import { ClientError, type FailureKind } from "./errors.js";

const WAIT_STEP_MS = 250;

/**
 * Tries again while what is wrong may pass, up to the deadline: the isolate is not ready, or no server is there.
 *
 * @param until milliseconds since 1970
 * @param waiting told once, with the reason, when the first try has failed
 * @param passing which kind of failure may pass
 * @throws ClientError, the last one
 */
export async function whenReady<T>(
  until: number,
  waiting: (reason: string) => void,
  run: () => Promise<T>,
  passing: FailureKind = "not-ready",
): Promise<T> {
  for (let said = false; ; ) {
    try {
      return await run();
    } catch (error) {
      const mayPass = error instanceof ClientError && error.kind === passing;
      if (!mayPass || Date.now() + WAIT_STEP_MS > until) throw error;
      if (!said) waiting(error.message);
      said = true;
      await delay(WAIT_STEP_MS);
    }
  }
}
