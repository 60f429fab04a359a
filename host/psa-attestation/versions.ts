/** The version of a software component of an isolate. */
export interface ComponentVersion {
  /** Measurement type, as in `ARoT`. */
  readonly component: string;
  /** One to four decimal numbers with dots between them. */
  readonly version: string;
}

/** Whether text can name a component where versions are compared. */
export const isComponent = (text: string): boolean => /^[A-Za-z0-9._-]{1,16}$/.test(text);

/** Whether text is a version: one to four decimal numbers up to 65535 with dots between them. */
export function isVersion(text: string): boolean {
  return (
    text.length <= 16 &&
    /^(?:0|[1-9]\d{0,4})(?:\.(?:0|[1-9]\d{0,4})){0,3}$/.test(text) &&
    text.split(".").every((part) => Number(part) <= 65_535)
  );
}

/** Whether a component's version, as its token says, is at least the minimum. What is no version is not. */
function isAtLeast(version: string | undefined, minimum: string): boolean {
  if (version === undefined || !isVersion(version)) return false;
  const have = version.split(".").map(Number);
  const want = minimum.split(".").map(Number);
  for (let i = 0; i < 4; i++) {
    const difference = (have[i] ?? 0) - (want[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

/** The first minimum that an isolate's components do not reach, in words; undefined: they reach all. */
export function belowMinimum(
  components: readonly { readonly component?: string; readonly version?: string }[],
  minima: readonly ComponentVersion[],
): string | undefined {
  for (const { component, version } of minima) {
    const found = components.filter((each) => each.component === component);
    if (found.length > 0 && found.every((each) => isAtLeast(each.version, version))) continue;
    const versions = found.map((each) => each.version ?? "nothing").join(", ") || "nothing";
    return `the policy wants ${component} ${version} or newer, the device says ${versions}`;
  }
  return undefined;
}

/** Those of a device's components that a certificate can name with their versions. */
export function certifiable(
  components: readonly { readonly component?: string; readonly version?: string }[],
): ComponentVersion[] {
  return components.flatMap(({ component = "", version = "" }) =>
    isComponent(component) && isVersion(version) ? [{ component, version }] : [],
  );
}
