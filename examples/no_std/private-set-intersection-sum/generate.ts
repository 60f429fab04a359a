import { parseWhole } from "../../../host/common/quantities.js";
import { ClassicWriter } from "../../../host/program-data/classic-encoding.js";
import { generate, generatorCommand, withSeed } from "../support/generator.js";
import { RandomNumbers } from "../support/random-numbers.js";

const command = withSeed(
  generatorCommand(
    "private-set-intersection-sum",
    "numbers of one party, and ids that others know.",
  )
    .option("--parties <n>", "how many parties (2 to 16)", (text) => parseWhole(text, 2, 16), 3)
    .option("--entries <n>", "numbers of the first", (text) => parseWhole(text, 0, 100_000), 200),
);

await generate(command, (options) => {
  const random = new RandomNumbers(options.seed);
  const entries = Array.from({ length: Number(options.entries) }, (_, index) => ({
    id: 1_000_000n + BigInt(index),
    value: BigInt(random.below(100_000)),
  }));
  const others = Array.from({ length: Number(options.parties) - 1 }, () =>
    random.shuffled([
      ...entries.filter(() => random.below(4) > 0).map(({ id }) => id),
      // Ids that the first party has not.
      ...Array.from({ length: 20 }, () => BigInt(random.below(1_000_000))),
    ]),
  );
  const known = others.map((ids) => new Set(ids));
  const counted = entries.filter(({ id }) => known.every((ids) => ids.has(id)));
  const sum = counted.reduce((total, { value }) => total + value, 0n);
  const files: Record<string, Uint8Array> = {
    "input-0": new ClassicWriter().sequence(random.shuffled(entries), ({ id, value }, writer) =>
      writer.u64(id).u64(value),
    ).bytes,
  };
  for (const [index, ids] of others.entries())
    files[`input-${index + 1}`] = new ClassicWriter().sequence(ids, (id, writer) =>
      writer.u64(id),
    ).bytes;
  return {
    files,
    results: [new ClassicWriter().u64(BigInt(counted.length)).u64(sum).bytes],
    summary: `${entries.length} entries, ${counted.length} of them known to all: sum ${sum}`,
  };
});
