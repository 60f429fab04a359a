// Fits a straight line to the points of all inputs together, by least squares.
//
// Inputs (one or more): Vec<(f64, f64)>, the points (x, y) of one provider.
// Result: (f64, f64), gradient and intercept.
// BadInput: malformed, a number that is not finite, or points that determine no line (fewer than two
// different x); DataSourceCount: no input.
import {
  decodeInput,
  encodeOutput,
  fail,
  inputCount,
  Pair,
  ReturnCode,
} from "../../../assembly/sdk";

type Point = Pair<f64, f64>;

/** A sum over all points of all providers. */
class Sums {
  x: f64 = 0;
  y: f64 = 0;
}

export function main(): i32 {
  const count = inputCount();
  if (count.failed) return fail(count.code);
  if (count.value === 0) return fail(ReturnCode.DataSourceCount);

  const providers: Array<Point>[] = [];
  const mean = new Sums();
  let points: f64 = 0;
  for (let index: u32 = 0; index < count.value; index++) {
    const provided = decodeInput<Array<Point>>(index);
    if (provided.failed) return fail(provided.code);
    const list = provided.value;
    for (let i = 0; i < list.length; i++) {
      mean.x += list[i].first;
      mean.y += list[i].second;
    }
    points += list.length as f64;
    providers.push(list);
  }
  mean.x /= points;
  mean.y /= points;

  // Sums of products of the distances from the means: they cancel less than sums of raw products do.
  const products = new Sums();
  for (let index = 0; index < providers.length; index++) {
    const list = providers[index];
    for (let i = 0; i < list.length; i++) {
      const dx = list[i].first - mean.x;
      products.x += dx * dx;
      products.y += dx * (list[i].second - mean.y);
    }
  }
  const gradient = products.y / products.x;
  const intercept = mean.y - gradient * mean.x;
  // No points, one x only, an infinity or a NaN: none of them leaves a finite gradient and intercept.
  if (!isFinite(gradient) || !isFinite(intercept)) return fail(ReturnCode.BadInput);
  return encodeOutput<Pair<f64, f64>>(new Pair<f64, f64>(gradient, intercept));
}
