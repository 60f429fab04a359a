/**
 * Security lifecycle states (RFC 9783 §4.3.1): the upper byte names the state, the lower byte is the
 * implementation's own.
 */
const STATES: readonly (readonly [base: number, name: string])[] = [
  [0x0000, "unknown"],
  [0x1000, "assembly and test"],
  [0x2000, "PSA RoT provisioning"],
  [0x3000, "secured"],
  [0x4000, "non-PSA-RoT debug"],
  [0x5000, "recoverable PSA RoT debug"],
  [0x6000, "decommissioned"],
];

/** The lifecycle "secured" (RFC 9783 §4.3.1), without its lower byte. */
export const LIFECYCLE_SECURED = 0x3000;
/** "Secured" as an emulated board says it that was provisioned so, for tests: the lower byte tells it apart. */
export const LIFECYCLE_SECURED_EMULATED = 0x30e0;
/** What every development-grade root of trust of this project reports. */
export const LIFECYCLE_NON_PSA_ROT_DEBUG = 0x4000;

/** The state without the implementation's own bits. */
export function lifecycleState(value: number): number {
  return value & 0xff00;
}

/** Whether a value names one of the states. */
export function isLifecycle(value: number): boolean {
  return (
    Number.isInteger(value) &&
    value >= 0 &&
    value <= 0xffff &&
    STATES.some(([base]) => base === lifecycleState(value))
  );
}

/** "secured (0x3000)", for people. */
export function describeLifecycle(value: number): string {
  const name = STATES.find(([base]) => base === lifecycleState(value))?.[1] ?? "invalid";
  const emulated = value === LIFECYCLE_SECURED_EMULATED ? ", emulated" : "";
  return `${name}${emulated} (0x${value.toString(16).padStart(4, "0")})`;
}

/** How far an isolate with that lifecycle may be trusted. */
export type Grade = "production" | "development" | "untrusted";

/** Secured devices are production; debug outside the root of trust is development; the rest is nothing. */
export function gradeOf(lifecycle: number): Grade {
  switch (lifecycleState(lifecycle)) {
    case LIFECYCLE_SECURED:
      return "production";
    case LIFECYCLE_NON_PSA_ROT_DEBUG:
      return "development";
    default:
      return "untrusted";
  }
}
