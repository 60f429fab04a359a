// The whole interoperability matrix, or the part of it whose names contain all given words.
//
// Usage: npm run test:tls-matrix -- [WORD]...     for example: -- gnutls-cli X25519
import { describe, everyCase } from "./support/cases.js";
import { foreignClients, foreignServers } from "./support/foreign.js";
import { serveForeignClient, useForeignServer } from "./support/interoperability.js";

const words = process.argv.slice(2);
const runs: { name: string; missing: string | undefined; run: () => Promise<void> }[] = [];
for (const one of everyCase()) {
  for (const peer of foreignClients) {
    if (one.certificate === "wrong key") continue; // no other stack can be made to do this
    const name = `${peer.name}: ${describe(one)}`;
    runs.push({ name, missing: peer.missing(), run: () => serveForeignClient(peer, one) });
  }
  for (const peer of foreignServers) {
    const name = `${peer.name}: ${describe(one)}`;
    runs.push({ name, missing: peer.missing(), run: () => useForeignServer(peer, one) });
  }
}

let passed = 0;
let failed = 0;
let skipped = 0;
for (const { name, missing, run } of runs) {
  if (!words.every((word) => name.includes(word))) continue;
  if (missing !== undefined) {
    skipped++;
    continue;
  }
  const started = performance.now();
  try {
    await run();
    passed++;
    console.log(`ok   ${name}  (${((performance.now() - started) / 1000).toFixed(2)} s)`);
  } catch (error) {
    failed++;
    console.log(`FAIL ${name}\n     ${(error as Error).message.replaceAll("\n", "\n     ")}`);
  }
}
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
process.exit(failed === 0 ? 0 : 1);
