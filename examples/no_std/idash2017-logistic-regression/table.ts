import { reserve } from "../../../assembly/sdk";

/** Rows of a provider's table: the label y, 1 or -1, then the factors x. */
export type Rows = Array<Array<f64>>;

/**
 * The rows of all providers as the training uses them: z = y (1, x), each as wide as the first. With
 * them, "the model is right about this row" is z · w > 0, whatever the label.
 */
export class Table {
  rows: i32 = 0;

  constructor(
    readonly columns: i32,
    readonly values: Float64Array,
  ) {}

  at(row: i32, column: i32): f64 {
    return unchecked(this.values[row * this.columns + column]);
  }

  /** Appends rows; false where one is not as wide as it must be, or holds what is no label or factor. */
  append(rows: Rows): bool {
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i];
      if (row.length !== this.columns) return false;
      const label = row[0];
      if (label !== 1 && label !== -1) return false;
      const begin = this.rows++ * this.columns;
      this.values[begin] = label;
      for (let j = 1; j < row.length; j++) {
        if (!isFinite(row[j])) return false;
        this.values[begin + j] = label * row[j];
      }
    }
    return true;
  }

  /** The product of a row with weights. */
  product(row: i32, weights: Float64Array): f64 {
    const begin = row * this.columns;
    let sum: f64 = 0;
    for (let j = 0; j < this.columns; j++) {
      sum += unchecked(this.values[begin + j]) * unchecked(weights[j]);
    }
    return sum;
  }

  /** The largest magnitude in each column; 1 for a column of zeros. */
  largest(): Float64Array {
    const scales = new Float64Array(this.columns);
    for (let i = 0; i < this.values.length; i++) {
      const j = i % this.columns;
      scales[j] = Math.max(scales[j], Math.abs(this.values[i]));
    }
    for (let j = 0; j < scales.length; j++) if (scales[j] === 0) scales[j] = 1;
    return scales;
  }

  divideColumns(scales: Float64Array): void {
    for (let i = 0; i < this.values.length; i++) this.values[i] /= scales[i % this.columns];
  }
}

/** An empty table with room for so many rows, or null where there is no memory for it. */
export function makeTable(rows: i32, columns: i32): Table | null {
  const values = (rows as u64) * (columns as u64);
  if (values > (i32.MAX_VALUE as u64) / sizeof<f64>()) return null;
  if (!reserve((values as usize) * sizeof<f64>())) return null;
  return new Table(columns, new Float64Array(values as i32));
}
