// What a benchmark has found: a table as it comes, JSON, a chart, and whether its bars are kept.
import { writeFileSync } from "node:fs";
import { barChart, type Figure } from "../../host/common/chart.js";

/** The options of a benchmark that reports figures with bars, for `parseArgs`. */
export const reportOptions = {
  check: { type: "boolean", default: false },
  json: { type: "string" },
  chart: { type: "string" },
} as const;

/** Their help. */
export const reportHelp = `  --check           exit with 1 when a bar is missed
  --json FILE       also write the figures as JSON
  --chart FILE      also draw them, each against its bar (SVG)`;

interface Wanted {
  check: boolean;
  json?: string | undefined;
  chart?: string | undefined;
}

/** Figures as they are measured. */
export class BenchReport {
  private readonly figures: Figure[] = [];

  constructor(
    private readonly title: string,
    private readonly wanted: Wanted,
  ) {}

  /** One figure, and at most how much it may be. */
  note(name: string, value: number, unit: string, bar?: number): void {
    this.figures.push({ name, value, unit, bar });
    const missed = bar !== undefined && value > bar ? "   MISSED" : "";
    const shown = `${value.toFixed(value < 10 ? 2 : 1)} ${unit}`.padStart(12);
    console.log(`${name.padEnd(52)} ${shown}${bar === undefined ? "" : `   bar ${bar}`}${missed}`);
  }

  /** Writes what is wanted; with `check`, the process then exits with 1 where a bar is missed. */
  finish(): void {
    const { check, json, chart } = this.wanted;
    if (json !== undefined) writeFileSync(json, `${JSON.stringify(this.figures, null, 2)}\n`);
    if (chart !== undefined) writeFileSync(chart, barChart(this.title, this.figures));
    const missed = this.figures.some(({ value, bar = Number.POSITIVE_INFINITY }) => value > bar);
    if (check && missed) process.exitCode = 1;
  }
}
