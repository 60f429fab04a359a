/** The message of what `run` throws; empty where it throws nothing. */
export function failureOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return (error as Error).message;
  }
  return "";
}
