import { parseWhole } from "../../../host/common/quantities.js";
import { ClassicWriter } from "../../../host/program-data/classic-encoding.js";
import { generate, generatorCommand, withSeed } from "../support/generator.js";
import { names } from "../support/people.js";
import { RandomNumbers } from "../support/random-numbers.js";

const command = withSeed(
  generatorCommand("second-price-auction", "sealed bids.").option(
    "--bidders <n>",
    "how many bidders (2 to 100)",
    (text) => parseWhole(text, 2, 100),
    5,
  ),
);

await generate(command, (options) => {
  const random = new RandomNumbers(options.seed);
  const bids = names(Number(options.bidders), random).map((bidder, index) => ({
    bidder,
    amount: 1 + random.below(100_000),
    index,
  }));
  // Of equal bids the first input comes first.
  const [winner, second] = [...bids].sort((a, b) => b.amount - a.amount || a.index - b.index);
  if (winner === undefined || second === undefined) throw new Error("there are two bids at least");
  const bytes = (name: string, amount: number) =>
    new ClassicWriter().string(name).u64(BigInt(amount)).bytes;
  return {
    files: Object.fromEntries(
      bids.map(({ bidder, amount }, index) => [`input-${index}`, bytes(bidder, amount)]),
    ),
    results: [bytes(winner.bidder, second.amount)],
    summary: `${bids.length} bids: ${winner.bidder} wins with ${winner.amount} and pays ${second.amount}`,
  };
});
