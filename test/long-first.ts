/**
 * The test files that take longest, the longest first, as `npm test -- --times FILE` has measured them: what begins last
 * should be short, or one processor waits for the other at the end.
 */
export const LONGEST = [
  "model/models.test.js",
  "continuity/process-schedules.test.js",
  "sdk/rust.test.js",
  "model/arithmetic.test.js",
  "sdk/author.test.js",
  "sdk/guides.test.js",
  "program-packages/packages.test.js",
  "package.test.js",
  "wasm-checker/hostile.test.js",
  "wasm3-node/sanitized.test.js",
  "program-tests/cli.test.js",
  "wasm3-node/instructions.test.js",
  "wasm3-node/numerics.test.js",
  "attacks/process-scrubbed.test.js",
  "examples/private-inference.test.js",
  "examples/programs.test.js",
  "wasm3-node/patches.test.js",
  "policy-generator/cli.test.js",
  "continuity/schedules.test.js",
  "runtime-manager/in-process-wasm3.test.js",
  "runtime-manager/in-process-scrubbed.test.js",
  "session-manager/fuzz.test.js",
  "sdk/hold-outs.test.js",
  "session-manager/interoperability.test.js",
  "wasm-checker/cli.test.js",
  "examples/malformed.test.js",
  "client-package/package.test.js",
  "crypto/differential.test.js",
  "crypto/memcheck.test.js",
  "model/traces.test.js",
  "proxy-attestation-server/load.test.js",
  "runtime-manager/in-process.test.js",
  "crypto/ml-kem.test.js",
  "sdk/c.test.js",
  "program-data/cli.test.js",
];

/** The files in the order in which they should begin: emulated boards are the longest of all. */
export function longFirst(files: readonly string[]): string[] {
  const rank = (file: string) => {
    const place = LONGEST.indexOf(file);
    return place < 0 ? LONGEST.length : place;
  };
  return [...files].sort((a, b) => rank(a) - rank(b));
}
