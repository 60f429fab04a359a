/**
 * What every no_std program stands on: the H-calls, and memory that is asked for before it is used.
 * Start-up (module-level variables initialised before `main` runs, without a start section) is done at
 * compile time, by `transform.js`.
 */
export * from "./env";
export { mark, release, reserve, tryBytes } from "./memory";
