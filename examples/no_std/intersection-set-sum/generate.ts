import { parseWhole } from "../../../host/common/quantities.js";
import { ClassicWriter } from "../../../host/program-data/classic-encoding.js";
import { generate, generatorCommand, withSeed } from "../support/generator.js";
import { names } from "../support/people.js";
import { RandomNumbers } from "../support/random-numbers.js";

const command = withSeed(
  generatorCommand("intersection-set-sum", "who saw an advertisement, and who bought for how much.")
    .option("--customers <n>", "how many people there are", (t) => parseWhole(t, 1, 100_000), 500)
    .option("--purchases <n>", "how many purchases", (t) => parseWhole(t, 0, 100_000), 200),
);

await generate(command, (options) => {
  const random = new RandomNumbers(options.seed);
  const customers = names(Number(options.customers), random);
  const viewers = customers.filter(() => random.below(3) === 0);
  const purchases = Array.from({ length: Number(options.purchases) }, () => ({
    customer: random.pick(customers),
    cents: BigInt(1 + random.below(100_000)),
  }));
  const saw = new Set(viewers);
  const counted = purchases.filter(({ customer }) => saw.has(customer));
  const buyers = new Set(counted.map(({ customer }) => customer)).size;
  const sum = counted.reduce((total, { cents }) => total + cents, 0n);
  return {
    files: {
      "input-0": new ClassicWriter().sequence(random.shuffled(viewers), (viewer, writer) =>
        writer.string(viewer),
      ).bytes,
      "input-1": new ClassicWriter().sequence(purchases, ({ customer, cents }, writer) =>
        writer.string(customer).u64(cents),
      ).bytes,
    },
    results: [new ClassicWriter().u64(BigInt(buyers)).u64(sum).bytes],
    summary:
      `${viewers.length} viewers, ${purchases.length} purchases: ` +
      `${buyers} viewers bought for ${sum} cents in all`,
  };
});
