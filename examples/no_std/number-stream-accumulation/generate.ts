import { parseWhole } from "../../../host/common/quantities.js";
import { ClassicWriter } from "../../../host/program-data/classic-encoding.js";
import { generate, generatorCommand, withSeed } from "../support/generator.js";
import { RandomNumbers } from "../support/random-numbers.js";

const command = withSeed(
  generatorCommand("number-stream-accumulation", "a number, and numbers to add in each round.")
    .option("--streams <n>", "stream items in each round", (text) => parseWhole(text, 1, 64), 2)
    .option("--rounds <n>", "rounds", (text) => parseWhole(text, 1, 1000), 3),
);

await generate(command, (options) => {
  const random = new RandomNumbers(options.seed);
  const streams = Number(options.streams);
  const rounds = Number(options.rounds);
  const number = () => (random.below(2_000_001) - 1_000_000) / 1000;
  const encoded = (value: number) => new ClassicWriter().f64(value).bytes;

  let sum = number();
  const files: Record<string, Uint8Array> = { "input-0": encoded(sum) };
  const results: Uint8Array[] = [];
  for (let round = 1; round <= rounds; round++) {
    for (let stream = 0; stream < streams; stream++) {
      const item = number();
      files[`round-${round}/stream-${stream}`] = encoded(item);
      sum += item;
    }
    results.push(encoded(sum));
  }
  return {
    files,
    results,
    summary: `${rounds} rounds of ${streams} stream items: ${sum} at the end`,
  };
});
