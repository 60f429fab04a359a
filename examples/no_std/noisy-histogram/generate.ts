import { CliError } from "../../../host/common/cli.js";
import { parseWhole } from "../../../host/common/quantities.js";
import { ClassicWriter } from "../../../host/program-data/classic-encoding.js";
import { generate, generatorCommand, withSeed } from "../support/generator.js";
import { RandomNumbers } from "../support/random-numbers.js";

const command = withSeed(
  generatorCommand("noisy-histogram", "people of several providers, each in a bin.")
    .option("--bins <n>", "how many bins", (text) => parseWhole(text, 1, 65536), 10)
    .option("--people <n>", "of each provider", (text) => parseWhole(text, 0, 100_000), 300)
    .option("--providers <n>", "how many providers", (text) => parseWhole(text, 1, 16), 2)
    .option("--epsilon <fraction>", "the privacy budget", "1/2"),
);

await generate(command, (options) => {
  const [, numerator, denominator] = /^(\d{1,4})\/(\d{1,4})$/.exec(options.epsilon as string) ?? [];
  if (numerator === undefined || denominator === undefined)
    throw new CliError("--epsilon: expected a fraction such as 1/2");
  const random = new RandomNumbers(options.seed);
  const bins = Number(options.bins);
  const providers = Array.from({ length: Number(options.providers) }, () =>
    // The sum of two makes the middle more frequent.
    Array.from({ length: Number(options.people) }, () =>
      Math.floor((random.below(bins) + random.below(bins)) / 2),
    ),
  );
  const counts = Array.from({ length: bins }, () => 0);
  for (const bin of providers.flat()) counts[bin] = (counts[bin] as number) + 1;
  const files: Record<string, Uint8Array> = {
    "input-0": new ClassicWriter().u32(bins).u32(Number(numerator)).u32(Number(denominator)).bytes,
  };
  for (const [index, people] of providers.entries())
    files[`input-${index + 1}`] = new ClassicWriter().sequence(people, (bin, writer) =>
      writer.u32(bin),
    ).bytes;
  return {
    files,
    // Noise is random: there is no result to expect.
    results: [],
    summary: `${providers.flat().length} people in ${bins} bins: ${counts.join(", ")} before noise`,
  };
});
