/**
 * The two kinds of isolate, as certificates (extension 2.5.30.2), enrolments and the policy's
 * `runtime_manager_hash_linux` and `runtime_manager_hash_mcu` name them.
 */
export type IsolateKind = "linux" | "mcu";

/** Whether a value from outside names a kind of isolate. */
export function isIsolateKind(value: unknown): value is IsolateKind {
  return value === "linux" || value === "mcu";
}
