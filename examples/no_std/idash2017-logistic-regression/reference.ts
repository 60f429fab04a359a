// What the program computes, on the computer's side and in the program's own order of operations, so that
// the last bit agrees.

export interface Parameters {
  iterations: number;
  degree: 3 | 5 | 7;
  stepUp: number;
  stepDown: number;
}

export interface Model {
  /** For the factors as they were given, the constant first. */
  weights: number[];
  /** Per cent of the test rows. */
  correct: number;
  /** Area under the receiver operating characteristic. */
  area: number;
}

/** See training.ts for where these come from. */
const POLYNOMIALS = {
  3: [-0.5, 1.20096, -0.81562],
  5: [-0.5, 1.53048, -2.3533056, 1.3511295],
  7: [-0.5, 1.73496, -4.19407, 5.43402, -2.50739],
} as const;

type Rows = readonly (readonly number[])[];

const product = (one: readonly number[], other: readonly number[]) =>
  one.reduce((sum, value, i) => sum + value * (other[i] as number), 0);

/**
 * @param training rows of a label, 1 or -1, and factors; at least one
 * @param test the same, of both labels
 */
export function train(training: Rows, test: Rows, parameters: Parameters): Model {
  const labelled = (rows: Rows) =>
    rows.map(([label = 0, ...factors]) => [label, ...factors.map((each) => label * each)]);
  const columns = (training[0] as readonly number[]).length;
  const scales = Array.from(
    { length: columns },
    (_, j) => Math.max(...training.map((row) => Math.abs(row[j] as number))) || 1,
  );
  const scaled = (rows: Rows) =>
    labelled(rows).map((z) => z.map((each, j) => each / (scales[j] as number)));
  const table = scaled(training);
  const [constant, ...odd] = POLYNOMIALS[parameters.degree];
  const sigmoid = (x: number) => {
    const square = (x / 8) * (x / 8);
    return constant + odd.reduceRight((sum, factor) => sum * square + factor, 0) * (x / 8);
  };

  let weights = scales.map(() => 0);
  let ahead = scales.map(() => 0);
  let momentum = 0.01;
  for (let iteration = 0; iteration < parameters.iterations; iteration++) {
    const gradient = scales.map(() => 0);
    for (const z of table) {
      const slope = sigmoid(product(z, ahead));
      z.forEach((each, j) => {
        gradient[j] = (gradient[j] as number) + slope * each;
      });
    }
    const { stepUp, stepDown } = parameters;
    const length = stepUp / (stepDown > 0 ? stepDown : iteration - stepDown) / table.length;
    const next = (1 + Math.sqrt(1 + 4 * momentum * momentum)) / 2;
    const eta = (1 - momentum) / next;
    const moved = ahead.map((each, j) => each - length * (gradient[j] as number));
    ahead = moved.map((each, j) => (1 - eta) * each + eta * (weights[j] as number));
    weights = moved;
    momentum = next;
  }

  const products = scaled(test).map((z) => ({
    positive: (z[0] as number) > 0,
    product: product(z, weights),
  }));
  const high = products.filter(({ positive }) => positive).map((each) => each.product);
  const low = products.filter(({ positive }) => !positive).map((each) => -each.product);
  const pairs = high.reduce(
    (sum, one) =>
      sum + low.reduce((part, other) => part + (one > other ? 1 : one === other ? 0.5 : 0), 0),
    0,
  );
  return {
    weights: weights.map((weight, j) => weight / (scales[j] as number)),
    correct: (100 * products.filter((each) => each.product > 0).length) / products.length,
    area: pairs / (high.length * low.length),
  };
}
