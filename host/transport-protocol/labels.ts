/**
 * Labels: the first bytes, or the first item, of what is signed or hashed. Each purpose has its own, so that nothing made
 * for one serves for another; docs/protocols.md says what follows each.
 *
 * Made from the modules' sources by host/generate/labels.ts: change those and run npm run build.
 */

/** As in the modules' sources. */
export const CERTIFICATION_LABEL = "veracruz-csr-v2";
export const REATTESTATION_LABEL = "veracruz-reattest-v2";
export const ENROLMENT_LABEL = "veracruz-enrol-v1";
export const REATTESTATION_EXPORTER_LABEL = "EXPORTER-veracruz-reattest-v2";
export const COMMIT_REQUEST_LABEL = "veracruz-commit-v1";
export const COMMIT_STATEMENT_LABEL = "veracruz-commit-statement-v1";
export const COMMIT_REFUSAL_LABEL = "veracruz-commit-refusal-v1";
export const FRESHNESS_LABEL = "veracruz-pat-v2";
export const SCOPE_LABEL = "veracruz-scope-v1";
