import { Option } from "commander";
import { CliError } from "../../../host/common/cli.js";
import { parseWhole } from "../../../host/common/quantities.js";
import { ClassicWriter } from "../../../host/program-data/classic-encoding.js";
import { readJsonRows } from "../support/data-sets.js";
import { generate, generatorCommand } from "../support/generator.js";

type Point = [x: number, y: number];

/** Data sets of the npm package vega-datasets, with the columns that make x and y. */
const dataSets: Record<string, { file: string; x: string; y: string }> = {
  cars: { file: "cars.json", x: "Weight_in_lbs", y: "Miles_per_Gallon" },
  penguins: { file: "penguins.json", x: "Flipper Length (mm)", y: "Body Mass (g)" },
};

/** The rows of a data set that have both numbers. */
function readPoints({ file, x, y }: { file: string; x: string; y: string }): Point[] {
  return readJsonRows(file)
    .map((row) => [row[x], row[y]])
    .filter((pair): pair is Point => pair.every((value) => typeof value === "number"));
}

/** Least squares, in the program's own order of operations, so that the last bit agrees. */
function fit(points: readonly Point[]): { gradient: number; intercept: number } {
  const mean = (column: 0 | 1) => {
    let sum = 0;
    for (const point of points) sum += point[column];
    return sum / points.length;
  };
  const [meanX, meanY] = [mean(0), mean(1)];
  let squares = 0;
  let products = 0;
  for (const [x, y] of points) {
    squares += (x - meanX) * (x - meanX);
    products += (x - meanX) * (y - meanY);
  }
  const gradient = products / squares;
  return { gradient, intercept: meanY - gradient * meanX };
}

const command = generatorCommand("linear-regression", "the points of a real data set.")
  .addOption(
    new Option("--data-set <name>", "which data set of the npm package vega-datasets")
      .choices(Object.keys(dataSets))
      .default("cars"),
  )
  .option(
    "--providers <n>",
    "among how many providers (1 to 16) the points are divided",
    (text) => parseWhole(text, 1, 16),
    1,
  );

await generate(command, (options) => {
  const dataSet = dataSets[options.dataSet as string];
  if (dataSet === undefined) throw new CliError("no such data set");
  const providers = Number(options.providers);
  const points = readPoints(dataSet);
  const shares = Array.from({ length: providers }, (_, provider) =>
    points.slice(
      Math.floor((provider * points.length) / providers),
      Math.floor(((provider + 1) * points.length) / providers),
    ),
  );
  const { gradient, intercept } = fit(points);
  return {
    files: Object.fromEntries(
      shares.map((share, provider) => [
        `input-${provider}`,
        new ClassicWriter().sequence(share, ([x, y], writer) => writer.f64(x).f64(y)).bytes,
      ]),
    ),
    results: [new ClassicWriter().f64(gradient).f64(intercept).bytes],
    summary:
      `${points.length} points (${dataSet.x}, ${dataSet.y}): ` +
      `gradient ${gradient}, intercept ${intercept}`,
  };
});
