import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** The text of a data set of the npm package vega-datasets. */
function readDataSet(file: string): string {
  const entry = createRequire(import.meta.url).resolve("vega-datasets");
  return readFileSync(join(dirname(entry), "..", "data", file), "utf8");
}

/** The rows of a data set in JSON. */
export function readJsonRows(file: string): Record<string, unknown>[] {
  return JSON.parse(readDataSet(file));
}

/** A column of a data set in CSV without quotes, as text, without its heading. */
export function readCsvColumn(file: string, column: string): string[] {
  const [heading = "", ...lines] = readDataSet(file).trim().split(/\r?\n/);
  const index = heading.split(",").indexOf(column);
  if (index < 0) throw new RangeError(`${file} has no column ${column}`);
  return lines.map((line) => line.split(",")[index] as string);
}
