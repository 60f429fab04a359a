import { Option } from "commander";
import { parseWhole } from "../../../host/common/quantities.js";
import { ClassicWriter } from "../../../host/program-data/classic-encoding.js";
import { readCsvColumn } from "../support/data-sets.js";
import { generate, generatorCommand } from "../support/generator.js";

/** Weighted moving averages, in the program's own order of operations, so that the last bit agrees. */
function averages(values: readonly number[], width: number): number[] {
  return values.slice(width - 1).map((_, first) => {
    let sum = 0;
    for (let i = 0; i < width; i++) sum += (i + 1) * (values[first + i] as number);
    return (sum / (width * (width + 1))) * 2;
  });
}

/** The differences of two lists whose ends belong together. */
function differences(one: readonly number[], other: readonly number[]): number[] {
  return other.map((value, i) => (one[one.length - other.length + i] as number) - value);
}

const command = generatorCommand(
  "moving-average-convergence-divergence",
  "daily prices of the S&P 500 index since 2000, from the npm package vega-datasets.",
)
  .addOption(
    new Option("--price <name>", "which price of the day")
      .choices(["open", "high", "low", "close"])
      .default("close"),
  )
  .option("--days <n>", "how many of the 5,104 days", (t) => parseWhole(t, 35, 5104), 5104);

await generate(command, (options) => {
  const column = readCsvColumn("sp500-2000.csv", options.price as string);
  const prices = column.slice(0, Number(options.days)).map(Number);
  const macd = differences(averages(prices, 12), averages(prices, 26));
  const signal = averages(macd, 9);
  const histogram = differences(macd, signal);
  const decisions = histogram.slice(1).map((now, i) => {
    const before = histogram[i] as number;
    return before <= 0 && now > 0 ? 1 : before >= 0 && now < 0 ? -1 : 0;
  });
  const result = new ClassicWriter()
    .sequence(macd, (value, writer) => writer.f64(value))
    .sequence(signal, (value, writer) => writer.f64(value))
    .sequence(decisions, (decision, writer) => writer.u8(decision & 0xff));
  const count = (decision: number) => decisions.filter((each) => each === decision).length;
  return {
    files: {
      "input-0": new ClassicWriter().sequence(prices, (price, writer) => writer.f64(price)).bytes,
    },
    results: [result.bytes],
    summary: `${prices.length} prices: ${count(1)} times to buy, ${count(-1)} to sell`,
  };
});
