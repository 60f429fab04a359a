// A logistic model of all providers' records together: the task of the iDASH 2017 competition, in which
// hospitals predict a disease from genes. In the competition the records were encrypted homomorphically;
// here they are in the clear inside an isolate. The polynomial in place of the sigmoid, which homomorphic
// encryption needs, is kept, so that figures can be compared.
//
// Inputs (one or more): one provider's Provided each. All must say the same but for the rows.
// Result: Model, its weights for the factors as they were given, the first one the constant.
// BadInput: malformed; a row of another width than the first, without factors, or with a label that is
// not 1 or -1, or with a factor that is not finite; training rows or, of both labels, test rows missing; no
// such degree; steps so long that the weights grow beyond all numbers. InvariantFailed: providers who do not agree.
// Generic: not enough memory; DataSourceCount: no input.
import {
  Codec,
  decodeInput,
  encodeOutput,
  fail,
  inputCount,
  ReturnCode,
  reserve,
} from "../../../assembly/sdk";
import { qualityOf } from "./quality";
import { makeTable, Rows, Table } from "./table";
import { StepSize, sigmoidOf, train } from "./training";

class Provided {
  /** Rows to train with, and to test the model on: label, factors. */
  training: Rows = [];
  test: Rows = [];
  iterations: u64 = 0;
  /** Degree of the polynomial: 3, 5 or 7. */
  degree: u64 = 0;
  stepUp: i64 = 0;
  stepDown: i64 = 0;

  fields(codec: Codec): void {
    this.training = codec.of(this.training);
    this.test = codec.of(this.test);
    this.iterations = codec.of(this.iterations);
    this.degree = codec.of(this.degree);
    this.stepUp = codec.of(this.stepUp);
    this.stepDown = codec.of(this.stepDown);
  }

  agreesWith(other: Provided): bool {
    return (
      this.iterations === other.iterations &&
      this.degree === other.degree &&
      this.stepUp === other.stepUp &&
      this.stepDown === other.stepDown
    );
  }
}

class Model {
  weights: Array<f64> = [];
  /** Per cent of the test rows. */
  correct: f64 = 0;
  area: f64 = 0;

  fields(codec: Codec): void {
    this.weights = codec.of(this.weights);
    this.correct = codec.of(this.correct);
    this.area = codec.of(this.area);
  }
}

/** Whether rows of both labels are in a table. */
function hasBothLabels(table: Table): bool {
  let sum = 0;
  for (let row = 0; row < table.rows; row++) sum += table.at(row, 0) as i32;
  return table.rows > 0 && abs(sum) < table.rows;
}

export function main(): i32 {
  const count = inputCount();
  if (count.failed) return fail(count.code);
  if (count.value === 0) return fail(ReturnCode.DataSourceCount);

  const providers: Provided[] = [];
  let trainingRows = 0;
  let testRows = 0;
  for (let index: u32 = 0; index < count.value; index++) {
    const decoded = decodeInput<Provided>(index);
    if (decoded.failed) return fail(decoded.code);
    const provided = decoded.value;
    if (index > 0 && !provided.agreesWith(providers[0])) return fail(ReturnCode.InvariantFailed);
    trainingRows += provided.training.length;
    testRows += provided.test.length;
    providers.push(provided);
  }
  const first = providers[0];
  const polynomial = sigmoidOf(first.degree);
  if (polynomial === null || trainingRows === 0) return fail(ReturnCode.BadInput);
  let columns = 0;
  for (let i = 0; columns === 0 && i < providers.length; i++) {
    if (providers[i].training.length > 0) columns = providers[i].training[0].length;
  }
  if (columns < 2) return fail(ReturnCode.BadInput);

  const training = makeTable(trainingRows, columns);
  if (training === null) return fail(ReturnCode.Generic);
  const test = makeTable(testRows, columns);
  if (test === null) return fail(ReturnCode.Generic);
  for (let i = 0; i < providers.length; i++) {
    if (!training.append(providers[i].training) || !test.append(providers[i].test)) {
      return fail(ReturnCode.BadInput);
    }
  }
  if (!hasBothLabels(test)) return fail(ReturnCode.BadInput);

  // Scales, three lists of weights in training, and the model.
  if (!reserve(5 * (columns as usize) * sizeof<f64>())) return fail(ReturnCode.Generic);
  const scales = training.largest();
  training.divideColumns(scales);
  test.divideColumns(scales);
  const step = new StepSize(first.stepUp, first.stepDown);
  const weights = train(training, first.iterations, polynomial, step);
  const quality = qualityOf(weights, test);
  if (quality === null) return fail(ReturnCode.Generic);

  if (!isFinite(quality.correct)) return fail(ReturnCode.BadInput);

  const model = new Model();
  model.weights = new Array<f64>(columns);
  for (let j = 0; j < columns; j++) {
    const weight = weights[j] / scales[j];
    if (!isFinite(weight)) return fail(ReturnCode.BadInput);
    model.weights[j] = weight;
  }
  model.correct = quality.correct;
  model.area = quality.area;
  return encodeOutput<Model>(model);
}
