import { ACCEPTED } from "../../assembly/wasm-checker/refusals.js";
import { displayUtf8 } from "../common/text.js";
import { type CheckReport, NONE } from "./checker.js";
import { type Refused, refusalName, refusals } from "./refusals.js";

/** What a refusal is about; the hundreds of its code. */
export type RefusalKind = "malformed" | "invalid" | "unsupported" | "abi" | "limit";

/** The kinds of refusal, by the hundreds of their codes. */
export const refusalKinds: readonly RefusalKind[] = [
  "malformed",
  "invalid",
  "unsupported",
  "abi",
  "limit",
];

/** Kind of a refusal by its code (100 to 599). */
export function refusalKind(code: number): RefusalKind {
  const found = refusalKinds[Math.floor(code / 100) - 1];
  if (found === undefined) throw new RangeError(`${code} is not the code of a refusal`);
  return found;
}

/** Bytes of a name as text, for messages: without control characters, of bounded length. */
function readName(bytes: Uint8Array, offset: number, length: number): string {
  const text = displayUtf8(bytes.subarray(offset, offset + Math.min(length, 120)));
  const shown = [...text]
    .map((character) => (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(character) ? "�" : character))
    .join("");
  return length > 120 ? `${shown}…` : shown;
}

/** A refusal in words. */
export interface Explanation {
  readonly code: number;
  readonly name: string;
  readonly kind: RefusalKind;
  readonly problem: string;
  readonly hint?: string;
}

/** Says in words why the module was refused; undefined for a module that was accepted. */
export function explain(bytes: Uint8Array, report: CheckReport): Explanation | undefined {
  if (report.code === ACCEPTED) return undefined;
  const name = refusalName(report.code);
  const refusal = refusals[name];
  const refused: Refused = {
    report,
    bytes,
    name: readName(bytes, report.nameOffset, report.nameLength),
    moduleName: readName(bytes, report.moduleNameOffset, report.moduleNameLength),
  };
  const hint = typeof refusal.hint === "function" ? refusal.hint(refused) : refusal.hint;
  return {
    code: report.code,
    name,
    kind: refusalKind(report.code),
    problem: refusal.problem(refused),
    ...(hint === undefined ? {} : { hint }),
  };
}

/** Index of the function that was being read, or undefined. */
export function refusedFunction(report: CheckReport): number | undefined {
  return report.functionIndex === NONE ? undefined : report.functionIndex;
}
