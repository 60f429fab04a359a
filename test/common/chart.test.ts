// Charts of benchmarks: of figures against their bars, and of any report.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { barChart, figuresOf, writeChart } from "../../host/common/chart.js";

test("a report's numbers are figures, named by the keys and texts on their way", () => {
  const report = {
    machine: "EPYC",
    flows: 1511,
    rows: [
      { name: "sum", ratio: 1.5, counts: [1, 2] },
      { name: "empty", ratio: 0.5 },
    ],
    idle: { before: 3, none: null, infinite: Number.POSITIVE_INFINITY },
  };
  assert.equal(
    figuresOf(report).map(({ name, value, unit }) => `${name} | ${value} ${unit}`),
    [
      "all | 1511 flows",
      "rows sum | 1.5 ratio",
      "rows sum 1 | 1 counts",
      "rows sum 2 | 2 counts",
      "rows empty | 0.5 ratio",
      "idle | 3 before",
    ],
  );
});

test("a chart is one SVG, whose words are escaped and which says what it shows", () => {
  const svg = barChart("<a & b>", [
    { name: "kept", value: 1, unit: "ms", bar: 2 },
    { name: '"missed"', value: 3, unit: "ms", bar: 2 },
    { name: "free", value: 5, unit: "MB" },
  ]);
  assert.match(svg, /^<svg xmlns/);
  assert.match(svg, /&#60;a &#38; b&#62;/);
  assert.not.match(svg, /"missed"/);
  assert.is(svg.match(/class="value"/g)?.length, 2);
  assert.is(svg.match(/class="above"/g)?.length, 1);
});

test("a report without figures, or with too many, makes no chart", () => {
  const folder = mkdtempSync(join(tmpdir(), "vc-chart-"));
  try {
    const file = join(folder, "chart.svg");
    assert.throws(() => writeChart(file, "none", { text: "only" }), /^Error: 0 figures|0 figures/);
    assert.throws(() => writeChart(file, "many", Array(500).fill(1)), /500 figures make no chart/);
    writeChart(file, "one", { value: 1 });
    assert.match(readFileSync(file, "utf8"), /<svg/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
test.run();
