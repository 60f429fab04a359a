import { Table } from "./table";

/**
 * -1 / (1 + e^x) as a polynomial: least squares over [-8, 8], of degree 3, 5 or 7. The factors of x / 8 to
 * the powers 0, 1, 3, 5, 7 are those of Kim, Song, Kim, Lee, Cheon: "Logistic regression model training
 * based on the approximate homomorphic encryption", BMC Medical Genomics 11:83 (2018), section "Methods".
 */
const DEGREE_3: StaticArray<f64> = [-0.5, 1.20096, -0.81562];
const DEGREE_5: StaticArray<f64> = [-0.5, 1.53048, -2.3533056, 1.3511295];
const DEGREE_7: StaticArray<f64> = [-0.5, 1.73496, -4.19407, 5.43402, -2.50739];

/** The polynomial of a degree, or null where there is none. */
export function sigmoidOf(degree: u64): StaticArray<f64> | null {
  if (degree === 3) return DEGREE_3;
  if (degree === 5) return DEGREE_5;
  return degree === 7 ? DEGREE_7 : null;
}

function evaluate(polynomial: StaticArray<f64>, x: f64): f64 {
  const scaled = x / 8;
  const square = scaled * scaled;
  let odd: f64 = 0;
  for (let i = polynomial.length - 1; i > 0; i--) odd = odd * square + unchecked(polynomial[i]);
  return unchecked(polynomial[0]) + odd * scaled;
}

/** How long the steps are: `up / down`, or, where `down` is not above 0, `up / (iteration - down)`. */
export class StepSize {
  constructor(
    readonly up: i64,
    readonly down: i64,
  ) {}

  at(iteration: u64): f64 {
    const divisor = this.down > 0 ? (this.down as f64) : (iteration as f64) - (this.down as f64);
    return (this.up as f64) / divisor;
  }
}

/**
 * The weights of a logistic model, by gradient descent with Nesterov's acceleration.
 *
 * @param iterations passes over the whole table
 */
export function train(
  table: Table,
  iterations: u64,
  polynomial: StaticArray<f64>,
  step: StepSize,
): Float64Array {
  const columns = table.columns;
  const weights = new Float64Array(columns);
  const ahead = new Float64Array(columns);
  const gradient = new Float64Array(columns);
  let momentum: f64 = 0.01;
  for (let iteration: u64 = 0; iteration < iterations; iteration++) {
    gradient.fill(0);
    for (let row = 0; row < table.rows; row++) {
      const slope = evaluate(polynomial, table.product(row, ahead));
      for (let j = 0; j < columns; j++) gradient[j] += slope * table.at(row, j);
    }
    const length = step.at(iteration) / (table.rows as f64);
    const next = (1 + Math.sqrt(1 + 4 * momentum * momentum)) / 2;
    const eta = (1 - momentum) / next;
    for (let j = 0; j < columns; j++) {
      const moved = ahead[j] - length * gradient[j];
      ahead[j] = (1 - eta) * moved + eta * weights[j];
      weights[j] = moved;
    }
    momentum = next;
  }
  return weights;
}
