// npm run fuzz:attestation -- [--count N] [--seed N]: `fuzzing.ts` at length.
import { parseArgs } from "node:util";
import { fuzz } from "./fuzzing.js";

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "100000" },
    seed: { type: "string", default: "1" },
    help: { type: "boolean", short: "h", default: false },
  },
});
if (values.help) {
  console.log(`Usage: npm run fuzz:attestation -- [--count N] [--seed N]

Mutates tokens, chains, claims, certification requests, certificates, statements and requests N times each
(default 100000), always in the same way for the same seed, and ends with an error at the first
exception or wrong acceptance.`);
} else {
  const whole = (text: string): number => {
    if (/^\d{1,9}$/.test(text)) return Number(text);
    console.error(`fuzz:attestation: ${JSON.stringify(text)} is not a whole number below 10^9`);
    process.exit(2);
  };
  const [count, seed] = [whole(values.count), whole(values.seed)];
  const started = Date.now();
  await fuzz(count, seed, (target, { runs, accepted, refusals }) => {
    const list = Object.entries(refusals)
      .sort(([, a], [, b]) => b - a)
      .map(([rule, n]) => `${rule} ${n}`);
    console.log(`${target}: ${runs} runs, ${accepted} accepted; ${list.join(", ")}`);
  });
  console.log(`no finding, ${((Date.now() - started) / 1000).toFixed(0)} s`);
}
