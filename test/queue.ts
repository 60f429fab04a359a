// The order in which test files run, and what becomes of one that fails.

/** What a run of the files came to. */
export interface Ended<Outcome> {
  /** The outcome that counts of each file, in the order in which they ended. */
  readonly outcomes: ReadonlyMap<string, Outcome>;
  /** Files that failed beside others and passed alone. */
  readonly unsteady: readonly string[];
}

/** More files than these fail for a reason that another run will not mend. */
export const MOST_AGAIN = 8;

/**
 * Runs the files in their order, some at a time.
 *
 * @param jobs how many run at a time
 * @param again whether what has failed runs once more when all others have ended, alone: then it counts as it ends
 *   the second time. Not where more than {@link MOST_AGAIN} have failed.
 */
export async function runQueue<Outcome extends { failed: number }>(
  files: readonly string[],
  jobs: number,
  again: boolean,
  runFile: (file: string, willRunAgain: boolean) => Promise<Outcome>,
): Promise<Ended<Outcome>> {
  const outcomes = new Map<string, Outcome>();
  const failed: string[] = [];
  const queue = [...files];
  const worker = async () => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      const outcome = await runFile(file, again);
      outcomes.set(file, outcome);
      if (outcome.failed > 0) failed.push(file);
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, jobs) }, worker));

  const unsteady: string[] = [];
  if (!again || failed.length > MOST_AGAIN) return { outcomes, unsteady };
  for (const file of failed) {
    const outcome = await runFile(file, false);
    outcomes.set(file, outcome);
    if (outcome.failed === 0) unsteady.push(file);
  }
  return { outcomes, unsteady };
}
