import { constants } from "./sources.js";

/**
 * The labels that modules and host code have in common, each with the sources in which it stands: those of the modules,
 * which share no file of labels, as all of its texts would then be in each of them.
 */
const places: readonly (readonly [
  name: string,
  ...places: (readonly [file: string, constant: string])[],
])[] = [
  ["CERTIFICATION_LABEL", ["psa-attestation/index", "CERTIFICATION_LABEL"]],
  ["REATTESTATION_LABEL", ["psa-attestation/index", "REATTESTATION_LABEL"]],
  ["ENROLMENT_LABEL", ["psa-attestation/index", "ENROLMENT_LABEL"]],
  [
    "REATTESTATION_EXPORTER_LABEL",
    ["runtime-manager/principal-requests", "EXPORTER_LABEL"],
    ["mcu-client/client", "EXPORTER_LABEL"],
  ],
  ["COMMIT_REQUEST_LABEL", ["runtime-manager/isolate-key", "COMMIT_LABEL"]],
  ["COMMIT_STATEMENT_LABEL", ["continuity/commit-statement", "STATEMENT_LABEL"]],
  ["COMMIT_REFUSAL_LABEL", ["continuity/commit-statement", "REFUSAL_LABEL"]],
  ["FRESHNESS_LABEL", ["continuity/freshness-statement", "LABEL"]],
  ["SCOPE_LABEL", ["continuity/scope", "LABEL"]],
];

/** A label, in every source where it stands. @throws Error where two of them differ */
function labelOf(
  name: string,
  from: readonly (readonly [file: string, constant: string])[],
): string {
  const found = new Set(
    from.map(([file, constant]) => {
      const all = constants(`assembly/${file}.ts`, constant);
      return all.find((each) => each.name === constant)?.value;
    }),
  );
  const [label] = found;
  if (found.size !== 1 || label === undefined)
    throw new Error(`${name} is not the same in ${from.map(([file]) => file).join(" and ")}`);
  return label;
}

/** The text of `host/transport-protocol/labels.ts`. */
export function labelsTable(): string {
  return `/**
 * Labels: the first bytes, or the first item, of what is signed or hashed. Each purpose has its own, so that nothing made
 * for one serves for another; docs/protocols.md says what follows each.
 *
 * Made from the modules' sources by host/generate/labels.ts: change those and run npm run build.
 */

/** As in the modules' sources. */
${places.map(([name, ...from]) => `export const ${name} = "${labelOf(name, from)}";`).join("\n")}
`;
}
