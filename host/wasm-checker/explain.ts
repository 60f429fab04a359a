import { type CheckReport, NONE } from "./checker.js";
import { type Refused, refusals } from "./refusals.js";

/** What a refusal is about; the hundreds of its code. */
export type RefusalKind = "malformed" | "invalid" | "unsupported" | "abi" | "limit";

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
  if (found === undefined) throw new RangeError(`${code} is no code of a refusal`);
  return found;
}

/** Bytes of a name as text, for messages: without control characters, of bounded length. */
function readName(bytes: Uint8Array, offset: number, length: number): string {
  const text = Buffer.from(bytes.subarray(offset, offset + Math.min(length, 120))).toString("utf8");
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
  if (report.code === 0) return undefined;
  const refusal = refusals[report.code];
  if (refusal === undefined) throw new RangeError(`${report.code} is no code of a refusal`);
  const refused: Refused = {
    report,
    name: readName(bytes, report.nameOffset, report.nameLength),
    moduleName: readName(bytes, report.moduleNameOffset, report.moduleNameLength),
  };
  const hint = typeof refusal.hint === "function" ? refusal.hint(refused) : refusal.hint;
  return {
    code: report.code,
    name: refusal.name,
    kind: refusalKind(report.code),
    problem: refusal.problem(refused),
    ...(hint === undefined ? {} : { hint }),
  };
}

/** Index of the function that was being read, or undefined. */
export function refusedFunction(report: CheckReport): number | undefined {
  return report.functionIndex === NONE ? undefined : report.functionIndex;
}
