// Says why a test file could not begin: the runner loads this first. uvu forgets what a `before` threw (its runner
// returns from a `finally`), and shows what an `after` then throws for want of what was never started.

import { test } from "uvu";

type Hook = Parameters<typeof test.before>[0];

const { before } = test;

/** The hook, which says why it failed, and has the process fail. */
const outspoken =
  (hook: Hook): Hook =>
  async (context) => {
    try {
      await hook(context);
    } catch (error) {
      console.error("what comes before the tests failed:", error);
      // uvu sets it to 0, since no test failed.
      process.once("exit", () => {
        process.exitCode ||= 1;
      });
      throw error;
    }
  };

test.before = Object.assign((hook: Hook) => before(outspoken(hook)), { each: before.each });
