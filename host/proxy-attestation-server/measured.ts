import { isComponent, isVersion } from "../psa-attestation/versions.js";

/** What a device has measured, and what of it is compared with the lists of its implementation. */

/** The measurement type of the trusted runtime. */
export const RUNTIME_COMPONENT = "ARoT";
/**
 * That of a device's non-secure image. It sees ciphertext only: it is told, and judged only where the operator has
 * allowed a measurement of it.
 */
export const OUTSIDE_COMPONENT = "NSPE";

/** One component as it is recorded with a key. */
export interface Measured {
  /** Measurement type; empty: none that could be compared, or recorded before components were told apart. */
  readonly component: string;
  /** 32, 48 or 64 bytes. */
  readonly measurement: Uint8Array;
  /** Empty: none that could be compared. */
  readonly version: string;
}

/** A component of that type (or none), its version (or none) as a token says it. */
export function measured(
  type: string | undefined,
  measurement: Uint8Array,
  version = "",
): Measured {
  return {
    component: type !== undefined && isComponent(type) ? type : "",
    measurement,
    version: isVersion(version) ? version : "",
  };
}

/** What comes of comparing a device's components with the lists. */
export type Judgement =
  /** `told`: components that were not compared, as there is nothing on the list for them. */
  | { readonly outcome: "allowed"; readonly told: readonly string[] }
  | { readonly outcome: "measurement-not-allowed" | "version-below-floor" };

/** The least version of a component that devices of an implementation may run. */
export interface VersionFloor {
  /** 32 bytes. */
  readonly implementationId: Uint8Array;
  readonly component: string;
  readonly version: string;
  readonly setAt: number;
}

/** A version as text in whose order versions are: each of its four numbers has five digits. Empty stays empty. */
export function versionOrder(version: string): string {
  if (version === "") return "";
  const parts = version.split(".");
  return [0, 1, 2, 3].map((i) => (parts[i] ?? "0").padStart(5, "0")).join(".");
}

const hex = (value: Uint8Array) => Buffer.from(value).toString("hex");

/** Components as they stand in a column of text. */
export const encodeMeasured = (components: readonly Measured[]): string =>
  components
    .map(({ component, measurement, version }) => `${component}:${version}:${hex(measurement)}`)
    .join(" ");

/** The components of such a column. In rows of an earlier version there are measurements alone. */
export const decodeMeasured = (text: string): Measured[] =>
  text.split(" ").map((each) => {
    const [last = "", version = "", component = ""] = each.split(":").reverse();
    return { component, measurement: new Uint8Array(Buffer.from(last, "hex")), version };
  });
