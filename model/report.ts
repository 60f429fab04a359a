/** One line of the table that `npm run model` prints. */
export interface Row {
  model: string;
  /** Number of the property, as in `properties.ts`. */
  property: number;
  what: string;
  states: number;
  bound: string;
  outcome: "held" | "attack" | "no attack" | "failed";
  /** What was found, in words: an attack's steps, or why a search failed. */
  steps: string[];
  weakened: boolean;
}

/** Whether the row says what it has to: properties hold, and each missing check is told by an attack. */
export function asExpected(row: Row): boolean {
  return row.outcome === (row.weakened ? "attack" : "held");
}

function table(header: string[], lines: string[][]): string {
  const widths = header.map((title, column) =>
    Math.max(title.length, ...lines.map((line) => (line[column] ?? "").length)),
  );
  const format = (line: string[]) =>
    line
      .map((text, column) => text.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  return [format(header), format(widths.map((width) => "-".repeat(width))), ...lines.map(format)]
    .join("\n")
    .concat("\n");
}

/** The report of all rows, in text. */
export function report(rows: readonly Row[]): string {
  const number = (n: number) => n.toLocaleString("en-US");
  const held = rows.filter((row) => !row.weakened);
  const weakened = rows.filter((row) => row.weakened);
  const properties = table(
    ["property", "model", "what it says", "states", "outcome", "bound"],
    held.map((row) => [
      `${row.property}`,
      row.model,
      row.what,
      number(row.states),
      row.outcome,
      row.bound,
    ]),
  );
  const attacks = weakened.map(
    (row) =>
      `without ${row.what} (${row.model}, property ${row.property}): ${row.outcome}, ${number(row.states)} states\n` +
      row.steps.map((step, index) => `  ${index + 1}. ${step}\n`).join(""),
  );
  const good = (part: readonly Row[]) => part.filter(asExpected).length;
  const failures = held.filter((row) => !asExpected(row)).flatMap((row) => row.steps);
  return [
    properties,
    ...attacks,
    ...failures.map((failure) => `${failure}\n`),
    `${good(held)} of ${held.length} properties held, ${good(weakened)} of ${weakened.length} weakened models attacked\n`,
  ].join("\n");
}
