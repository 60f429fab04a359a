import { parseWhole } from "../../../host/common/quantities.js";
import { ClassicWriter } from "../../../host/program-data/classic-encoding.js";
import { generate, generatorCommand, withSeed } from "../support/generator.js";
import { RandomNumbers } from "../support/random-numbers.js";

const command = withSeed(
  generatorCommand("logistic-regression", "records of several providers.")
    .option("--providers <n>", "how many (1 to 16)", (text) => parseWhole(text, 1, 16), 2)
    .option("--records <n>", "of each of them", (text) => parseWhole(text, 1, 10_000), 60)
    .option("--factors <n>", "of each record", (text) => parseWhole(text, 1, 100), 3),
);

interface Sample {
  label: boolean;
  factors: number[];
}

/** The model, in the program's own order of operations, so that the last bit agrees. */
function fit(samples: readonly Sample[], width: number): number[] {
  const model = new Array<number>(width + 1).fill(0);
  for (let step = 0; step < 50; step++) {
    const slope = new Array<number>(width + 1).fill(0);
    for (const { label, factors } of samples) {
      const x = factors.reduce(
        (sum, each, j) => sum + (model[j + 1] as number) * each,
        model[0] as number,
      );
      const miss = (label ? 1 : 0) - (0.5 + 0.197 * x - 0.004 * x * x * x);
      for (const [j, each] of [1, ...factors].entries())
        slope[j] = (slope[j] as number) + miss * each;
    }
    for (const [j, each] of slope.entries())
      model[j] = (model[j] as number) + (0.5 * each) / samples.length;
  }
  return model;
}

await generate(command, (options) => {
  const random = new RandomNumbers(options.seed);
  const width = Number(options.factors);
  const number = () => random.below(2001) / 1000 - 1;
  const truth = Array.from({ length: width }, number);
  const providers = Array.from({ length: Number(options.providers) }, () =>
    Array.from({ length: Number(options.records) }, (): Sample => {
      const factors = Array.from({ length: width }, number);
      const score = factors.reduce((sum, each, j) => sum + each * (truth[j] as number), 0);
      return { label: score + number() / 4 > 0, factors };
    }),
  );
  const all = providers.flat();
  const model = fit(all, width);
  const right = all.filter(
    ({ label, factors }) =>
      factors.reduce((sum, each, j) => sum + each * (model[j + 1] as number), model[0] as number) >
        0 ===
      label,
  ).length;
  return {
    files: Object.fromEntries(
      providers.map((list, index) => [
        `input-${index}`,
        new ClassicWriter().sequence(list, ({ label, factors }, writer) =>
          writer.u8(label ? 1 : 0).sequence(factors, (each) => writer.f64(each)),
        ).bytes,
      ]),
    ),
    results: [new ClassicWriter().sequence(model, (weight, writer) => writer.f64(weight)).bytes],
    summary: `${all.length} records of ${width} factors: the model is right about ${right} of them`,
  };
});
