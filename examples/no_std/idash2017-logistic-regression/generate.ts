import { Option } from "commander";
import { parseWhole } from "../../../host/common/quantities.js";
import { ClassicWriter } from "../../../host/program-data/classic-encoding.js";
import { readJsonRows } from "../support/data-sets.js";
import { generate, generatorCommand, withSeed } from "../support/generator.js";
import { RandomNumbers } from "../support/random-numbers.js";
import { type Parameters, train } from "./reference.js";

/** A label, 1 or -1, and the factors that are to predict it. */
type Row = number[];

/**
 * Records as in the competition: factors that are 0 or 1 (a variant is present or not), of which some make
 * the disease more likely and some less.
 */
function randomRows(records: number, factors: number, random: RandomNumbers): Row[] {
  const effects = Array.from({ length: factors }, () => random.below(5) - 2);
  const frequencies = effects.map(() => 10 + random.below(80));
  return Array.from({ length: records }, () => {
    const x = frequencies.map((perCent) => (random.below(100) < perCent ? 1 : 0));
    const risk = effects.reduce(
      (sum, effect, j) => sum + effect * ((x[j] as number) - (frequencies[j] as number) / 100),
      0,
    );
    const probability = 1 / (1 + Math.exp(-2 * risk));
    return [random.below(1_000_000) < probability * 1_000_000 ? 1 : -1, ...x];
  });
}

/** Penguins: male (1) or female (-1), from beak, flipper and mass. */
function penguins(): Row[] {
  const columns = ["Beak Length (mm)", "Beak Depth (mm)", "Flipper Length (mm)", "Body Mass (g)"];
  return readJsonRows("penguins.json")
    .filter(({ Sex }) => Sex === "MALE" || Sex === "FEMALE")
    .map((row) => [row.Sex === "MALE" ? 1 : -1, ...columns.map((name) => row[name] as number)]);
}

const command = withSeed(
  generatorCommand(
    "idash2017-logistic-regression",
    "records with a label, divided among providers.",
  )
    .addOption(
      new Option(
        "--data-set <name>",
        "made-up records, or real ones of the npm package vega-datasets",
      )
        .choices(["random", "penguins"])
        .default("random"),
    )
    .option("--records <n>", "made-up records", (t) => parseWhole(t, 10, 100_000), 1579)
    .option("--factors <n>", "factors in each", (t) => parseWhole(t, 1, 1000), 18)
    .option("--providers <n>", "among how many (1 to 16)", (t) => parseWhole(t, 1, 16), 1)
    .option("--iterations <n>", "passes over the records", (t) => parseWhole(t, 0, 100_000), 7)
    .addOption(
      new Option("--degree <n>", "of the polynomial in place of the sigmoid")
        .choices(["3", "5", "7"])
        .default("5"),
    )
    .option(
      "--step-up <n>",
      "length of the first step down the gradient; the n-th is an n-th of it",
      (t) => parseWhole(t, 1, 1_000_000),
      1,
    ),
);

await generate(command, (options) => {
  const random = new RandomNumbers(options.seed);
  const all =
    options.dataSet === "penguins"
      ? penguins()
      : randomRows(Number(options.records), Number(options.factors), random);
  const rows = random.shuffled(all);
  // Every fifth row is for the test.
  const test = rows.filter((_, i) => i % 5 === 0);
  const training = rows.filter((_, i) => i % 5 !== 0);
  const parameters: Parameters = {
    iterations: Number(options.iterations),
    degree: Number(options.degree) as Parameters["degree"],
    stepUp: Number(options.stepUp),
    stepDown: -1,
  };
  const providers = Number(options.providers);
  const share = (list: readonly Row[], provider: number) =>
    list.slice(
      Math.floor((provider * list.length) / providers),
      Math.floor(((provider + 1) * list.length) / providers),
    );
  const table = (list: readonly Row[], writer: ClassicWriter) =>
    writer.sequence(list, (row) => writer.sequence(row, (value) => writer.f64(value)));
  const model = train(training, test, parameters);
  return {
    files: Object.fromEntries(
      Array.from({ length: providers }, (_, provider) => {
        const writer = new ClassicWriter();
        table(share(training, provider), writer);
        table(share(test, provider), writer);
        writer.u64(BigInt(parameters.iterations)).u64(BigInt(parameters.degree));
        writer.u64(BigInt(parameters.stepUp)).u64(BigInt.asUintN(64, BigInt(parameters.stepDown)));
        return [`input-${provider}`, writer.bytes];
      }),
    ),
    results: [
      new ClassicWriter()
        .sequence(model.weights, (weight, writer) => writer.f64(weight))
        .f64(model.correct)
        .f64(model.area).bytes,
    ],
    summary:
      `${training.length} records to train with, ${test.length} to test: ` +
      `${model.correct.toFixed(1)} % correct, area under the curve ${model.area.toFixed(3)}`,
  };
});
