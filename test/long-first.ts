/**
 * The test files that take longest, the longest first, as `npm test -- --times FILE` has measured them: what begins last
 * should be short, or one processor waits for the other at the end.
 */
export const LONGEST = [
  "attacks/device-wasm3.test.js",
  "attacks/device-thumb2.test.js",
  "update/kinds.test.js",
  "end-to-end/device-c.test.js",
  "end-to-end/device-thumb2.test.js",
  "end-to-end/power-cuts.test.js",
  "mcu-demo/ports.test.js",
  "crypto/instruction-counts.test.js",
  "mcu-client/hostile-inside.test.js",
  "mcu-client/hostile-outside.test.js",
  "mcu-demo/worlds.test.js",
  "mcu-demo/names.test.js",
  "mcu-client/isolate.test.js",
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

/** The files in the order in which they should begin. */
export function longFirst(files: readonly string[]): string[] {
  const rank = (file: string) => {
    const place = LONGEST.indexOf(file);
    return place < 0 ? LONGEST.length : place;
  };
  return [...files].sort((a, b) => rank(a) - rank(b));
}
