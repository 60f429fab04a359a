/** Markdown as the formatter of this repository leaves it. */

/** A table; every cell is one line of Markdown. */
export function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = heads.map((_, column) =>
    Math.max(3, ...[heads, ...rows].map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  return [line(heads), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join(
    "\n",
  );
}

/**
 * A document with what stands between its markers replaced.
 *
 * @param text the document; `<!-- table: NAME -->` and `<!-- end -->`, each on a line of its own, enclose a table
 * @param tables what belongs between them, by name
 * @throws Error for a name that is not in `tables`, and for a marker without its end
 */
export function fillTables(
  path: string,
  text: string,
  tables: Readonly<Record<string, () => string>>,
): string {
  const markers = /^<!-- table: (\S+) -->\n(?:(?!<!-- table: )[\s\S])*?^<!-- end -->$/gm;
  const filled = text.replace(markers, (_, name: string) => {
    const print = tables[name];
    if (print === undefined) throw new Error(`${path}: no table is called ${name}`);
    return `<!-- table: ${name} -->\n\n${print()}\n\n<!-- end -->`;
  });
  const starts = text.match(/^<!-- table: /gm)?.length ?? 0;
  const complete = text.match(markers)?.length ?? 0;
  if (starts !== complete) throw new Error(`${path}: a table's marker has no end`);
  return filled;
}
