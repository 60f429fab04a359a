import { reserve } from "../../../assembly/sdk";
import { Table } from "./table";

/** How good a model is on rows that it has not seen. */
export class Quality {
  /** Per cent of the rows that it is right about. */
  correct: f64 = 0;
  /**
   * Area under the receiver operating characteristic: the share of pairs of a positive and a negative row
   * in which the positive one scores higher; equal scores count half.
   */
  area: f64 = 0;
}

/**
 * The quality of a model, or null where there is no memory to find it. Both labels must occur. NaN where a
 * score is not finite.
 */
export function qualityOf(weights: Float64Array, table: Table): Quality | null {
  let positives = 0;
  for (let row = 0; row < table.rows; row++) if (table.at(row, 0) > 0) positives++;
  const negatives = table.rows - positives;
  if (!reserve((table.rows as usize) * 2 * sizeof<f64>())) return null;
  const high = new Float64Array(positives);
  const low = new Float64Array(negatives);
  let right = 0;
  let i = 0;
  let j = 0;
  for (let row = 0; row < table.rows; row++) {
    const product = table.product(row, weights);
    if (!isFinite(product)) {
      const unknown = new Quality();
      unknown.correct = NaN;
      return unknown;
    }
    if (product > 0) right++;
    if (table.at(row, 0) > 0) high[i++] = product;
    else low[j++] = -product;
  }
  high.sort();
  low.sort();
  // Both in order: the negatives below a positive row's score, and those at it, are found in one pass.
  let pairs: f64 = 0;
  let below = 0;
  let until = 0;
  for (let k = 0; k < positives; k++) {
    while (below < negatives && low[below] < high[k]) below++;
    until = max(until, below);
    while (until < negatives && low[until] === high[k]) until++;
    pairs += (below as f64) + ((until - below) as f64) / 2;
  }
  const quality = new Quality();
  quality.correct = (100 * (right as f64)) / (table.rows as f64);
  quality.area = pairs / ((positives as f64) * (negatives as f64));
  return quality;
}
