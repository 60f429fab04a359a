// The checker against V8 and wabt on mutated modules.
import {
  MALFORMED_BODY_COUNT,
  MALFORMED_END,
  MALFORMED_SEGMENT,
  MALFORMED_VALUE_TYPE,
  UNSUPPORTED_BULK_MEMORY,
} from "../../../assembly/wasm-checker/refusals.js";
import { Checker } from "../../../host/wasm-checker/checker.js";
import { mutants } from "./modules.js";
import { v8Refusal, wabtRefusal } from "./verdicts.js";

interface Verdicts {
  /** The checker's code; 0 for an accepted module. */
  readonly code: number;
  /** Why V8 and wabt refuse, or undefined. */
  readonly v8: string | undefined;
  readonly wabt: string | undefined;
}

/**
 * Where one of the others disagrees with the checker and with the third, and why. That both others
 * disagree with the checker is never explained here, save for features outside of its set.
 */
export const explained: readonly {
  readonly reason: string;
  readonly applies: (verdicts: Verdicts) => boolean;
}[] = [
  {
    reason:
      "wabt reads a value type as a signed LEB128 and so takes padded ones; it is a byte (5.3.1)",
    applies: ({ code, v8, wabt }) =>
      code === MALFORMED_VALUE_TYPE && v8 !== undefined && wabt === undefined,
  },
  {
    reason:
      "wabt ends its reading, without an error, at a section whose head is cut short or whose size reaches beyond the module",
    applies: ({ code, v8, wabt }) =>
      code === MALFORMED_END &&
      /extends past end of the module|expected section length/.test(v8 ?? "") &&
      wabt === undefined,
  },
  {
    reason: "wabt takes data segments of unknown kinds; 0, 1 and 2 are defined (5.5.14)",
    applies: ({ code, v8, wabt }) =>
      code === MALFORMED_SEGMENT && /illegal flag value/.test(v8 ?? "") && wabt === undefined,
  },
  {
    reason: "wabt takes functions without a code section",
    applies: ({ code, v8, wabt }) =>
      code === MALFORMED_BODY_COUNT &&
      /code section is absent/.test(v8 ?? "") &&
      wabt === undefined,
  },
  {
    reason:
      "bulk memory is all or nothing in V8 and wabt; other than active segments are outside of the checker's set",
    applies: ({ code }) => code === UNSUPPORTED_BULK_MEMORY,
  },
];

export interface Comparison {
  compared: number;
  accepted: number;
  /** Refused for a feature, the ABI or a limit. */
  outside: number;
  /** How often each explanation was needed. */
  explanations: Map<string, number>;
  /** Modules on which the checker is wrong, or on which there is nothing to explain the difference. */
  unexplained: (Verdicts & { module: Uint8Array })[];
}

/** What is wrong with the checker's verdict, going by the others'. */
function differs({ code, v8, wabt }: Verdicts): boolean {
  // Accepted, or found invalid: all three say the same.
  if (code < 300)
    return (code === 0) !== (v8 === undefined) || (code === 0) !== (wabt === undefined);
  // A feature that is not run here: at least one of the others refuses, wabt having those switched off.
  if (code < 400) return v8 === undefined && wabt === undefined;
  // The ABI and the limits are the checker's own.
  return false;
}

/** Compares the verdicts on `count` mutated modules. */
export function compareVerdicts(seed: number, count: number): Comparison {
  const checker = new Checker("host");
  const result: Comparison = {
    compared: 0,
    accepted: 0,
    outside: 0,
    explanations: new Map(),
    unexplained: [],
  };
  for (const module of mutants(seed, count)) {
    const { code } = checker.check(module);
    const verdicts = { code, v8: v8Refusal(module), wabt: wabtRefusal(module) };
    result.compared++;
    if (code === 0) result.accepted++;
    if (code >= 300) result.outside++;
    if (!differs(verdicts)) continue;
    const explanation = explained.find(({ applies }) => applies(verdicts));
    if (explanation === undefined) result.unexplained.push({ ...verdicts, module });
    else {
      const { reason } = explanation;
      result.explanations.set(reason, (result.explanations.get(reason) ?? 0) + 1);
    }
  }
  return result;
}
