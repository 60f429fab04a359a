// npm run fuzz:client: fuzzes what a server may answer to the MCU client.
import { readdirSync } from "node:fs";
import { mcuBuildFolder } from "../../host/mcu/toolchain.js";
import { type FuzzKind, fuzz, fuzzKinds, missingFuzzTools } from "./fuzz.js";

const [
  kindName = "answers",
  runs = "1000000",
  seed = "1",
  findings = `${mcuBuildFolder}/findings`,
] = process.argv.slice(2);
const kind = fuzzKinds.find((each): each is FuzzKind => each === kindName);
if (kind === undefined || !/^\d+$/.test(runs) || !/^\d+$/.test(seed)) {
  console.error(
    "Usage: npm run fuzz:client -- [answers|inside] [RUNS] [SEED] [FOLDER for findings]",
  );
  process.exit(2);
}
const missing = missingFuzzTools();
if (missing) {
  console.error(missing);
  process.exit(1);
}
const done = await fuzz({
  kind,
  runs: Number(runs),
  seed: Number(seed),
  findings,
  said: (line) => {
    if (/^#\d+\s+pulse/.test(line)) console.log(line);
  },
});
console.log(done.output.split("\n").slice(-30).join("\n"));
const found = readdirSync(findings);
const verdict = found.length > 0 ? `findings in ${findings}: ${found.join(", ")}` : "no finding";
console.log(
  `${kind}, seed ${seed}, ${done.scenes} scenes: ${done.runs} runs${done.code === 0 ? "" : ", cut off"}, ${verdict}`,
);
process.exitCode = done.code === 0 ? 0 : 1;
