/** Bar charts (SVG) of what benchmarks measure: of figures with the bars that they keep, or of any report in JSON. */
import { writeFileSync } from "node:fs";

/** One measured figure, with the bar that it has to keep. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** At most this much, in the same unit; undefined where there is no bar. */
  readonly bar?: number | undefined;
}

/** Figures in a chart, at most: one that nobody can read is none. */
const MAX_FIGURES = 400;

const WIDTH = 860;
const ROW = 34;
const LEFT = 330;
const RIGHT = 130;

const escaped = (text: string) =>
  text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
const shown = (value: number) => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));

/**
 * Draws figures as bars, each against its own scale: where it has a bar to keep, that stands at three quarters of the
 * width. Red is above the bar.
 */
export function barChart(title: string, figures: readonly Figure[]): string {
  const height = 50 + figures.length * ROW;
  const width = WIDTH - LEFT - RIGHT;
  const largest = new Map<string, number>();
  for (const { unit, value, bar } of figures)
    if (bar === undefined) largest.set(unit, Math.max(largest.get(unit) ?? 0, value));
  const rows = figures.map(({ name, value, unit, bar }, index) => {
    const y = 44 + index * ROW;
    const whole = bar === undefined ? (largest.get(unit) ?? 1) : bar / 0.75;
    const length = whole === 0 ? 0 : Math.min(1, value / whole) * width;
    const mark =
      bar === undefined
        ? ""
        : `<line class="bar" x1="${LEFT + 0.75 * width}" y1="${y - 2}" x2="${LEFT + 0.75 * width}" y2="${y + 22}"/>`;
    const kind = bar !== undefined && value > bar ? "above" : "value";
    const words = `${shown(value)} ${unit}${bar === undefined ? "" : ` of ${shown(bar)}`}`;
    return `<text x="${LEFT - 10}" y="${y + 15}" text-anchor="end">${escaped(name)}</text><rect class="${kind}" x="${LEFT}" y="${y}" width="${length.toFixed(1)}" height="20"/>${mark}<text x="${LEFT + width + 8}" y="${y + 15}">${escaped(words)}</text>`;
  });
  const told = figures.map(({ name, value, unit }) => `${name} ${shown(value)} ${unit}`).join("; ");
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escaped(`${title}: ${told}`)}">
<style>
svg { background: #fff; font: 13px system-ui, sans-serif; fill: #1b1f24 }
.value { fill: #0a53be }
.above { fill: #a40e26 }
.bar { stroke: #1b1f24; stroke-width: 2 }
</style>
<text x="12" y="24" font-weight="600">${escaped(title)}</text>
${rows.join("\n")}
</svg>
`;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;

/** The words by which an entry of a list is known: its texts, else its place. */
function labelOf(entry: unknown, index: number): string {
  const words = isObject(entry)
    ? Object.values(entry).filter((value) => typeof value === "string")
    : [];
  return words.length > 0 ? words.join(" ") : String(index + 1);
}

/**
 * The numbers of a report, wherever they stand in it: each is named by the keys and texts on its way, and its own key
 * stands for its unit, so that numbers of one kind share a scale.
 */
export function figuresOf(report: unknown, path: readonly string[] = []): Figure[] {
  if (typeof report === "number") {
    if (!Number.isFinite(report)) return [];
    return [{ name: path.slice(0, -1).join(" ") || "all", value: report, unit: path.at(-1) ?? "" }];
  }
  if (Array.isArray(report)) {
    const inner = path.slice(0, -1);
    const key = path.at(-1) ?? "";
    return report.flatMap((entry, index) =>
      typeof entry === "number"
        ? figuresOf(entry, [...path.slice(0, -1), String(index + 1), key])
        : figuresOf(entry, [...inner, ...(key === "" ? [] : [key]), labelOf(entry, index)]),
    );
  }
  if (!isObject(report)) return [];
  return Object.entries(report).flatMap(([key, value]) => figuresOf(value, [...path, key]));
}

/** Writes a report's numbers as a chart. @throws Error where it holds none, or too many */
export function writeChart(file: string, title: string, report: unknown): void {
  const figures = figuresOf(report);
  if (figures.length === 0 || figures.length > MAX_FIGURES)
    throw new Error(`${figures.length} figures make no chart: expected 1 to ${MAX_FIGURES}`);
  writeFileSync(file, barChart(title, figures));
}
