// Mutated policies: the isolate's parser never traps, its memory stays bounded, and it accepts exactly
// what the reference accepts.
// Usage: node build/js/test/veracruz-utils/policy-fuzz.js [RUNS] [SEED]
import { pathToFileURL } from "node:url";
import * as codes from "../../assembly/veracruz-utils/policy-error-codes.js";
import { fractions } from "../support/random.js";
import { IsolatePolicy } from "./isolate-policy.js";
import { holdsOnly, isValidPolicy } from "./reference.js";
import { alice, authority, bob, carol, fullPolicy, samplePolicy } from "./sample-policies.js";

export interface Outcome {
  accepted: number;
  refused: number;
  /** How often each error code came. */
  reasons: Map<number, number>;
}

type Random = () => number;

/** `POLICY_E_CERTIFICATE…`, `POLICY_E_AUTHORITY`: X.509's own verdict, which the reference does not repeat. */
const REFUSED_CERTIFICATE: ReadonlySet<number> = new Set([
  codes.POLICY_E_CERTIFICATE,
  codes.POLICY_E_CERTIFICATE_KEY_USAGE,
  codes.POLICY_E_CERTIFICATE_PURPOSE,
  codes.POLICY_E_CERTIFICATE_EXTENSION,
  codes.POLICY_E_AUTHORITY,
]);
const known = [alice, bob, carol, authority].map((certificate) => certificate.der);

const odd: readonly unknown[] = [
  null,
  true,
  false,
  0,
  1,
  -1,
  1.5,
  12,
  31,
  29,
  65536,
  4294967295,
  4294967296,
  2 ** 53 - 1,
  "",
  "r",
  "w",
  "rw",
  "output",
  "input-0",
  "input-1",
  "input-2",
  "stream-0",
  "stream-1",
  "sum.wasm",
  "a/b",
  "..",
  "JIT",
  "é",
  "\ud800",
  [],
  {},
];

/** Every place in a JSON value that can be changed: its container and key. */
function places(value: unknown, found: [Record<string, unknown>, string][] = []) {
  if (typeof value === "object" && value !== null) {
    const container = value as Record<string, unknown>;
    for (const key of Object.keys(container)) {
      found.push([container, key]);
      places(container[key], found);
    }
  }
  return found;
}

/** Changes the policy's value: other values, keys and items removed, doubled, moved, renamed. */
function mutateValue(policy: unknown, random: Random): void {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const all = places(policy);
  const [container, key] = pick(all);
  const value = container[key];
  switch (Math.floor(random() * 6)) {
    case 0:
      container[key] = pick(odd);
      break;
    case 1:
      if (Array.isArray(container)) container.splice(Number(key), 1);
      else delete container[key];
      break;
    case 2:
      if (Array.isArray(container)) container.splice(Number(key), 0, structuredClone(value));
      else container[`${key}${pick(["", "s", "_"])}`] = value;
      break;
    case 3: {
      const [other, otherKey] = pick(all);
      const moved = structuredClone(other[otherKey]);
      container[key] = moved;
      break;
    }
    case 4:
      if (typeof value === "number") container[key] = value + pick([-1, 1, 10, -10, 1000]);
      if (typeof value === "string") container[key] = value.slice(0, Math.floor(random() * 80));
      break;
    default:
      if (typeof value === "string" && value.length > 0) {
        const at = Math.floor(random() * value.length);
        container[key] =
          value.slice(0, at) + pick(["", "A", "=", "\n", "0", ".", ":"]) + value.slice(at + 1);
      }
  }
}

/** Changes the policy's text: bits, bytes, pieces. */
function mutateText(text: Buffer, random: Random): Buffer {
  const whole = (limit: number) => Math.floor(random() * limit);
  const at = whole(text.length);
  switch (whole(5)) {
    case 0:
      text[at] = (text[at] as number) ^ (1 << whole(8));
      return text;
    case 1:
      return Buffer.concat([text.subarray(0, at), text.subarray(at + 1 + whole(4))]);
    case 2:
      return Buffer.concat([
        text.subarray(0, at),
        Buffer.from('{}[]",:\\ \n0-1eEtrufalsn\u00e9'.slice(whole(20), 26)),
        text.subarray(at),
      ]);
    case 3:
      text[at] = whole(256);
      return text;
    default:
      return text.subarray(0, at);
  }
}

/** @throws Error at the first difference or trap, with the policy's text */
export function fuzzPolicies(runs: number, seed: number): Outcome {
  const random = fractions(seed);
  const isolate = new IsolatePolicy();
  const outcome: Outcome = { accepted: 0, refused: 0, reasons: new Map() };
  const sources = [samplePolicy(), fullPolicy()];
  for (let run = 0; run < runs; run++) {
    const policy = structuredClone(sources[run % 2]);
    for (let count = Math.floor(random() * 3); count > 0; count--) mutateValue(policy, random);
    let text = Buffer.from(JSON.stringify(policy, null, Math.floor(random() * 2)));
    if (random() < 0.4) {
      for (let count = 1 + Math.floor(random() * 3); count > 0; count--) {
        if (text.length > 0) text = Buffer.from(mutateText(text, random));
      }
    }
    const code = isolate.parse(text);
    const valid = isValidPolicy(text);
    const disputable =
      valid && REFUSED_CERTIFICATE.has(code) && !holdsOnly(text, known, authority.der);
    if ((code === 0) !== valid && !disputable) {
      throw new Error(
        `run ${run}: the isolate answers ${code}, the reference says ${valid ? "valid" : "invalid"}:\n${text.toString()}`,
      );
    }
    if (code === 0) outcome.accepted++;
    else outcome.refused++;
    outcome.reasons.set(code, (outcome.reasons.get(code) ?? 0) + 1);
  }
  if (isolate.pages > 8) throw new Error(`the isolate's memory grew to ${isolate.pages} pages`);
  return outcome;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const runs = Number(process.argv[2] ?? "1000000");
  const seed = Number(process.argv[3] ?? Date.now());
  console.log(`${runs} policies, seed ${seed}`);
  const { accepted, refused, reasons } = fuzzPolicies(runs, seed);
  console.log(`${accepted} accepted, ${refused} refused for ${reasons.size - 1} reasons; no trap`);
}
