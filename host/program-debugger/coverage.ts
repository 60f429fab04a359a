/** Which functions and branches of a program a run has passed. */
import type { Recording } from "./debugger.js";
import type { Point } from "./instrument.js";
import type { NameOf } from "./profile.js";
import type { Place } from "./source-map.js";

/** A function, and what of it ran. */
export interface CoveredFunction {
  readonly index: number;
  readonly name: string;
  readonly calls: number;
  readonly points: number;
  readonly passed: number;
  /** Points that no run passed, as far as the function was called at all. */
  readonly missed: readonly Point[];
}

/** The functions that a program defines, in their order. */
export function coverage(
  { instrumented, passed, calls }: Recording,
  nameOf: NameOf,
): CoveredFunction[] {
  return instrumented.functions.map(({ index }) => {
    const own = instrumented.points
      .map((point, number) => ({ point, times: passed[number] as number }))
      .filter(({ point }) => point.functionIndex === index);
    const missed = own.filter(({ times }) => times === 0).map(({ point }) => point);
    return {
      index,
      name: nameOf(index),
      calls: calls.get(index) ?? 0,
      points: own.length,
      passed: own.length - missed.length,
      missed,
    };
  });
}

const percent = (part: number, whole: number): string =>
  whole === 0 ? "100 %" : `${Math.floor((100 * part) / whole)} %`;

/** The report in words, a line for each function that is not wholly covered. */
export function coverageReport(
  functions: readonly CoveredFunction[],
  placeOf: (offset: number) => Place | undefined,
): string[] {
  const sum = (of: (each: CoveredFunction) => number) =>
    functions.reduce((total, each) => total + of(each), 0);
  const called = functions.filter(({ calls }) => calls > 0).length;
  const points = sum((each) => each.points);
  const passed = sum((each) => each.passed);
  const lines = [
    `coverage: ${called} of ${functions.length} functions (${percent(called, functions.length)}), ` +
      `${passed} of ${points} branches (${percent(passed, points)})`,
  ];
  for (const { name, calls, missed } of functions) {
    if (calls === 0) lines.push(`  ${name}: never called`);
    else if (missed.length > 0) {
      const places = missed.map(({ kind, offset }) => {
        const place = placeOf(offset);
        return `${kind} at ${place === undefined ? `byte ${offset}` : `${place.source}:${place.line}`}`;
      });
      lines.push(
        `  ${name}: not passed: ${places.slice(0, 8).join(", ")}${places.length > 8 ? ", …" : ""}`,
      );
    }
  }
  return lines;
}
