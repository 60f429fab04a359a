/** What the MCU client's driver in C shares with its module (`assembly/mcu-client/`): codes, steps, names of alerts. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as codes from "../../assembly/mcu-client/codes.js";
import * as kinds from "../../assembly/mcu-client/isolate-kinds.js";
import * as steps from "../../assembly/mcu-client/steps.js";
import * as alerts from "../../assembly/session-manager/alerts.js";
import * as protocol from "../../assembly/session-manager/protocol.js";
import { SECP256R1, X25519, X25519MLKEM768 } from "../../assembly/session-manager/protocol.js";
import { readConstants } from "../common/declarations.js";
import { projectRoot } from "../common/paths.js";

/** The constants of a module whose names begin with a prefix, in their order of value. */
function constants(module: object, prefix: string): [name: string, value: number][] {
  return (Object.entries(module) as [string, number][])
    .filter(([name]) => name.startsWith(prefix))
    .sort(([, a], [, b]) => Math.abs(a) - Math.abs(b));
}

const words = (name: string, prefix: string) => name.slice(prefix.length).toLowerCase();

/** C text for users of the client: an enumeration of `VC_E_…`, and `VC_CODES(X)` with their names. */
export function clientCodes(): string {
  const docs = new Map(
    readConstants(readFileSync(join(projectRoot, "assembly/mcu-client/codes.ts"), "utf8")).map(
      ({ name, doc }) => [name, doc],
    ),
  );
  const failures = constants(codes, "VC_E_");
  return `/// Why a call did not do what it should. \`vc_detail\` says more; each failure is a line on the console.
enum vc_code {
  VC_OK = 0,
${failures.map(([name, value]) => `  ${name} = ${value}, ///< ${docs.get(name)}`).join("\n")}
};

/// X(code, name) for each code, which are consecutive.
#define VC_CODES(X) \\
  X(VC_OK, "OK") \\
${failures.map(([name]) => `  X(${name}, "${name.slice("VC_E_".length)}")`).join(" \\\n")}
`;
}

/** C text for the driver: `STEP_…`, `KIND_…`, `SUITE_…`, NamedGroups, and the names of alerts. */
export function clientDefinitions(): string {
  const numbers = [
    ...constants(steps, "STEP_"),
    ...constants(steps, "SIGN_"),
    ...constants(kinds, "KIND_"),
    ...constants(protocol, "SUITE_"),
    ...Object.entries({ SECP256R1, X25519, X25519MLKEM768 }),
  ];
  const alertNumbers = constants(alerts, "ALERT_").filter(([name]) => !name.includes("_LEVEL_"));
  return `enum {
${numbers.map(([name, value]) => `  ${name} = ${value},`).join("\n")}
  REFUSAL_ALERT = ${alerts.REFUSAL_ALERT}, // the bits of a refusal that are its alert
};

/// One more than the number, and name, of each TLS alert (RFC 8446 section 6), each with a 0 behind it, in a text that ends with another 0.
#define ALERT_NAMES \\
${alertNumbers.map(([name, value]) => `  "\\${(value + 1).toString(8).padStart(3, "0")}" "${words(name, "ALERT_")}\\0"`).join(" \\\n")}
`;
}
